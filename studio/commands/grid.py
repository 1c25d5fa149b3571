"""The command `grid`: paint a prompt along two axes."""

from __future__ import annotations

import argparse
from pathlib import Path

from studio.commands.base_flags import open_base
from studio.commands.console import show_progress
from studio.commands.recipe_flags import CARDS, open_workspace, recipe_of
from studio.edits.concept import open_concepts
from studio.files import writable_folder
from studio.generation.grid_painting import paint_grid
from studio.grids.grid_folder import ARCHIVE, PICTURE, GridFolder
from studio.recipes.axis import SINGLE, Axis
from studio.recipes.grid import Grid
from studio.words import tr

GRID = (
    "Paint a prompt once for every pair of two values. What can change: concept, method, prompt (the first "
    "value is searched for, and replaced by each), strength, any knob of the concepts, guidance, steps, "
    "seed and the other fields of a recipe. A grid that was interrupted goes on where it was."
)


def add_grid_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `run_grid` needs beside those of a recipe."""
    values = "what changes, and to what: guidance=2,4,8 or lily.bias=0.2:0.8:0.2 or concept=lily,tom"
    parser.add_argument("--x", required=True, metavar="NAME=VALUES", help=f"the columns; {values}")
    parser.add_argument("--y", metavar="NAME=VALUES", help="the rows; without it there is one")


def run_grid(given: argparse.Namespace) -> None:
    """Paint the grid that the flags describe, and print its files. Raises StudioError."""
    workspace = open_workspace(given)
    x, y = (_axis(text) if text else SINGLE for text in (given.x, given.y))
    grid, cells = workspace.resolve_grid(Grid(recipe_of(given, workspace, (x, y)), x, y))
    folder = GridFolder.create(writable_folder(given.out or Path("grid")), grid, cells)
    backbone = open_base(given, workspace.cache)
    painting = paint_grid(backbone, folder, lambda recipe: open_concepts(workspace.concepts, recipe))
    for _ in show_progress(painting):
        pass
    text = "{picture}, and all pictures in {archive}"
    print(tr(text, picture=folder.folder / PICTURE, archive=folder.folder / ARCHIVE))


def _axis(text: str) -> Axis:
    """Return the axis of a text such as "guidance=2,4,8"."""
    name, _, values = text.partition("=")
    return Axis.parse(name, values, CARDS)
