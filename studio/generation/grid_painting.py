"""What is done to a sheet on the device: its missing cells are painted, and then a judge looks at all."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path

from studio.edits.concept import Concept
from studio.events import Event, FinishEarly, Result, Step
from studio.generation.generate import Picture, generate
from studio.grids.contact_sheet import contact_sheet
from studio.grids.grid_folder import ARCHIVE, PICTURE, GridFolder
from studio.models.backbone import Backbone
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe

Concepts = Callable[[Recipe], Sequence[Concept]]


def paint_grid(backbone: Backbone, sheet: GridFolder, concepts: Concepts) -> Generator[Event, None, bool]:
    """Paint the cells that are not there yet, each whole or not at all; returns whether all are there now, as
    they are not when it was told to finish early. Yields a Step for each sampling step, counted over all
    cells. The labelled picture and the archive are written at the end, however it ends.
    """
    steps = [cell.recipe.steps for cell in sheet.cells]
    try:
        for number, cell in enumerate(sheet.cells):
            if sheet.is_painted(cell, backbone.name):
                continue
            before = sum(steps[:number])
            for event in generate(backbone, cell.recipe, concepts(cell.recipe)):
                match event:
                    case Step(step=step, steps=of, stage=stage):
                        yield Step(before + step * steps[number] // of, sum(steps), stage=stage)
                    case Result(value=Picture() as picture):
                        _keep(picture, sheet.path(cell))
                        yield Result(sheet.path(cell))
                    case _:
                        yield event
        return True
    except FinishEarly:
        return False
    finally:
        contact_sheet(sheet).save(sheet.folder / PICTURE, format="PNG")
        sheet.archive(sheet.folder / ARCHIVE)


def _keep(picture: Picture, path: Path) -> None:
    partial = path.with_name(f".{path.name}")
    save_picture(picture.image, picture.recipe, partial)
    partial.replace(path)
