"""The supervisor, the worker's loop and the page beside a disk that is full or read-only."""

from __future__ import annotations

import errno
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import launch
import studio.__main__ as painting
from studio.errors import DiskError, StudioError
from studio.ui import serving
from studio.ui.app import page_header
from studio.workspace import full_disk
from studio.workspace.pictures import PNG_START
from studio.workspace.supervisor import Supervisor
from studio.workspace.workspace import Workspace

FULL = DiskError("There is no room left on the disk for the list of jobs.", "Free some space.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(full_disk, "RETRY_SECONDS", 0.02)


def wait(true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 30
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_what_needs_room_is_tried_until_there_is_some(caplog: pytest.LogCaptureFixture) -> None:
    tries: list[int] = []

    def write() -> None:
        tries.append(1)
        if len(tries) < 4:
            raise FULL

    full_disk.until_written(write)
    assert len(tries) == 4 and len(caplog.messages) == 1


def test_a_supervisor_replaces_a_worker_that_died_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, tries, open_path = Workspace(tmp_path), [], Path.open
    settle_running = workspace.jobs.settle_running
    with Supervisor(workspace, [sys.executable, "-c", "import time; time.sleep(60)"]) as supervisor:
        wait(lambda: supervisor.process)
        first = supervisor.process
        job = workspace.jobs.add("create", "t", {})
        workspace.jobs.claim()

        def refuse(*words: str) -> list[int]:
            tries.append(words)
            if len(tries) < 3:
                raise FULL
            return settle_running(*words)

        def no_log(path: Path, *more: Any, **options: Any) -> Any:
            if path.name == "worker.log":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return open_path(path, *more, **options)

        monkeypatch.setattr(workspace.jobs, "settle_running", refuse)
        monkeypatch.setattr(Path, "open", no_log)
        first.kill()
        wait(lambda: supervisor.process is not first)
        assert len(tries) == 3 and workspace.jobs.get(job.id).status == "queued"
        assert supervisor.process is not None and supervisor.process.poll() is None


def read_only(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    touch = Path.touch

    def refuse(path: Path, *more: Any, **options: Any) -> None:
        if path.parent == folder:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        touch(path, *more, **options)

    monkeypatch.setattr(Path, "touch", refuse)


@pytest.mark.parametrize("name", ["", "concepts", "pictures", "jobs", "cache", "trash"])
def test_a_read_only_workspace_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, name: str
) -> None:
    Workspace(tmp_path)
    read_only(monkeypatch, tmp_path / name)
    words = f"The folder {tmp_path / name} cannot be written to: Read-only file system."
    with pytest.raises(StudioError) as caught:
        Workspace(tmp_path)
    assert caught.value.message == words and "--workspace" in caught.value.hint
    assert painting.main(["paint", "a cat", "--workspace", str(tmp_path)]) == 2
    assert words in capsys.readouterr().err


def test_the_page_says_that_the_disk_is_full_and_that_the_table_was_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage(NamedTuple):
        free: int

    workspace = Workspace(tmp_path)
    assert "is full" not in page_header(workspace) and "damaged" not in page_header(workspace)
    monkeypatch.setattr("studio.workspace.workspace.shutil.disk_usage", lambda folder: Usage(4096))
    assert "The disk with the workspace is full." in page_header(workspace)
    monkeypatch.undo()
    workspace.jobs._table._kept.close()
    for path in workspace.jobs.root.glob("jobs.sqlite?*"):
        path.unlink()
    (workspace.jobs.root / "jobs.sqlite").write_bytes(b"no database" * 900)
    assert "kept as jobs.sqlite.damaged-1" in page_header(Workspace(tmp_path))
    assert "damaged" not in page_header(Workspace(tmp_path))


def test_the_log_of_the_page_without_room_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(serving.logging, "FileHandler", refuse)
    with pytest.raises(DiskError, match="no room left on the disk for page.log"):
        serving.keep_log(Workspace(tmp_path))


def test_a_workspace_is_held_by_one_studio_and_a_damaged_lock_is_replaced(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    (tmp_path / "open.sqlite").write_bytes(b"no database" * 900)
    holder = launch.claim(workspace)
    with pytest.raises(StudioError, match="Another studio has the workspace"):
        launch.claim(workspace)
    holder.close()
    launch.claim(workspace).close()


def test_a_workspace_that_cannot_be_held_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = Workspace(tmp_path)

    class Holder:
        def execute(self, order: str) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

    monkeypatch.setattr(launch.sqlite3, "connect", lambda *names, **options: Holder())
    with pytest.raises(StudioError, match="cannot be used: database or disk is full"):
        launch.claim(workspace)


def test_an_end_is_recorded_once_the_page_is_gone_if_the_disk_takes_it() -> None:
    leaving, tries = threading.Event(), []
    leaving.set()
    full_disk.until_written(lambda: tries.append(1), leaving)
    assert tries == [1]

    def refuse() -> None:
        tries.append(2)
        raise FULL

    full_disk.until_written(refuse, leaving)
    assert tries == [1, 2]


def test_a_bad_picture_on_a_later_page_is_named_there_and_can_go(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for number in range(5):
        content = b"" if number == 0 else PNG_START
        (workspace.pictures / f"{number:05d}-01.png").write_bytes(content)
    assert not workspace.gallery.unreadable(3, 0) and list(workspace.gallery.unreadable(3, 3)) == [
        "00000-01.png"
    ]
    assert [path.name for path in workspace.gallery.newest(3, 3)] == ["00001-01.png"]
    assert workspace.gallery.discard("00000-01.png").parent == workspace.concepts.trash
    assert workspace.gallery.count() == 4


def test_a_deleted_picture_comes_back_unless_its_name_is_taken(tmp_path: Path) -> None:
    gallery = Workspace(tmp_path).gallery
    picture = gallery.folder / "00001-01.png"
    picture.write_bytes(PNG_START)
    trashed = gallery.delete(picture.name)
    assert not gallery.newest() and trashed.parent == gallery.trash
    picture.write_bytes(PNG_START + b"another")
    with pytest.raises(StudioError, match="another 00001-01.png by now"):
        gallery.restore(trashed, picture.name)
    picture.unlink()
    assert gallery.restore(trashed, picture.name) == picture == gallery.newest()[0]
    for _ in range(2):
        with pytest.raises(StudioError, match="no longer"):
            gallery.restore(trashed, "00009-01.png")
    with pytest.raises(StudioError, match="no longer there"):
        gallery.delete("../jobs/jobs.sqlite")
