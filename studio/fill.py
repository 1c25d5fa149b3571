"""What is done to a sheet on the device: its missing cells are painted, and then a judge looks at all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from PIL import Image

from studio.backbone import Backbone
from studio.concept import Concept
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.generate import Picture, generate
from studio.marks import Mark, Marks, with_nouns
from studio.photo_set import PhotoSet
from studio.recipe import Recipe, handles_in, save_picture
from studio.score import Judge
from studio.sheet import ARCHIVE, PICTURE, Sheet
from studio.sheet_picture import labelled
from studio.workspace import Workspace

Concepts = Callable[[Recipe], Sequence[Concept]]


def fill(backbone: Backbone, sheet: Sheet, concepts: Concepts) -> Generator[Event, None, bool]:
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
        labelled(sheet).save(sheet.folder / PICTURE, format="PNG")
        sheet.archive(sheet.folder / ARCHIVE)


def _keep(picture: Picture, path: Path) -> None:
    partial = path.with_name(f".{path.name}")
    save_picture(picture.image, picture.recipe, partial)
    partial.replace(path)


def judged(judge: Judge, name: str, workspace: Workspace, sheet: Sheet) -> Iterator[Event]:
    """Mark every painted cell, and keep the marks with the sheet. Likeness is the mean cosine with the photos
    that the named concepts were trained on in this workspace, as far as it still has them."""
    yield Note("Judging the pictures.")
    photos: dict[str, Sequence[Image.Image]] = {}
    nouns: dict[str, str] = {}
    marks: dict[str, Mark] = {}
    for cell in sheet.cells:
        path = sheet.path(cell)
        if not path.exists() or path.name in marks:
            continue
        prompt, picture = cell.recipe.prompt, [Image.open(path).convert("RGB")]
        for handle in handles_in(prompt):
            if handle not in nouns:
                entry, folder = workspace.shelf.find(handle), workspace.photos_of(handle)
                nouns[handle] = entry.header.handles[handle]
                photos[handle] = PhotoSet.load(folder).squares if folder else ()
        there = [photos[handle] for handle in handles_in(prompt) if photos[handle]]
        likeness = statistics.fmean(judge.likeness(picture, squares) for squares in there) if there else None
        marks[path.name] = Mark(likeness, judge.agreement(picture, with_nouns(prompt, nouns)))
    Marks(name, marks, {handle: len(squares) for handle, squares in photos.items()}).save(sheet.folder)
