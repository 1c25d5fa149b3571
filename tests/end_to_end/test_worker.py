"""From a queued job to a file, through the very worker that the studio runs, on the tiny backbone."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.concepts.header import read_header
from studio.edits.concept import Concept
from studio.events import Preview, Step
from studio.generation.generate import generate
from studio.photos.photo import Photo
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.worker.worker import Left, Worker
from studio.workspace.job import STATE_FILE
from studio.workspace.jobs import Job
from studio.workspace.supervisor import Supervisor
from studio.workspace.workspace import Workspace
from tests import tiny
from trainers import METHODS, train

pytestmark = pytest.mark.usefixtures("short_verdict")

WORD = METHODS["textual_inversion"].card()


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace", base=tmp_path / "no-such-base")


@pytest.fixture
def worker(workspace: Workspace) -> Worker:
    return Worker(workspace, tiny.backbone(), METHODS, train)


def photos() -> list[Photo]:
    return [Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos().squares)]


def queue(workspace: Workspace, name: str = "lily", **settings: object) -> Job:
    return workspace.train(photos(), WORD, name, "cat", {"steps": 3, **settings}, seed=2)


def test_a_training_leaves_a_concept_and_its_story(workspace: Workspace, worker: Worker) -> None:
    job = queue(workspace)
    assert worker.take(("train",))
    done = workspace.jobs.get(job.id)
    assert (done.status, done.outcome) == ("done", {"handle": "<lily>", "file": "lily.safetensors"})
    progress = workspace.progress(done)
    assert progress.fraction == 1.0 and len(progress.curve) == 3
    assert [step for step, _, _ in progress.previews] == [0, 1, 2, 3]
    assert all((workspace.jobs.folder(job.id) / name).exists() for _, name, _ in progress.previews)
    header = read_header(workspace.concepts.path("<lily>"))
    assert header.photos == 3 and header.seed == 2 and header.settings["steps"] == 3 and header.preview


def test_what_the_work_shows_of_itself_is_kept_beside_the_previews(
    workspace: Workspace, worker: Worker
) -> None:
    card = METHODS["perfusion"].card()
    job = workspace.train(photos(), card, "lily", "cat", {"steps": 1, "batch": 1, "captions": 100})
    assert worker.take(("train",))
    progress = workspace.progress(workspace.jobs.get(job.id))
    learned_from, word_by_word = progress.insights
    assert "bright" in learned_from[1] and "gate" in word_by_word[1]
    assert all((workspace.jobs.folder(job.id) / name).exists() for name, _ in progress.insights)
    assert len({file for _, file, _ in progress.previews}) == len(progress.previews) == 2


def test_a_picture_repeats_bit_for_bit_from_the_recipe_inside_it(
    workspace: Workspace, worker: Worker
) -> None:
    queue(workspace)
    worker.take(("train",))
    job = workspace.create(Recipe("a photo of <lily>", seed=5, steps=2, count=2))
    assert worker.take(("create",))
    names = workspace.jobs.get(job.id).outcome["pictures"]
    assert len(names) == 2
    second = workspace.pictures / names[1]
    recipe = read_recipe(second)
    assert recipe.seed == 6 and recipe.count == 1 and "<lily>" in recipe.concepts
    concept = Concept.open(workspace.concepts.path("<lily>"))
    *_, result = generate(tiny.backbone(), recipe, [concept])
    assert np.array_equal(np.asarray(result.value.image), np.asarray(Image.open(second)))


def test_a_picture_is_painted_between_two_training_steps(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = queue(workspace, steps=6)
    record, painted_at = worker.record, []

    def spy(job: Job, event: object, outcome: dict[str, object]) -> None:
        record(job, event, outcome)
        if job.kind == "train" and workspace.progress(job).step == 2 and not painted_at:
            painted_at.append(workspace.create(Recipe("a photo of cat", steps=2)).id)

    monkeypatch.setattr(worker, "record", spy)
    worker.take(("train",))
    picture = workspace.jobs.get(painted_at[0])
    assert picture.status == "done"
    assert picture.finished < workspace.jobs.get(training.id).finished
    *_, alone = generate(worker.backbone, Recipe("a photo of cat", steps=2))
    stored = Image.open(workspace.pictures / picture.outcome["pictures"][0])
    assert np.array_equal(np.asarray(stored), np.asarray(alone.value.image))


@pytest.mark.parametrize(("wish", "status", "kept"), [("keep", "done", True), ("discard", "stopped", False)])
def test_a_training_stops_when_asked(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch, wish: str, status: str, kept: bool
) -> None:
    job = queue(workspace, steps=500)
    record = worker.record

    def spy(job: Job, event: object, outcome: dict[str, object]) -> None:
        record(job, event, outcome)
        if isinstance(event, Step) and event.step == 2 and "loss" in event.values:  # the trial learns nothing
            workspace.jobs.request_stop(job.id, wish)

    monkeypatch.setattr(worker, "record", spy)
    worker.take(("train",))
    assert workspace.jobs.get(job.id).status == status
    assert workspace.concepts.has("<lily>") == kept
    if kept:
        assert workspace.concepts.find("<lily>").header.steps in range(2, 500)


def test_what_was_to_be_kept_is_kept_when_the_studio_is_closed_before_it_is_shown(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = queue(workspace, steps=500)
    record = worker.record

    def spy(job: Job, event: object, outcome: dict[str, object]) -> None:
        record(job, event, outcome)
        if isinstance(event, Step) and event.step == 3 and "loss" in event.values:
            workspace.jobs.request_stop(job.id, "keep")
        elif isinstance(event, Preview) and event.step == 3:
            worker.leaving.set()

    monkeypatch.setattr(worker, "record", spy)
    with pytest.raises(Left):
        worker.take(("train",))
    assert workspace.jobs.get(job.id).status == "running" and not workspace.concepts.has("<lily>")
    workspace.jobs.settle_running("gone", "")
    assert Worker(workspace, worker.backbone, METHODS, train).take(("train",))
    done = workspace.jobs.get(job.id)
    assert (done.status, done.stop_request) == ("done", "keep")
    assert workspace.concepts.find("<lily>").header.steps in range(3, 10)


def test_one_that_is_to_stop_before_it_has_a_state_learns_nothing(
    workspace: Workspace, worker: Worker
) -> None:
    job = queue(workspace, steps=500)
    workspace.jobs.claim()
    workspace.jobs.request_stop(job.id, "keep")
    workspace.jobs.settle_running("gone", "")
    assert worker.take(("train",)) and workspace.jobs.get(job.id).status == "stopped"
    (workspace.jobs.folder(job.id) / STATE_FILE).write_bytes(b"of another training")
    workspace.retry(job.id)
    workspace.jobs.claim()
    workspace.jobs.request_stop(job.id, "keep")
    workspace.jobs.settle_running("gone", "")
    assert worker.take(("train",)) and workspace.jobs.get(job.id).status == "stopped"
    assert not workspace.concepts.entries()


def test_a_device_without_memory_is_a_sentence(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(worker.tasks, "train", fail)
    job = queue(workspace)
    worker.take(("train",))
    failed = workspace.jobs.get(job.id)
    assert (failed.status, failed.error) == ("failed", "The device ran out of memory.")
    assert failed.hint.endswith("a smaller resolution, then try again.")
    assert not (workspace.jobs.folder(job.id) / "traceback.txt").exists()


def test_a_mendable_failure_carries_its_hint_and_a_fault_its_traceback(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = queue(workspace)
    for path in (workspace.jobs.folder(first.id) / "photos").iterdir():
        path.unlink()
    worker.take(("train",))
    failed = workspace.jobs.get(first.id)
    assert failed.status == "failed" and "photos" in failed.error and failed.hint
    second = queue(workspace)
    monkeypatch.setattr(worker.tasks, "train", lambda *_, **named: (_ for _ in ()).throw(KeyError("inside")))
    worker.take(("train",))
    failed = workspace.jobs.get(second.id)
    assert failed.status == "failed" and "KeyError" in failed.error and "Traceback" not in failed.error
    assert "inside" in (workspace.jobs.folder(second.id) / "traceback.txt").read_text()
    assert not workspace.concepts.entries()


WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from studio.models import opening
from studio.worker.process import work
from studio.workspace.workspace import Workspace
from tests import tiny
from trainers import METHODS, train
from trainers.kit import kept_state
kept_state.SECONDS_BETWEEN = 0.3
opening.open_backbone = lambda base, **options: tiny.backbone()
work(Workspace(Path({folder!r}), "tiny"), METHODS, train)
"""


