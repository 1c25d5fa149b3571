"""Files are written whole or not at all, and what a killed process left is swept."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from studio import files
from studio.errors import DiskError, StudioError, disk_errors


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
    with pytest.raises(DiskError, match="There is no room left on the disk for a. Free some space"):
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


def test_leftovers_of_ended_processes_are_swept_and_those_of_running_ones_kept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / f".gone.png.{ended.pid}-00ff{files.PARTIAL}"
    old = tmp_path / f".old.png.{os.getpid()}-00ff{files.PARTIAL}"
    young = tmp_path / "deep" / f".young.png.{os.getpid()}-00ff{files.PARTIAL}"
    young.parent.mkdir()
    for path in (gone, old, young, tmp_path / "whole.png"):
        path.touch()
    folder = tmp_path / f".00007.{ended.pid}-00ff{files.PARTIAL}"
    (folder / "photos").mkdir(parents=True)
    os.utime(old, (0, 0))
    assert files.sweep_partials(tmp_path) == 3
    assert young.exists() and (tmp_path / "whole.png").exists()
    assert not (gone.exists() or old.exists() or folder.exists())


def test_lines_of_a_text_are_read_within_limits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "captions.txt"
    path.write_text("a cat\n\n  a dog \n", encoding="utf-8")
    assert files.read_lines(path) == ["a cat", "a dog"]
    monkeypatch.setattr(files, "MAX_LINES_BYTES", 3)
    with pytest.raises(StudioError, match="is larger than"):
        files.read_lines(path)
    for bad in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(StudioError, match="cannot be read"):
            files.read_lines(bad)


def test_two_threads_that_write_the_same_file_do_not_meet(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: files.write_atomic(tmp_path / "a", b"%d" % number * 999), range(200)))
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    with files.whole_folder(tmp_path / "job") as folder:
        (folder / "a").write_bytes(b"1")
        assert not (tmp_path / "job").exists()
    assert (tmp_path / "job" / "a").read_bytes() == b"1"
    with pytest.raises(ZeroDivisionError), files.whole_folder(tmp_path / "other") as folder:
        (folder / "a").write_bytes(b"1")
        raise ZeroDivisionError
    assert [path.name for path in tmp_path.iterdir()] == ["job"]


def test_a_file_moves_to_another_disk_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    replace = Path.replace

    def between_disks(path: Path, target: Path) -> Path:
        if files.PARTIAL not in path.name:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", between_disks)
    assert files.move_file(tmp_path / "a", tmp_path / "b").read_bytes() == b"mine"
    assert not (tmp_path / "a").exists()


@pytest.fixture
def forbidding(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[float]]:
    """Let the system forbid so many renames, or calls of these names; returns the list of waits between."""

    def forbid(times: int, *names: str) -> list[float]:
        waits: list[float] = []
        monkeypatch.setattr(files.time, "sleep", waits.append)
        for name in names or ("replace", "rename"):
            do = getattr(Path, name)

            def refused(path: Path, *target: Path, do: Callable[..., Any] = do, **options: bool) -> Any:
                if len(waits) < times:
                    raise PermissionError(errno.EACCES, "The file is used by another process")
                return do(path, *target, **options)

            monkeypatch.setattr(Path, name, refused)
        return waits

    return forbid


def test_a_file_that_another_process_has_open_for_a_moment_is_replaced_after_it(
    tmp_path: Path, forbidding: Callable[..., list[float]]
) -> None:
    waits = forbidding(2)
    files.write_atomic(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new" and len(waits) == 2
    waits.clear()
    files.move_file(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").exists() and len(waits) == 2
    waits.clear()
    with files.whole_folder(tmp_path / "job") as folder:
        (folder / "a").write_bytes(b"1")
    assert (tmp_path / "job" / "a").exists() and len(waits) == 2


def test_a_file_that_stays_open_elsewhere_is_said_soon(
    tmp_path: Path, forbidding: Callable[..., list[float]]
) -> None:
    waits = forbidding(999)
    with pytest.raises(DiskError, match="used by another process"):
        files.write_atomic(tmp_path / "a", b"new")
    assert sum(waits) < 1 and not list(tmp_path.iterdir())


def test_a_file_that_a_page_has_open_for_a_moment_is_deleted_after_it(
    tmp_path: Path, forbidding: Callable[..., list[float]]
) -> None:
    waits = forbidding(2, "unlink")
    (tmp_path / "a").touch()
    files.delete_file(tmp_path / "a")
    assert not (tmp_path / "a").exists() and len(waits) == 2
    files.delete_file(tmp_path / "a")  # it is gone already
    (tmp_path / "b").touch()
    waits = forbidding(999, "unlink")
    with pytest.raises(DiskError, match="used by another process"):
        files.delete_file(tmp_path / "b")
    assert sum(waits) < 1 and (tmp_path / "b").exists()


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "There is no room left on the disk for a."),
        (errno.EROFS, "/a cannot be written: Read-only file system."),
        (errno.EACCES, "/a cannot be written: Permission denied."),
    ],
)
def test_what_the_system_says_becomes_a_sentence(tmp_path: Path, code: int, words: str) -> None:
    with pytest.raises(DiskError) as caught, disk_errors(tmp_path / "a"):
        raise OSError(code, os.strerror(code))
    assert words in caught.value.message and caught.value.hint
