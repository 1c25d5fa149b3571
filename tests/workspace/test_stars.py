"""Stars of pictures: kept at once, across starts and the trash, and never lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import DiskError, StudioError
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.create.gallery import latest_pictures
from studio.workspace import kept_file, pictures, stars
from studio.workspace.pictures import Gallery
from studio.workspace.stars import Stars
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face

NAMES = [f"0000{number}-01.png" for number in range(1, 5)]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    workspace = Workspace(tmp_path)
    for seed, name in enumerate(NAMES):
        save_picture(draw_face(seed), Recipe("a face", seed=seed), workspace.pictures / name)
    return workspace


def test_a_star_is_there_at_the_next_start_and_for_another_process(workspace: Workspace) -> None:
    other = Workspace(workspace.folder)
    assert other.gallery.stars.names() == frozenset()
    workspace.gallery.stars.give([NAMES[0], NAMES[2]])
    workspace.gallery.stars.give([NAMES[0]], starred=False)
    for gallery in (workspace.gallery, other.gallery, Workspace(workspace.folder).gallery):
        assert gallery.stars.names() == {NAMES[2]}
    assert workspace.gallery.stars.names() is workspace.gallery.stars.names()
    workspace.gallery.stars.give([NAMES[1]])
    assert other.gallery.stars.names() == {NAMES[1], NAMES[2]}


def test_a_deleted_picture_comes_back_with_its_star(workspace: Workspace) -> None:
    gallery = workspace.gallery
    gallery.stars.give(NAMES[:2])
    trashed = gallery.delete_all(NAMES[:3])
    assert list(trashed) == NAMES[:3] and [path.name for path in gallery.newest()] == NAMES[3:]
    Workspace(workspace.folder).gallery.restore_all(trashed)
    page = gallery.page(10)
    assert sorted(path.name for path in page.paths) == NAMES and page.starred == set(NAMES[:2])


def test_a_damaged_list_is_put_aside_and_said(workspace: Workspace) -> None:
    workspace.gallery.stars.give(NAMES[:1])
    (workspace.folder / "stars.json").write_bytes(b'{"pictures": [1]}')
    again = Workspace(workspace.folder)
    shown = latest_pictures(again, "", None)
    assert "The list of stars cannot be read" in shown and "Give the stars again." in shown
    assert [path.name[-10:] for path in again.concepts.trash.iterdir()] == ["stars.json"]
    again.gallery.stars.give([NAMES[1]])
    assert again.gallery.stars.names() == {NAMES[1]}
    assert "The list of stars" not in latest_pictures(again, "", None)


def test_a_list_that_nobody_can_read_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "stars.json").mkdir()
    given = Stars(tmp_path / "stars.json", tmp_path)
    with pytest.raises(StudioError, match="The list of stars cannot be read"):
        given.give(["a.png"])
    assert given.names() == frozenset() and (tmp_path / "stars.json").is_dir()


def test_a_star_that_cannot_be_written_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, content: bytes) -> None:
        raise DiskError("There is no room left on the disk for stars.json.")

    given = Stars(tmp_path / "stars.json", tmp_path)
    monkeypatch.setattr(kept_file, "write_atomic", full)
    with pytest.raises(DiskError):
        given.give(["a.png"])
    assert given.names() == frozenset()


def test_more_than_can_be_kept_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stars, "MAX_STARS", 2)
    given = Stars(tmp_path / "stars.json", tmp_path)
    given.give(["a.png", "b.png"])
    with pytest.raises(StudioError, match="which is the most"):
        given.give(["c.png"])
    assert given.names() == {"a.png", "b.png"}


def test_what_is_gone_is_left_out_and_a_full_disk_stops_the_rest(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gallery: Gallery = workspace.gallery
    assert list(gallery.delete_all(["gone.png", "../jobs/jobs.sqlite", NAMES[0]])) == [NAMES[0]]
    with pytest.raises(StudioError, match="no longer there"):
        gallery.delete_all(["gone.png", NAMES[0]])
    move, moved = pictures.move_to_trash, []

    def full(path: Path, trash: Path) -> Path:
        if moved:
            raise DiskError("There is no room left on the disk.")
        moved.append(path)
        return move(path, trash)

    monkeypatch.setattr(pictures, "move_to_trash", full)
    assert list(gallery.delete_all(NAMES[1:])) == NAMES[1:2]
    with pytest.raises(DiskError):
        gallery.delete_all(NAMES[2:])


def test_pictures_are_brought_back_as_far_as_they_can_be(workspace: Workspace) -> None:
    trashed = workspace.gallery.delete_all(NAMES[:3])
    trashed[NAMES[1]].unlink()
    with pytest.raises(StudioError, match="no longer in the trash"):
        workspace.gallery.restore_all(trashed)
    assert workspace.gallery.count() == 3
