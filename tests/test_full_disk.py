"""A full disk, at any moment: a sentence, nothing half-written, and everything goes on when there is room.

The disk is full for a path when `Disk.full` says so; the system's own error is raised where a file is synced,
opened or made, so that everything above it is the real program.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import trainers.__main__ as training
from studio import files
from studio.concepts.header import read_header
from studio.edits import saving
from studio.errors import DiskError
from studio.models import opening
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe
from studio.worker import process
from studio.worker.process import work
from studio.worker.worker import Worker
from studio.workspace import full_disk
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests import by_hand, tiny
from trainers import METHODS, train

pytestmark = pytest.mark.usefixtures("short_verdict")

WORD = METHODS["textual_inversion"].card()


class Disk:
    """Decides which paths have no room. `full` gets the path of a file that is to become real."""

    def __init__(self) -> None:
        self.full: Callable[[Path], bool] = lambda path: False
        self.refused: list[Path] = []

    def check(self, path: Path) -> None:
        if self.full(path):
            self.refused.append(path)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk, replace, open_path = Disk(), Path.replace, Path.open

    def checked_replace(path: Path, target: Path) -> Path:
        disk.check(Path(target))
        return replace(path, target)

    def checked_open(path: Path, mode: str = "r", *more: Any, **options: Any) -> Any:
        if mode.startswith("a"):
            disk.check(path)
        return open_path(path, mode, *more, **options)

    monkeypatch.setattr(Path, "replace", checked_replace)
    monkeypatch.setattr(Path, "open", checked_open)
    yield disk
    disk.full = lambda path: False


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder outside the workspace that may take a file."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(folder))
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace", base=tmp_path / "no-such-base")


@pytest.fixture
def worker(workspace: Workspace) -> Worker:
    return Worker(workspace, tiny.backbone(), METHODS, train)


def queue(workspace: Workspace) -> int:
    photos = [Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos().squares)]
    return workspace.train(photos, WORD, "lily", "cat", {"steps": 3}, seed=2).id


def partials(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(files.PARTIAL)]


def test_a_training_outlives_a_disk_that_has_no_room_for_previews_and_lines(
    workspace: Workspace, worker: Worker, disk: Disk
) -> None:
    number = queue(workspace)
    disk.full = lambda path: path.parent == workspace.jobs.folder(number)
    assert worker.take(("train",))
    assert disk.refused and workspace.jobs.get(number).status == "done"
    assert workspace.concepts.has("<lily>") and not partials(workspace.folder)


def test_a_concept_without_room_is_kept_and_retry_brings_it_in(
    workspace: Workspace, worker: Worker, disk: Disk, elsewhere: Path
) -> None:
    number = queue(workspace)
    disk.full = lambda path: workspace.folder in path.parents
    worker.take(("train",))
    disk.full = lambda path: False
    failed = workspace.jobs.get(number)
    kept = elsewhere / "lily.safetensors"
    assert failed.status == "failed" and str(kept) in failed.error and "press Retry" in failed.hint
    assert read_header(kept).handle == "<lily>" and not workspace.concepts.entries()
    assert not partials(workspace.folder)
    done = workspace.retry(number)
    assert (done.id, done.status, done.error) == (number, "done", "")
    assert done.outcome == {"handle": "<lily>", "file": "lily.safetensors"}
    assert workspace.concepts.has("<lily>") and not kept.exists()
    assert [job.id for job in workspace.jobs.newest()] == [number]


def test_a_file_that_a_row_names_anywhere_else_is_left_alone(
    workspace: Workspace, worker: Worker, tmp_path: Path
) -> None:
    number = queue(workspace)
    worker.take(("train",))
    mine = tmp_path / "mine.safetensors"
    workspace.concepts.path("<lily>").rename(mine)
    workspace.jobs.requeue(number)
    workspace.jobs.claim()
    workspace.jobs.end(number, "failed", {"unsaved": str(mine)}, "No room.", "Retry.")
    assert workspace.retry(number).status == "queued" and mine.exists()


def test_with_no_room_anywhere_the_concept_waits(
    tmp_path: Path, disk: Disk, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    concept = by_hand.tuned(tiny.backbone(), "<lily>")
    waits: list[float] = []
    said: list[str] = []
    monkeypatch.setattr(saving.time, "sleep", waits.append)
    disk.full = lambda path: len(waits) < 3
    wanted = tmp_path / "lily.safetensors"
    assert saving.save_anywhere("<lily>", concept.save, wanted, [elsewhere], said.append) == wanted
    assert len(waits) == 3 and read_header(wanted).handle == "<lily>" and not list(elsewhere.iterdir())
    assert said == [
        "<lily> is learned, and waits to be saved. There is no room left on the disk for lily.safetensors. "
        "Free some space, then try again."
    ]
    disk.full = lambda path: path == wanted
    places = [saving.save_anywhere("<lily>", concept.save, wanted, [elsewhere]) for _ in range(2)]
    assert [place.name for place in places] == ["lily.safetensors", "lily-2.safetensors"]


def test_the_loop_of_the_worker_outlives_a_table_that_cannot_be_read(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    answers: list[BaseException] = [DiskError("No room.", "Free some."), KeyboardInterrupt()]

    def take(worker: Worker, kinds: tuple[str, ...]) -> bool:
        raise answers.pop(0)

    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())
    monkeypatch.setattr(process, "exit_with_parent", lambda seconds: threading.Event())
    monkeypatch.setattr(process, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(Worker, "take", take)
    with pytest.raises(KeyboardInterrupt):
        work(workspace, METHODS, train)
    assert not answers and "No room. Free some." in caplog.messages


def test_a_picture_without_room_fails_its_job_with_a_sentence_and_the_next_is_painted(
    workspace: Workspace, worker: Worker, disk: Disk
) -> None:
    first = workspace.create(Recipe("a cat", steps=2)).id
    disk.full = lambda path: path.parent == workspace.pictures
    worker.take(("create",))
    disk.full = lambda path: False
    failed = workspace.jobs.get(first)
    assert failed.status == "failed" and "no room left on the disk" in failed.error and failed.hint
    assert not list(workspace.pictures.iterdir())
    again = workspace.retry(first).id
    worker.take(("create",))
    assert workspace.jobs.get(again).status == "done" and len(list(workspace.pictures.iterdir())) == 1


def test_an_end_that_cannot_be_recorded_is_recorded_later(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = workspace.create(Recipe("a cat", steps=2)).id
    monkeypatch.setattr(full_disk, "RETRY_SECONDS", 0.01)
    end, tries = workspace.jobs.end, []

    def refuse_twice(*values: Any) -> None:
        tries.append(values)
        if len(tries) < 3:
            raise DiskError("There is no room.", "Free some.")
        end(*values)

    monkeypatch.setattr(workspace.jobs, "end", refuse_twice)
    worker.take(("create",))
    assert len(tries) == 3 and workspace.jobs.get(number).status == "done"


def test_a_training_that_cannot_be_queued_leaves_nothing(workspace: Workspace, disk: Disk) -> None:
    disk.full = lambda path: path.name == "02.png"
    with pytest.raises(DiskError, match="no room left on the disk for 02.png"):
        queue(workspace)
    assert not workspace.jobs.newest() and not [one for one in workspace.jobs.root.iterdir() if one.is_dir()]


def test_the_state_of_the_worker_can_wait(workspace: Workspace, worker: Worker, disk: Disk) -> None:
    workspace.write_worker_state(WorkerState("ready"))
    disk.full = lambda path: path.name == "worker.json"
    number = workspace.create(Recipe("a cat", steps=2)).id
    worker.take(("create",))
    assert workspace.jobs.get(number).status == "done" and workspace.worker_state().state == "ready"


def test_headless_a_concept_without_room_is_saved_elsewhere_and_said(
    tmp_path: Path,
    disk: Disk,
    elsewhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())
    tiny.photos(2).save(tmp_path / "photos")
    out, folder = tmp_path / "full" / "lily.safetensors", tmp_path / "workspace"
    disk.full = lambda path: {out.parent, folder, Path.cwd()} & {path.parent, *path.parents}
    flags = ["--name", "lily", "--noun", "cat", "--steps", "2", "--batch", "1"]
    flags += ["--workspace", str(folder), "--out", str(out)]
    assert training.main(["textual_inversion", str(tmp_path / "photos"), *flags]) == 0
    said = capsys.readouterr()
    kept = elsewhere / "lily.safetensors"
    assert f"Saved as {kept}" in said.out and f"There was no room for {out}." in said.out
    assert "lily-01.png" in said.err
    assert read_header(kept).handle == "<lily>" and not partials(tmp_path)


@pytest.mark.parametrize("method", ["dreambooth", "perfusion"])
def test_what_only_saves_time_later_is_no_reason_to_stop(
    method: str, workspace: Workspace, worker: Worker, disk: Disk
) -> None:
    disk.full = lambda path: workspace.cache in path.parents
    photos = [Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos().squares)]
    job = workspace.train(photos, METHODS[method].card(), "lily", "cat", METHODS[method].quick_settings)
    worker.take(("train",))
    assert workspace.jobs.get(job.id).status == "done"
    notes = [event.text for event in workspace.jobs.events(job.id) if event.event == "note"]
    assert any("cannot be kept for other trainings: There is no room" in note for note in notes)
