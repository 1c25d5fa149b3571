"""The command that paints a prompt along two axes."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from studio.commands.console import show_progress
from studio.commands.recipe_flags import open_workspace, recipe_of
from studio.edits.concept import open_concepts
from studio.files import writable_folder
from studio.generation.grid_painting import paint_grid
from studio.grids.grid_folder import ARCHIVE, PICTURE, GridFolder
from studio.models import opening
from studio.recipes.axis import SINGLE, Axis
from studio.recipes.grid import Grid
from studio.recipes.refinement_card import RefinementCard

GRID = (
    "Paint a prompt once for every pair of two values. What can change: concept, method, prompt (the first "
    "value is searched for, each is put in its place), strength, any knob of the concepts, guidance, steps, "
    "seed and the other fields of a recipe. A grid that was interrupted goes on where it was."
)


def run_grid(given: argparse.Namespace) -> None:
    """Paint the grid that the flags describe and print where it is. Raises StudioError."""
    workspace = open_workspace(given)
    x, y = (_axis(text, workspace.refinements) if text else SINGLE for text in (given.x, given.y))
    grid, cells = workspace.resolve_grid(Grid(recipe_of(given, workspace, (x, y)), x, y))
    sheet = GridFolder.create(writable_folder(given.out or Path("grid")), grid, cells)
    backbone = opening.open_backbone(given.base)
    for _ in show_progress(
        paint_grid(backbone, sheet, lambda recipe: open_concepts(workspace.library, recipe))
    ):
        pass
    print(f"{sheet.folder / PICTURE}, and every picture by its place in {sheet.folder / ARCHIVE}")


def _axis(text: str, cards: Sequence[RefinementCard]) -> Axis:
    """The axis that "guidance=2,4,8" stands for."""
    name, _, values = text.partition("=")
    return Axis.parse(name, values, cards)
