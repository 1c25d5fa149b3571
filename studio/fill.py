"""What is done to a sheet on the device: its missing cells are painted, and then a judge looks at all."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

from PIL import Image
from torch import Tensor

from studio import measures
from studio.backbone import Backbone
from studio.concept import Concept
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.eye import Reader
from studio.generate import Picture, generate
from studio.marks import Mark, Marks
from studio.photo_set import PhotoSet
from studio.picture_file import save_picture
from studio.recipe import HANDLE, Recipe, handles_in
from studio.sheet import ARCHIVE, PICTURE, Sheet
from studio.sheet_picture import labelled
from studio.shots import spoken
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


def judged(judge: Reader, workspace: Workspace, sheet: Sheet) -> Iterator[Event]:
    """Mark every painted cell, and keep the marks with the sheet. Likeness is measured against the photos
    that the named concepts were trained on in this workspace, as far as it still has them."""
    yield Note("Judging the pictures.")
    seen: dict[str, Tensor] = {}
    photos: dict[str, int] = {}
    nouns: dict[str, str] = {}
    marks: dict[str, Mark] = {}
    for cell in sheet.cells:
        path, prompt = sheet.path(cell), cell.recipe.prompt
        if not path.exists() or path.name in marks:
            continue
        for handle in handles_in(prompt):
            if handle not in nouns:
                nouns[handle] = workspace.shelf.find(handle).header.handles[handle]
                folder = workspace.photos_of(handle)
                squares = PhotoSet.load(folder).squares if folder else ()
                photos[handle] = len(squares)
                if squares:
                    seen[handle] = judge.look(squares)
        look = judge.look([Image.open(path)])
        agreement = measures.agreement(look, judge.read([read_aloud(prompt, nouns)])).item()
        there = [seen[handle] for handle in handles_in(prompt) if handle in seen]
        if there:
            likeness = statistics.fmean(measures.likeness(look, each).item() for each in there)
            nearest = max(measures.copying(look, each).item() for each in there)
            marks[path.name] = Mark(likeness, agreement, nearest)
        else:
            marks[path.name] = Mark(None, agreement)
    Marks(judge.name, marks, photos).save(sheet.folder)


def read_aloud(prompt: str, nouns: Mapping[str, str]) -> str:
    """`prompt` as a judge reads it, who knows no learned word: nouns in the place of handles, each with an
    article where there is none."""
    parts = HANDLE.split(prompt)
    read = parts[0]
    for handle, rest in zip(HANDLE.findall(prompt), parts[1:], strict=True):
        before = read.replace("{", "{{").replace("}", "}}")
        read = spoken(before + "{}", nouns.get(handle.lower(), handle)) + rest
    return read
