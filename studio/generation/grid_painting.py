"""Paint the missing cells of a grid."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from studio.edits.concept import Concept
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.files import png_bytes, write_atomic
from studio.generation.generate import Picture, generate
from studio.grids.contact_sheet import contact_sheet
from studio.grids.grid_folder import ARCHIVE, PICTURE, GridFolder
from studio.models.backbone import Backbone
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe

Concepts = Callable[[Recipe], Sequence[Concept]]
Present = Callable[[GridFolder], GridFolder]


def paint_grid(
    backbone: Backbone, grid: GridFolder, concepts: Concepts, present: Present = lambda grid: grid
) -> Generator[Event, None, bool]:
    """Paint all missing cells of a grid. Each file is written atomically.

    Args:
        concepts: opens those of a recipe.
        present: returns the grid as it is called now; a concept may get another name between two cells.

    Yields a Step for each sampling step, counted over all cells, and a Result with the path of each painted
    cell. The contact sheet and the archive are written at the end, however it ends. Returns False if it was
    stopped early.
    """
    steps = [cell.recipe.steps for cell in grid.cells]
    said: set[str] = set()  # the cells differ in little, and would all say the same
    try:
        for number in range(len(steps)):
            grid = present(grid)
            cell = grid.cells[number]
            if grid.is_painted(cell, backbone.name):
                continue
            before = sum(steps[:number])
            for event in generate(backbone, cell.recipe, concepts(cell.recipe)):
                match event:
                    case Step(step=step, steps=of, stage=stage):
                        yield Step(before + step * steps[number] // of, sum(steps), stage=stage)
                    case Result(value=Picture() as picture):
                        save_picture(picture.image, picture.recipe, grid.path(cell))
                        yield Result(grid.path(cell))
                    case Note(text=text) if text in said:
                        continue
                    case Note(text=text):
                        said.add(text)
                        yield event
                    case _:
                        yield event
        grid = present(grid)
        return True
    except FinishEarly:
        return False
    finally:
        write_overview(grid)


def write_overview(grid: GridFolder) -> None:
    """Write the contact sheet and the archive of a grid as it is now."""
    write_atomic(grid.folder / PICTURE, png_bytes(contact_sheet(grid)))
    grid.archive(grid.folder / ARCHIVE)
