"""Stars, notes and covers of concepts: kept beside the files, and known by what never changes in one."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import pytest

from studio.concepts.header import Header, read_header
from studio.errors import DiskError, StudioError
from studio.interop.sharing import write_without_traces
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.concept_cards import concept_card, concept_cards
from studio.ui.concept_extras import cover_section, download_link, photos_section
from studio.ui.parts.markup import file_url
from studio.ui.parts.thumbnails import portrait
from studio.workspace import concept_marks
from studio.workspace.concept_marks import Mark, concept_key
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face, header_of, save_concept


def add(workspace: Workspace, handle: str, seed: int = 1, **changes: object) -> Header:
    """Put a concept into the library."""
    header = dataclasses.replace(header_of(handle, "fox", seed, 5, 40), **changes)
    save_concept(workspace.concepts.path(handle), header)
    return workspace.concepts.find(handle).header


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path)


def test_marks_survive_a_start_a_rename_and_the_trash(workspace: Workspace) -> None:
    header = add(workspace, "<lily>")
    hash_before = workspace.concepts.hash(workspace.concepts.find("<lily>"))
    workspace.marks.change(header, starred=True)
    workspace.marks.write_note(header, "  For the cards. ")
    assert workspace.concepts.hash(workspace.concepts.find("<lily>")) == hash_before
    workspace.rename("<lily>", "rose")
    workspace.trash.restore(workspace.concepts.delete("<rose>").name)
    again = Workspace(workspace.folder)
    header = again.concepts.find("<rose>").header
    assert again.marks.of(header) == Mark(starred=True, note="For the cards.")


def test_another_concept_of_the_same_name_has_none_of_them(workspace: Workspace) -> None:
    workspace.marks.change(add(workspace, "<lily>"), starred=True, note="old")
    workspace.concepts.delete("<lily>")
    assert workspace.marks.of(add(workspace, "<lily>", seed=2)) == Mark()


@pytest.mark.parametrize(
    "change",
    [{"seed": 2}, {"created": "2020-01-01T00:00:00+00:00"}, {"final_loss": 0.2}, {"method": "dreambooth"}],
    ids=str,
)
def test_the_key_tells_concepts_apart_and_not_names(workspace: Workspace, change: dict) -> None:
    header = header_of("<lily>", "fox", 1, 5, 40)
    assert concept_key(dataclasses.replace(header, **change)) != concept_key(header)
    assert concept_key(dataclasses.replace(header, handles={"<rose>": "fox"})) == concept_key(header)


def test_what_takes_the_place_of_a_concept_has_its_marks_unless_of_another_training(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, mark = header_of("<lily>", "fox", 1, 5, 40), Mark(starred=True, note="old")
    workspace.marks.change(before, starred=True, note="old")
    for other in ({"seed": 2}, {"method": "dreambooth"}, {"photos": 6}, {"handles": {"<lily>": "cat"}}):
        workspace.marks.pass_on(before, dataclasses.replace(before, steps=50, **other))
    workspace.marks.pass_on(before, before)
    assert workspace.marks.content().concepts == {concept_key(before): mark}
    after = dataclasses.replace(before, steps=50, handles={"<rose>": "fox"})
    workspace.marks.pass_on(before, after, stays=True)
    assert workspace.marks.of(before) == workspace.marks.of(after) == mark
    monkeypatch.setattr(concept_marks, "MAX_MARKED", 2)
    workspace.marks.pass_on(after, last := dataclasses.replace(before, steps=60), stays=True)
    assert workspace.marks.of(last) == mark and workspace.marks.of(after) == Mark()
    workspace.marks.pass_on(header_of("<lily>", "fox", 1, 5, 41), last)
    assert workspace.marks.of(last) == Mark()  # as the one in whose place it is has none


def test_a_note_goes_along_with_a_download_and_comes_back(workspace: Workspace, tmp_path: Path) -> None:
    header, entry = add(workspace, "<lily>"), workspace.concepts.find("<lily>")
    assert workspace.marks.with_note(entry, tmp_path / "out") == entry.path
    workspace.marks.write_note(header, "Best at 0.8, “really”.")
    copy = workspace.marks.with_note(entry, tmp_path / "out")
    assert copy.name == entry.path.name and read_header(copy).note == "Best at 0.8, “really”."
    assert copy.read_bytes()[-4:] == entry.path.read_bytes()[-4:]
    assert read_header(copy).preview == read_header(entry.path).preview
    assert "lily.safetensors" in download_link(workspace, entry)
    other = Workspace(tmp_path / "other")
    there = other.concepts.add(copy).header
    assert other.marks.note(there) == "Best at 0.8, “really”."
    other.marks.write_note(there, "")
    assert other.marks.note(there) == "" and Workspace(other.folder).marks.note(there) == ""
    shared = tmp_path / "shared.safetensors"
    write_without_traces(copy, shared)
    assert read_header(shared).note == ""


def test_of_copies_with_a_note_the_last_of_each_concept_stays_for_a_day(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "out"
    lily, rose = add(workspace, "<lily>"), add(workspace, "<rose>", seed=2)
    for header, text in ((rose, "red"), (lily, "one"), (lily, "two")):
        workspace.marks.write_note(header, text)
        copy = workspace.marks.with_note(workspace.concepts.find(header.handle), folder)
    assert {read_header(file).note for file in folder.rglob("*.safetensors")} == {"red", "two"}
    written = copy.stat().st_mtime_ns
    assert workspace.marks.with_note(workspace.concepts.find("<lily>"), folder) == copy
    assert copy.stat().st_mtime_ns == written
    for place in folder.iterdir():
        os.utime(place, (0, 0))
    workspace.marks.with_note(workspace.concepts.find("<lily>"), folder)
    assert {read_header(file).note for file in folder.rglob("*.safetensors")} == {"two"}


def test_without_room_for_a_copy_with_the_note_the_card_brings_the_file_itself(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    header, entry = add(workspace, "<lily>"), workspace.concepts.find("<lily>")
    workspace.marks.write_note(header, "Best at 0.8.")

    def no_room(*values: object) -> None:
        raise DiskError("There is no room left on the disk.", "Free some space.")

    monkeypatch.setattr(concept_marks, "write_with_header", no_room)
    assert file_url(entry.path) in concept_card(workspace, entry)
    monkeypatch.undo()
    assert "/exports/" in concept_card(workspace, entry)


def test_files_of_before_open_and_have_no_note(workspace: Workspace) -> None:
    header = header_of("<lily>", "fox", 1, 5, 40)
    values = json.loads(header.to_text())
    del values["note"]
    assert Header.from_text(json.dumps(values)) == header and header.note == ""


def test_a_note_has_an_end(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    header = add(workspace, "<lily>")
    with pytest.raises(StudioError, match="The note has 1001 letters"):
        workspace.marks.write_note(header, "x" * 1001)
    monkeypatch.setattr(concept_marks, "MAX_MARKED", 1)
    workspace.marks.change(header, starred=True)
    with pytest.raises(StudioError, match="which is the most"):
        workspace.marks.change(add(workspace, "<rose>", seed=2), starred=True)
    workspace.marks.change(header, starred=False)
    assert workspace.marks.content().concepts == {}


def test_a_damaged_document_is_put_aside_and_said(workspace: Workspace) -> None:
    add(workspace, "<lily>")
    (workspace.folder / "marks.json").write_bytes(b'{"concepts": {"a": {"starred": 3}}}')
    shown = concept_cards(workspace, "")
    assert "The list of stars and notes of concepts cannot be read" in shown and "&lt;lily&gt;" in shown
    assert [path.name[-10:] for path in workspace.concepts.trash.iterdir()] == ["marks.json"]


def test_a_picture_painted_with_it_can_be_the_cover(workspace: Workspace) -> None:
    header, entry = add(workspace, "<lily>"), workspace.concepts.find("<lily>")
    for number, prompt in enumerate(("<lily> at sea", "<lily-2> at sea", "a fox")):
        save_picture(
            draw_face(number), Recipe(prompt, seed=number), workspace.pictures / f"0000{number}-01.png"
        )
    choices = cover_section(workspace, entry)
    assert "&lt;lily&gt; 00000-01.png" in choices and "00001" not in choices and "00002" not in choices
    plain = portrait(workspace, entry)
    workspace.marks.change(header, cover="00000-01.png")
    assert portrait(workspace, entry) != plain
    assert 'data-id="&lt;lily&gt; 00000-01.png" aria-pressed="true"' in cover_section(workspace, entry)
    (workspace.pictures / "00000-01.png").unlink()
    assert portrait(workspace, entry) == plain


def test_the_photos_of_a_training_are_shown_where_they_still_are(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(workspace, "<lily>")
    assert photos_section(workspace, "<lily>") == ""
    folder = workspace.jobs.root / "7" / "photos"
    folder.mkdir(parents=True)
    for number in range(15):
        draw_face(number).save(folder / f"{number:02d}.png")
    monkeypatch.setattr(workspace, "photos_of", lambda handle: folder)
    shown = photos_section(workspace, "<lily>")
    assert shown.count("<img") == 12 and "15 photos, kept with the training" in shown
    assert "3 more are not shown." in shown and str(folder) not in shown
