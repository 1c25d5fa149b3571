"""One bad file in any folder of the workspace is named with the reason, can go, and changes nothing else."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from studio.errors import StudioError
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.compare.before_after import before_after
from studio.ui.concept_cards import concept_cards
from studio.ui.create.gallery import latest_pictures, painting_card
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.progress_card import progress_of, training_card
from studio.ui.queue_tab import job_list
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

BAD_NAMES = ["bad", "<b>&bad", "x" * 200, "子犬", os.fsdecode(b"bad\xff"), "two\nlines"]


def make_bad(kind: str, path: Path) -> None:
    """Make something at `path` that is no file of ours."""
    match kind:
        case "words":
            path.write_text("these are words")
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "broken link":
            path.symlink_to(path.parent / "nowhere")
        case "link to itself":
            path.symlink_to(path)
        case "pipe":
            os.mkfifo(path)


KINDS = ["words", "empty", "folder", "broken link", "link to itself", "pipe"]


def workspace_with_one_of_all(folder: Path) -> Workspace:
    workspace = Workspace(folder)
    save_concept(workspace.concepts.path("<mona>"), header_of("<mona>", "cat", 3, 5, 40))
    save_picture(Image.new("RGB", (8, 8)), Recipe("a cat"), workspace.pictures / "00001-01.png")
    workspace.jobs.add("create", "a cat", Recipe("a cat").to_json())
    return workspace


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_concept_file_is_named_and_can_go(tmp_path: Path, kind: str) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    before = concept_cards(workspace, "")
    make_bad(kind, workspace.concepts.folder / "bad.safetensors")
    assert [entry.header.handle for entry in workspace.concepts.entries()] == ["<mona>"]
    assert "bad.safetensors is not a concept file: " in concept_cards(workspace, "")
    workspace.concepts.discard("bad.safetensors")
    assert concept_cards(workspace, "") == before
    with pytest.raises(StudioError, match="no longer there"):
        workspace.concepts.discard("bad.safetensors")


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_picture_is_named_and_can_go(tmp_path: Path, kind: str) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    before = latest_pictures(workspace, "", None)
    make_bad(kind, workspace.pictures / "bad.png")
    assert [path.name for path in workspace.gallery.newest()] == ["00001-01.png"]
    assert "bad.png cannot be shown: " in latest_pictures(workspace, "", None)
    workspace.gallery.discard("bad.png")
    assert latest_pictures(workspace, "", None) == before


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_that_no_page_can_show_are_shown_as_escapes(tmp_path: Path, name: str) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    (workspace.concepts.folder / f"{name}.safetensors").write_text("words")
    (workspace.pictures / f"{name}.png").write_text("words")
    for page in (concept_cards(workspace, ""), latest_pictures(workspace, "", None)):
        page.encode("utf-8")
        assert "<b>" not in page
    mona = workspace.concepts.find("<mona>").path
    mona.rename(mona.with_name(f"{name}2.safetensors"))
    concept_cards(workspace, "<mona>").encode("utf-8")
    workspace.concepts.rename("<mona>", "lisa")
    workspace.concepts.delete("<lisa>")
    assert len(workspace.concepts.unreadable()) == 1


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("folder", ["trash", "cache", "jobs"])
def test_a_bad_file_in_the_other_folders_changes_nothing(tmp_path: Path, folder: str, kind: str) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    for name in ("bad.safetensors", "00009", "thumbnails.png"):
        make_bad(kind, tmp_path / folder / name)
    again = Workspace(tmp_path)
    again.add_demo_concept()
    assert [job.title for job in again.jobs.newest()] == ["a cat"] and not again.jobs.unreadable()
    assert [entry.header.handle for entry in again.concepts.entries()] == ["<mona>"]
    path = workspace.concepts.delete("<mona>")
    assert workspace.concepts.restore(path).header.handle == "<mona>"


@pytest.mark.parametrize("kind", ["words", "empty", "folder", "broken link"])
def test_a_bad_log_of_a_job_is_an_empty_one(tmp_path: Path, kind: str) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    (job,) = workspace.jobs.newest()
    make_bad(kind, workspace.jobs.folder(job.id) / "events.jsonl")
    assert workspace.jobs.events(job.id) == [] and progress_of(workspace, job).steps == 0
    assert "a cat" in job_list(workspace)


@pytest.mark.parametrize("value", ["not JSON", "[" * 100_000, '{"count": 1e999}', b"\xff"])
def test_a_bad_row_is_named_and_can_go(tmp_path: Path, value: object) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    before = job_list(workspace)
    bad = workspace.jobs.add("create", "b", {}).id
    with sqlite3.connect(workspace.jobs.root / "jobs.sqlite") as table:
        table.execute("update jobs set task = ? where id = ?", (value, bad))
    table.close()
    assert f"Job {bad} cannot be read" in job_list(workspace)
    workspace.jobs.delete(bad)
    assert job_list(workspace) == before


def test_a_text_in_no_encoding_hides_no_other_row(tmp_path: Path) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    bad = workspace.jobs.add("create", "b", {}).id
    with sqlite3.connect(workspace.jobs.root / "jobs.sqlite") as table:
        table.execute("update jobs set title = cast(x'ff41' as text) where id = ?", (bad,))
    table.close()
    assert [job.title for job in workspace.jobs.newest()] == ["\\xffA", "a cat"]


def test_what_is_in_the_way_of_a_name_is_not_overwritten(tmp_path: Path) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    bad = workspace.concepts.folder / "lisa.safetensors"
    bad.write_text("somebody's own")
    entry = workspace.concepts.rename("<mona>", "lisa")
    assert entry.path.name == "lisa.2.safetensors" and bad.read_text() == "somebody's own"
    assert workspace.concepts.path("<lisa>") == entry.path


@pytest.mark.parametrize("task", [{"prompt": "a", "count": 10**9}, {"prompt": 3}, {}])
def test_a_painting_that_cannot_be_is_a_sentence_on_the_page(tmp_path: Path, task: dict) -> None:
    workspace = Workspace(tmp_path)
    job = workspace.jobs.add("create", "a", task)
    view = LiveView(gr.HTML(), lambda: painting_card(workspace, job))
    assert "The recipe cannot be read: its `" in view.redraw({})


@pytest.mark.parametrize("task", [{}, {"handle": "<a>", "noun": 3}, {"handle": "x", "noun": "cat"}])
def test_a_training_that_cannot_be_is_a_sentence_on_the_page(tmp_path: Path, task: dict) -> None:
    workspace = Workspace(tmp_path)
    job = workspace.jobs.add("train", "a", task)
    view = LiveView(gr.HTML(), lambda: training_card(workspace, job))
    assert "The training cannot be read: its `" in view.redraw({})


def test_side_by_side_says_which_picture_has_no_recipe(tmp_path: Path) -> None:
    workspace = workspace_with_one_of_all(tmp_path)
    Image.new("RGB", (8, 8)).save(workspace.pictures / "00002-01.png")
    html = before_after(workspace, 0, ("", "", 0))
    assert "00002-01.png has no recipe inside" in html and "Nothing to compare yet" in html


def test_two_files_of_one_name_deleted_in_one_second_are_both_in_the_trash(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for number in range(3):
        save_concept(workspace.concepts.path("<mona>"), header_of("<mona>", "cat", number, 5, 40))
        workspace.concepts.delete("<mona>")
    assert len(list(workspace.concepts.trash.iterdir())) == 3
