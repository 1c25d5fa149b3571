"""A picture as values: its recipe, the PNG that carries it, and axes and grids of recipes. Needs no torch."""
