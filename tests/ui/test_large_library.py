"""Many concepts, pictures and jobs: lists come in pages, and what has not changed is not read again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from studio import folder_listing
from studio.concepts import header_index
from studio.concepts.concept_library import Library
from studio.ui.app import build
from studio.ui.concept_cards import concept_cards
from studio.ui.create.gallery import latest_pictures
from studio.ui.parts.job_cards import cards_of
from studio.ui.parts.live_views import LiveView
from studio.ui.parts.pager import first_of_page, pager, turned_page
from studio.ui.parts.prompt_buttons import concept_buttons
from studio.ui.queue_tab import job_list
from studio.workspace.pictures import PNG_START
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept
from tests.browser.stage import catalogue

COUNT = 130


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the concept files whose headers are read."""
    names: list[str] = []
    read = header_index.read_header
    monkeypatch.setattr(header_index, "read_header", lambda path: names.append(path.name) or read(path))
    return names


@pytest.fixture
def scans(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders that are listed."""
    folders: list[Path] = []
    scan = folder_listing.os.scandir
    monkeypatch.setattr(folder_listing.os, "scandir", lambda folder: folders.append(folder) or scan(folder))
    return folders


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("large")
    workspace = Workspace(folder)
    for number in range(COUNT):
        path = workspace.concepts.path(f"<c{number:03d}>")
        save_concept(path, header_of(f"<c{number:03d}>", "fox", number, 5, 40))
        os.utime(path, (1000 + number, 1000 + number))
        (workspace.pictures / f"{number:05d}-01.png").write_bytes(PNG_START)
    return folder


@pytest.fixture
def workspace(filled: Path) -> Iterator[Workspace]:
    for name in ("concepts", "pictures"):
        os.utime(filled / name, (1000, 1000))
    workspace = Workspace(filled)
    for name in ("concepts", "pictures"):
        os.utime(filled / name, (1000, 1000))
    yield workspace


def test_the_page_is_up_before_the_library_is_read(workspace: Workspace, scans: list[Path]) -> None:
    build(workspace, catalogue())
    assert workspace.concepts.folder not in scans


def test_cards_buttons_pictures_and_jobs_come_in_pages(workspace: Workspace) -> None:
    first, last = concept_cards(workspace, ""), concept_cards(workspace, "", 99)
    assert first.count('class="concept"') == 60 and "&lt;c129&gt;" in first and "&lt;c069&gt;" not in first
    assert "1 to 60 of 130 concepts" in first and "Show more" in first and "Newer" not in first
    assert last.count('class="concept"') == 10 and "&lt;c000&gt;" in last and "Show more" not in last
    assert concept_buttons(workspace).count('class="round-button"') == 24
    pictures = latest_pictures(workspace, "", None, 2)
    assert pictures.count("<img") == COUNT - 2 * 48 and "00000-01.png" in pictures
    assert workspace.gallery.find("00000-01.png").name == "00000-01.png"
    for number in range(COUNT):
        job = workspace.jobs.add("train", f"job {number}", {})
        if number >= 2:
            workspace.jobs.request_stop(job.id, "discard")
    shown = job_list(workspace, 1)
    assert "job 0<" in shown and "job 1<" in shown  # what waits is on every page
    assert shown.count("<li") == 2 + 50 and "51 to 100 of 128 ended jobs" in shown
    (waiting,) = cards_of(workspace, "train").whole
    assert waiting.title == "job 0"


def test_an_unchanged_folder_is_listed_once_and_no_file_opened_again(
    workspace: Workspace, opened: list[str], scans: list[Path]
) -> None:
    for _ in range(3):
        concept_cards(workspace, "")
        latest_pictures(workspace, "", None)
        assert workspace.concepts.find("<c005>").header.seed == 5 and workspace.concepts.has("<c100>")
    assert len(opened) == len(set(opened)) and scans.count(workspace.concepts.folder) == 1
    assert scans.count(workspace.pictures) == 1


def test_the_next_start_opens_no_concept(
    workspace: Workspace, opened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    handles = [entry.header.handle for entry in workspace.concepts.entries()]
    opened.clear()
    again = Workspace(workspace.folder)
    assert [entry.header.handle for entry in again.concepts.entries()] == handles and not opened
    assert again.concepts.find("<c007>").read_preview().startswith(b"\x89PNG")
    (workspace.cache / "concepts.json").write_bytes(b"[{]")
    again = Workspace(workspace.folder)
    assert [entry.header.handle for entry in again.concepts.entries()] == handles and len(opened) == COUNT


def test_every_change_is_seen_at_once(tmp_path: Path) -> None:
    library = Library(tmp_path / "concepts", tmp_path / "trash")
    path = library.path("<lily>")
    for number in range(5):
        save_concept(path, header_of("<lily>", "fox", number, 5, 40))
        assert library.find("<lily>").header.seed == number and len(library.entries()) == 1
        path.unlink()
        assert not library.entries() and not library.has("<lily>")


def test_a_file_written_over_in_place_is_noticed_when_it_is_asked_for(tmp_path: Path) -> None:
    library = Library(tmp_path / "concepts", tmp_path / "trash")
    path, other = library.path("<lily>"), tmp_path / "other.safetensors"
    save_concept(path, header_of("<lily>", "fox", 1, 5, 40))
    os.utime(library.folder, (1000, 1000))
    assert library.find("<lily>").header.seed == 1
    save_concept(other, header_of("<lily>", "fox", 22, 5, 40))
    path.write_bytes(other.read_bytes())
    os.utime(library.folder, (1000, 1000))
    assert library.find("<lily>").header.seed == 22


def test_a_link_to_nowhere_is_named_and_hides_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path / "concepts", tmp_path / "trash")
    save_concept(library.path("<lily>"), header_of("<lily>", "fox", 1, 5, 40))
    library.path("<gone>").symlink_to(tmp_path / "nowhere")
    assert [entry.header.handle for entry in library.entries()] == ["<lily>"]
    assert {name: error.message for name, error in library.unreadable().items()} == {
        "gone.safetensors": "gone.safetensors is not a concept file: No such file or directory."
    }


@pytest.mark.parametrize(
    ("page", "count", "first"), [(0, 0, 0), (0, 5, 0), (1, 25, 10), (9, 25, 20), (-3, 25, 0), (2, 20, 10)]
)
def test_a_page_that_is_not_there_is_the_nearest(page: int, count: int, first: int) -> None:
    assert first_of_page(page, count, 10) == first


def test_the_buttons_turn_to_the_pages_beside() -> None:
    assert pager(0, 10, 10, "pictures") == ""
    middle = pager(1, 25, 10, "pictures")
    assert 'data-id="0"' in middle and 'data-id="2"' in middle and "11 to 20 of 25 pictures" in middle
    assert turned_page("turn", "2") == 2 and turned_page("select", "2") is None


def test_a_view_says_a_sentence_in_place_of_a_fault() -> None:
    import gradio as gr

    from studio.errors import StudioError

    def draw() -> str:
        raise StudioError("Another program holds the list of jobs.", "Try again in a moment.")

    assert "Another program holds the list of jobs." in LiveView(gr.HTML(), draw).redraw({})
