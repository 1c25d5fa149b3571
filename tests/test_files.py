"""Files are written whole or not at all, and what a killed process left is swept."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from studio import files


def test_file_and_folder_reach_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr(
        files.os, "fsync", lambda handle: synced.append(stat.S_ISDIR(os.fstat(handle).st_mode))
    )
    files.write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and synced == [False, True]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_atomic(tmp_path / "a", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write_atomic(tmp_path / "a", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_bytes() == b"old"


def test_the_old_file_stays_whole_until_the_new_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.write_atomic(tmp_path / "a", b"old")
    seen: list[bytes] = []
    monkeypatch.setattr(files.os, "fsync", lambda handle: seen.append((tmp_path / "a").read_bytes()))
    with (tmp_path / "a").open("rb") as reader:
        files.write_atomic(tmp_path / "a", b"new")
        assert reader.read() == b"old"  # whoever reads it just now reads on in the old one
    assert seen == [b"old", b"new"]  # the file is synced before it takes its name, the folder after
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_old_leftovers_are_swept_and_young_ones_kept(tmp_path: Path) -> None:
    old, young = tmp_path / ".a.png.1.partial", tmp_path / "deep" / ".b.png.2.partial"
    young.parent.mkdir()
    for path in (old, young, tmp_path / "whole.png"):
        path.touch()
    os.utime(old, (0, 0))
    assert files.sweep_partials(tmp_path) == 1
    assert young.exists() and (tmp_path / "whole.png").exists() and not old.exists()
