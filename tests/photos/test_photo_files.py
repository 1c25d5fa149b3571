"""The files of the folders that a command line names."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.photos.photo_files import files_in


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def test_side_files_of_systems_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "._a.jpg", ".DS_Store", "Thumbs.db", "desktop.ini", ".git/config", "sub/b.jpg")
    assert [path.name for path in files_in([tmp_path])] == ["a.jpg"]
    assert files_in([tmp_path / "a.jpg"]) == [tmp_path / "a.jpg"]


def test_a_folder_of_folders_names_them(tmp_path: Path) -> None:
    touch(
        tmp_path, *(f"{name}/1.jpg" for name in ("tom", "lily", "rex", "a", "b", "c", "masks")), ".DS_Store"
    )
    with pytest.raises(StudioError, match=r"only folders: a, b, c, lily, rex and 1 more\.") as raised:
        files_in([tmp_path])
    assert raised.value.hint == f"Name one of them, such as {tmp_path / 'a'}."


def test_a_folder_of_masks_alone_says_so_and_an_empty_one_has_no_files(tmp_path: Path) -> None:
    assert files_in([tmp_path]) == []
    touch(tmp_path, "Masks/lily/1.png")
    with pytest.raises(StudioError, match="There are only masks in"):
        files_in([tmp_path])
    with pytest.raises(StudioError, match="There is no "):
        files_in([tmp_path / "gone"])
