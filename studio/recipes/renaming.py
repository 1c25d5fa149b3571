"""Give a concept another name in recipes, axes and grids."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True)
class Renaming:
    """A concept's change of name.

    Args:
        old, new: handles.
        before, after: hashes of its file, which its name is a part of.
    """

    old: str
    new: str
    before: str
    after: str

    def names(self, recipe: Recipe) -> bool:
        """Return whether a recipe is to be painted with this concept."""
        return self.before in recipe.concepts.values()

    def text(self, text: str) -> str:
        """Return a prompt, a title or a value of an axis with the new name."""
        return re.sub(re.escape(self.old), self.new, text, flags=re.IGNORECASE)

    def recipe(self, recipe: Recipe) -> Recipe:
        """Return a recipe with the new name."""
        hashes = {key: self.after if it == self.before else it for key, it in recipe.concepts.items()}
        return dataclasses.replace(
            recipe,
            prompt=self.text(recipe.prompt),
            negative=self.text(recipe.negative),
            strengths=self._keys(recipe.strengths),
            knobs=self._keys(recipe.knobs),
            regions=self._keys(recipe.regions),
            refinements={name: self._value(it) for name, it in recipe.refinements.items()},
            concepts=self._keys(hashes),
        )

    def axis(self, axis: Axis) -> Axis:
        """Return an axis with the new name, among its values or in front of a knob, as in "lily.bias"."""
        handle, dot, knob = axis.name.rpartition(".")
        name = f"{self.new.strip('<>')}.{knob}" if dot and f"<{handle}>" == self.old else axis.name
        values = tuple(self._value(value) for value in axis.values)
        return dataclasses.replace(axis, name=name, values=values)

    def grid(self, grid: Grid) -> Grid:
        """Return a grid with the new name."""
        return Grid(self.recipe(grid.base), self.axis(grid.x), self.axis(grid.y))

    def _value(self, value: V) -> V | str:
        return self.text(value) if isinstance(value, str) else value

    def _keys(self, table: Mapping[str, T]) -> dict[str, T]:
        return {self.new if key == self.old else key: value for key, value in table.items()}