def last_kept(workspace: Workspace, number: int) -> int:
    """The step of the last state that a training has kept, 0 for none after its first."""
    return max((event.step for event in workspace.jobs.events(number) if event.event == "kept"), default=0)


def wait(true: object, seconds: float = 60.0) -> None:
    for _ in itertools.takewhile(lambda end: time.time() < end, itertools.repeat(time.time() + seconds)):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError("it did not happen in time")


@pytest.mark.slow
def test_a_killed_worker_is_replaced_and_its_training_goes_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = str(Path(__file__).resolve().parents[2])
    script = WORKER.format(root=root, folder=str(workspace.folder))
    with Supervisor(workspace, [sys.executable, "-c", script]) as supervisor:
        doomed = queue(workspace, steps=20_000)
        waiting = queue(workspace, "tom")
        wait(lambda: last_kept(workspace, doomed.id) > 0)
        os.kill(supervisor.process.pid, signal.SIGKILL)
        wait(lambda: "goes on from step" in " ".join(workspace.progress(doomed).notes))
        assert workspace.jobs.get(doomed.id).status == "running"
        workspace.jobs.request_stop(doomed.id, "pause")
        wait(lambda: workspace.jobs.get(waiting.id).status == "done")
        assert workspace.jobs.get(doomed.id).status == "paused"
        workspace.retry(doomed.id)
        wait(lambda: workspace.jobs.get(doomed.id).status == "running")
        workspace.jobs.request_stop(doomed.id, "discard")
        wait(lambda: workspace.jobs.get(doomed.id).status == "stopped")
        assert not (workspace.jobs.folder(doomed.id) / STATE_FILE).exists()
        assert [entry.header.handle for entry in workspace.concepts.entries()] == ["<tom>"]
        last = supervisor.process
    assert last.poll() is not None


@pytest.mark.slow
def test_the_worker_leaves_when_the_page_is_gone(workspace: Workspace) -> None:
    root = str(Path(__file__).resolve().parents[2])
    script = WORKER.format(root=root, folder=str(workspace.folder))
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE)
    wait(lambda: workspace.worker_state().state == "ready")
    process.stdin.close()
    assert process.wait(timeout=10) == 0


@pytest.mark.slow
def test_a_base_that_cannot_be_opened_is_said_once_and_not_tried_again(workspace: Workspace) -> None:
    root = str(Path(__file__).resolve().parents[2])
    script = WORKER.replace("opening.open_backbone = ", "_ = ").replace('"tiny"', '"/no/such/base"')
    script = script.format(root=root, folder=str(workspace.folder))
    with Supervisor(workspace, [sys.executable, "-c", script]) as supervisor:
        wait(lambda: workspace.worker_state().state == "error")
        state = workspace.worker_state()
        assert "/no/such/base" in state.error and "--base" in state.hint
        wait(lambda: supervisor.process.poll() == 3)
        time.sleep(1)
        assert supervisor.process.poll() == 3 and workspace.worker_state() == state
