"""Several pictures in a zip: unchanged, under a name in plain words, and not for ever."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from studio.errors import DiskError, StudioError
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.workspace import picture_archive
from studio.workspace.picture_archive import pack_pictures
from tests.browser.actor import draw_face


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / f"0000{seed}-01.png" for seed in range(3)]
    for seed, path in enumerate(paths):
        save_picture(draw_face(seed), Recipe("a face", seed=seed), path)
    return paths


def test_pictures_are_packed_as_they_are(paths: list[Path], tmp_path: Path) -> None:
    packed = pack_pictures(paths, tmp_path / "packed")
    assert packed.name == "3 pictures from Likeness.zip"
    with zipfile.ZipFile(packed) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path.name: path.read_bytes() for path in paths
        }


def test_what_is_gone_is_left_out_and_counted_so(paths: list[Path], tmp_path: Path) -> None:
    paths[0].unlink()
    paths[1].unlink()
    packed = pack_pictures(paths, tmp_path / "packed")
    assert packed.name == "1 picture from Likeness.zip"
    paths[2].unlink()
    with pytest.raises(StudioError, match="no longer there"):
        pack_pictures(paths, tmp_path / "packed")
    assert list((tmp_path / "packed").iterdir()) == [packed.parent]


def test_old_ones_are_swept_and_new_ones_stay(paths: list[Path], tmp_path: Path) -> None:
    first, second = (pack_pictures(paths[:1], tmp_path / "packed") for _ in range(2))
    assert first != second and first.exists()
    os.utime(first.parent, (1000, 1000))
    pack_pictures(paths[:1], tmp_path / "packed")
    assert not first.exists() and second.exists()


def test_a_full_disk_leaves_nothing(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(picture_archive.zipfile.ZipFile, "write", full)
    with pytest.raises(DiskError, match="no room left"):
        pack_pictures(paths, tmp_path / "packed")
    assert not list((tmp_path / "packed").iterdir())
