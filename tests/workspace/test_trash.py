"""The trash: what was deleted is listed, comes back, and goes for good."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.files import move_to_trash
from studio.workspace.pictures import PNG_START
from studio.workspace.trash import Trash
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path / "work")
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "fox", 1, 5, 40))
    for name in ("00012-01.png", "2-cats.png"):
        (workspace.pictures / name).write_bytes(PNG_START)
    return workspace


def fill(workspace: Workspace) -> Trash:
    workspace.concepts.delete("<lily>")
    workspace.gallery.delete("00012-01.png")
    workspace.gallery.delete("2-cats.png")
    return Workspace(workspace.folder).trash  # as after a reload


def test_everything_deleted_is_listed_and_comes_back_under_its_name(workspace: Workspace) -> None:
    trash = fill(workspace)
    things = {one.title: one for one in trash.newest(9)}
    assert set(things) == {"<lily>", "00012-01.png", "2-cats.png"} and trash.count() == 3
    assert {one.kind for one in things.values()} == {"concept", "picture"}
    assert all(abs(one.deleted - time.time()) < 60 for one in things.values())
    assert trash.size() == sum(one.size for one in things.values()) > 2 * len(PNG_START)
    for one in things.values():
        trash.restore(one.file)
    assert trash.count() == 0 and workspace.concepts.has("<lily>")
    assert workspace.gallery.count() == 2 and workspace.gallery.find("00012-01.png").is_file()
    with pytest.raises(StudioError, match="no longer in the trash"):
        trash.restore(things["<lily>"].file)


def test_newest_first_in_pages(workspace: Workspace) -> None:
    folder = workspace.trash.folder
    for number in range(5):
        (folder / f"2026010{number + 1}-101010-a{number}.png").write_bytes(b"x")
    assert [one.name for one in workspace.trash.newest(2)] == ["a4.png", "a3.png"]
    assert [one.name for one in workspace.trash.newest(9, 3)] == ["a1.png", "a0.png"]


def test_two_of_one_name_deleted_in_one_second_keep_it(workspace: Workspace, tmp_path: Path) -> None:
    for _ in range(3):
        path = tmp_path / "2-same.png"
        path.write_bytes(b"x")
        move_to_trash(path, workspace.trash.folder)
    assert [one.name for one in workspace.trash.newest(9)] == ["2-same.png"] * 3


def test_a_taken_name_is_said_and_nothing_is_overwritten(workspace: Workspace) -> None:
    trash = fill(workspace)
    things = {one.title: one.file for one in trash.newest(9)}
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "fox", 2, 5, 40))
    (workspace.pictures / "00012-01.png").write_bytes(b"another")
    for title in ("<lily>", "00012-01.png"):
        with pytest.raises(StudioError, match="already has a concept|another 00012-01.png"):
            trash.restore(things[title])
    assert trash.count() == 3 and (workspace.pictures / "00012-01.png").read_bytes() == b"another"


def test_one_is_deleted_for_good_then_all_and_no_link_is_followed(
    workspace: Workspace, tmp_path: Path
) -> None:
    trash = fill(workspace)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "diary.txt").touch()
    (trash.folder / "20260101-101010-link.png").symlink_to(tmp_path / "mine")
    (trash.folder / "20260101-101011-folder.png").mkdir()
    (trash.folder / "20260101-101011-folder.png" / "a").touch()
    trash.delete(trash.newest(1)[0].file)
    assert trash.count() == 4
    assert trash.empty() == 4 and trash.count() == 0 and not list(trash.folder.iterdir())
    assert (tmp_path / "mine" / "diary.txt").exists()


@pytest.mark.parametrize("name", ["", ".", "..", "../concepts", "a\0", "x" * 5000, "/etc/passwd", "none.png"])
def test_no_name_leads_out_of_the_trash(workspace: Workspace, name: str) -> None:
    for act in (workspace.trash.restore, workspace.trash.delete):
        with pytest.raises(StudioError, match="no longer in the trash"):
            act(name)
    assert workspace.concepts.has("<lily>")


def test_what_is_no_concept_goes_back_as_it_was_and_strange_files_say_so(workspace: Workspace) -> None:
    (workspace.concepts.folder / "broken.safetensors").write_bytes(b"no concept")
    workspace.concepts.discard("broken.safetensors")
    (workspace.trash.folder / "notes.txt").touch()
    (broken,) = (one for one in workspace.trash.newest(9) if one.kind == "concept")
    with pytest.raises(StudioError, match="is not a concept file"):
        workspace.trash.restore(broken.file)
    with pytest.raises(StudioError, match="Nobody knows where notes.txt was"):
        workspace.trash.restore("notes.txt")
