"""What becomes of each kind of input: success or a StudioError, at once, and no file elsewhere."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from studio.errors import StudioError
from studio.grids.contact_sheet import contact_sheet
from studio.grids.grid_folder import FILE, GridFolder
from studio.handles import to_handle
from studio.photos.mask_file import read_mask
from studio.photos.photo import open_photos
from studio.photos.photo_set import PhotoSet
from studio.recipes.axis import Axis
from studio.recipes.png import read_recipe_and_notes
from studio.recipes.recipe import Recipe, read_regions
from studio.recipes.settings_text import read_refinements
from studio.settings import Field
from studio.subject import parse_subject
from studio.ui.concept_cards import concept_card, concept_cards
from studio.ui.create.gallery import latest_pictures, painting_card
from studio.ui.parts.progress_card import training_card
from studio.ui.parts.recipe_card import picture_card
from studio.ui.queue_tab import job_list
from studio.workspace.workspace import Workspace
from tests.hostile import inputs

MAX_SECONDS = 5.0
MAX_LETTERS = 2_000  # of a sentence


@dataclass
class Place:
    """A workspace, and a folder beside it from which things are dropped in."""

    workspace: Workspace
    inbox: Path

    @classmethod
    def make(cls, folder: Path) -> Place:
        """Return a new place in `folder`."""
        (folder / "inbox").mkdir(parents=True)
        return cls(Workspace(folder / "workspace"), folder / "inbox")

    def outside(self) -> set[Path]:
        """Return all files that are not in the workspace."""
        root = self.inbox.parent
        return {path for path in root.rglob("*") if not path.is_relative_to(self.workspace.folder)}


def shown(html: str) -> None:
    """Check that a page can send this."""
    html.encode("utf-8")
    assert "<script>" not in html


def photo(place: Place, content: bytes) -> None:
    """Drop a photo in, and train on it."""
    path = place.inbox / "photo.png"
    path.write_bytes(content)
    photos, refusals = open_photos([path])
    assert len(photos) + len(refusals) == 1
    for one in photos:
        assert one.image.mode == "RGB" and min(one.image.size) <= 1024 and not one.image.info
        assert PhotoSet.of([one]).pixels(16).shape == (1, 16, 16, 3)


def mask(place: Place, content: bytes) -> None:
    """Read a mask."""
    found = read_mask(content)
    assert found.mode == "L" and set(found.histogram()[1:255]) == {0}


def concept(place: Place, content: bytes) -> None:
    """Import a concept; whatever is listed then, can be renamed and deleted."""
    library = place.workspace.concepts
    path = place.inbox / "concept.safetensors"
    path.write_bytes(content)
    try:
        with suppress(StudioError):
            library.add(path)
        (library.folder / "beside.safetensors").write_bytes(content)
        shown(concept_cards(place.workspace, ""))
        for entry in library.entries():
            shown(concept_card(place.workspace, entry))
        number = 0
        while entries := library.entries():
            number += 1
            library.rename(entries[0].header.handle, f"renamed-{number}")
            library.delete(f"<renamed-{number}>")
        for name in library.unreadable():
            library.discard(name)
        assert not list(library.folder.iterdir())
    finally:
        for file in (*library.folder.iterdir(), *library.trash.iterdir()):
            file.unlink()


def recipe(place: Place, content: bytes) -> None:
    """Read a dropped picture's recipe, and show it."""
    path = place.inbox / "picture.png"
    path.write_bytes(content)
    read, notes = read_recipe_and_notes(path)
    shown(picture_card(read, warnings=[*place.workspace.reproducibility_warnings(read), *notes]))
    assert Recipe.from_json(read.to_json()).prompt == read.prompt
    place.workspace.resolve_recipe(read)


def name(place: Place, text: str) -> None:
    """Use a text as every kind of name there is."""
    for use in (to_handle, lambda text: parse_subject(text, text, ()), place.workspace.concepts.resolve):
        with suppress(StudioError):
            use(text)
    with suppress(OSError, ValueError):  # what is no name for this file system
        for folder, ending in (
            (place.workspace.pictures, ".png"),
            (place.workspace.concepts.folder, ".safetensors"),
        ):
            file = folder / f"{Path(text).name}{ending}"
            file.write_bytes(b"words")
            shown(latest_pictures(place.workspace, "", None) + concept_cards(place.workspace, ""))
            file.unlink()


def setting(place: Place, drawn: tuple[str, Any, str, str]) -> None:
    """Give a value to a setting, and a text to all that reads one."""
    kind, value, axis, text = drawn
    for read in (
        lambda: Field("a", kind, 1, "", 0, 10, choices=("b", "c")).parse(value),
        lambda: Axis.parse(axis, text),
        lambda: read_regions(text),
        lambda: read_refinements(text),
        lambda: place.workspace.resolve_recipe(Recipe(text, negative=axis)),
    ):
        try:
            read()
        except StudioError as error:
            assert len(str(error)) < MAX_LETTERS


def row(place: Place, drawn: tuple[dict[str, Any], list[str], str]) -> None:
    """Damage a row of the job table, its log and its grid; show it, run it, delete it."""
    columns, lines, grid = drawn
    jobs = place.workspace.jobs
    good, bad = jobs.add("create", "good", inputs.RECIPE).id, jobs.add("create", "bad", {}).id
    try:
        with sqlite3.connect(jobs.root / "jobs.sqlite") as table:
            for column, value in columns.items():
                table.execute(f"update jobs set {column} = ? where id = ?", (value, bad))
        table.close()
        folder = jobs.folder(bad)
        (folder / "events.jsonl").write_text("\n".join(lines), encoding="utf-8", errors="replace")
        (folder / FILE).write_text(grid)
        shown(job_list(place.workspace))
        assert good in [job.id for job in jobs.newest()]
        for card in (painting_card, training_card):
            with suppress(StudioError):
                shown(card(place.workspace, jobs.get(bad)))
        with suppress(StudioError):
            contact_sheet(GridFolder.open(folder))
        while jobs.claim() is not None:
            pass
        jobs.settle_running("It died.", "Press Retry.")
        assert jobs.get(good).status == "queued"
    finally:
        for number in (good, bad):
            with sqlite3.connect(jobs.root / "jobs.sqlite") as table:
                table.execute("update jobs set status = 'done' where id = ?", (number,))
            table.close()
            jobs.delete(number)
    assert not jobs.folder(bad).exists()


KINDS: dict[str, tuple[st.SearchStrategy[Any], Callable[[Place, Any], None]]] = {
    "photo": (inputs.pictures(), photo),
    "mask": (inputs.pictures(), mask),
    "concept": (inputs.concept_files(), concept),
    "recipe": (inputs.recipe_pictures(), recipe),
    "name": (inputs.names, name),
    "setting": (st.tuples(inputs.fields, inputs.values, inputs.names, inputs.parameters()), setting),
    "row": (st.tuples(inputs.rows, st.lists(inputs.lines, max_size=3), inputs.grids), row),
}


def check(place: Place, kind: str, drawn: Any) -> None:
    """Read one input of a kind, and check what became of it."""
    before, began = place.outside(), time.process_time()
    try:
        KINDS[kind][1](place, drawn)
    except StudioError as error:
        sentence = str(error)
        sentence.encode("utf-8")
        assert len(sentence) < MAX_LETTERS
    assert time.process_time() - began < MAX_SECONDS
    new = place.outside() - before
    assert all(path.parent == place.inbox for path in new), new
