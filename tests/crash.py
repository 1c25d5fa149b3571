"""Kill the studio again and again while it works, and see whether anything is lost.

    python -m tests.crash --kills 300 --seed 7

A real page process (its supervisor, without the page itself) and its worker train, paint, compare, pause and
continue on a tiny base, while concepts are renamed, deleted, restored and imported. At random moments the
worker, or the page with it, gets SIGKILL. At the end everything is let run, and then

- every training that was not discarded has its concept, with the very tensors of an uninterrupted training;
- every picture and grid that was asked for is there, and no concept or picture that was there has gone;
- no unfinished file is left over, and no more steps were done twice than since the last kept state.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Result
from studio.files import PARTIAL, sweep_partials
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.grid import Axis, Grid
from studio.recipes.recipe import Recipe, Sampling
from studio.workspace.job import Job
from studio.workspace.training_task import TrainingTask
from studio.workspace.workspace import Workspace
from tests import tiny
from trainers import METHODS, train

ROOT = Path(__file__).resolve().parent.parent
SECONDS_BETWEEN_STATES = 0.5
PATIENCE = 900.0  # seconds without any progress after which the studio counts as stuck
STEPS = 60
NAMES = ("lily", "tom", "rosa", "max", "ada", "otto")
TRAININGS = {
    "textual_inversion": {},
    "dreambooth": {"class_pictures": 2},
    "break_a_scene": {"class_pictures": 2},
}
WORKER = """
import sys
from pathlib import Path
sys.path.insert(0, {root!r})
from studio.models import opening
from studio.worker.process import work
from studio.workspace.training_task import TrainingTask
from studio.workspace.workspace import Workspace
from tests import tiny
from trainers import METHODS, train
from trainers.kit import kept_state, verdict
kept_state.SECONDS_BETWEEN, kept_state.MAX_SHARE = {between!r}, 1e9
verdict.STEPS = verdict.SEEDS = 1
opening.open_backbone = lambda base, **options: tiny.backbone()
work(Workspace(Path({folder!r}), "tiny"), METHODS, train)
"""
PAGE = """
import os, sys, time
from pathlib import Path
sys.path.insert(0, {root!r})
from studio.files import sweep_partials
from studio.workspace.supervisor import Supervisor
from studio.workspace.training_task import TrainingTask
from studio.workspace.workspace import Workspace
workspace = Workspace(Path({folder!r}), "tiny")
sweep_partials(workspace.folder)
with Supervisor(workspace, [sys.executable, "-c", {worker!r}]) as supervisor:
    parent = os.getppid()
    while os.getppid() == parent:  # it ends with the test
        (workspace.folder / "worker.pid").write_text(str(supervisor.process.pid if supervisor.process else 0))
        time.sleep(0.05)
"""


@dataclass
class Crashes:
    """One run: what was asked for, and what was done to the studio meanwhile."""

    workspace: Workspace
    draw: random.Random
    page: subprocess.Popen[bytes] | None = None
    trainings: dict[str, tuple[int, str]] = field(default_factory=dict)  # by handle: job, handle as trained
    done: dict[str, int] = field(default_factory=dict)  # how often each operation was carried out
    refused: dict[str, int] = field(default_factory=dict)

    def start(self) -> None:
        """Start the page process."""
        folder, root = str(self.workspace.folder), str(ROOT)
        worker = WORKER.format(root=root, folder=folder, between=SECONDS_BETWEEN_STATES)
        script = PAGE.format(root=root, folder=folder, worker=worker)
        self.page = subprocess.Popen([sys.executable, "-c", script], stderr=subprocess.DEVNULL)

    def wait_for_worker(self) -> None:
        """Wait until the worker has loaded its base."""
        began = time.monotonic()
        while self.workspace.worker_state().state not in ("ready", "busy"):
            assert time.monotonic() - began < PATIENCE, self.workspace.worker_state()
            time.sleep(0.1)

    def kill(self, who: str) -> None:
        """Kill the worker or the page; a page is started again."""
        if who == "page" and self.page is not None:
            self.page.kill()
            self.page.wait()
            self.start()
        else:
            with contextlib.suppress(OSError, ValueError):
                number = int((self.workspace.folder / "worker.pid").read_text())
                if number:
                    os.kill(number, signal.SIGKILL)

    def operate(self) -> None:
        """Do something that a person does, chosen at random."""
        operations: dict[str, Callable[[], None]] = {
            "train": self._train,
            "paint": self._paint,
            "grid": self._grid,
            "rename": self._rename,
            "delete and restore": self._delete_and_restore,
            "import": self._import,
            "pause": self._pause,
            "order": self._order,
        }
        name = self.draw.choice([*operations, "train", "pause"])
        try:
            operations[name]()
            self.done[name] = self.done.get(name, 0) + 1
        except StudioError as error:
            self.refused[error.message] = self.refused.get(error.message, 0) + 1
        for job in self._jobs("paused"):
            if self.draw.random() < 0.5:
                self.workspace.retry(job.id)

    def _jobs(self, *statuses: str) -> list[Job]:
        return [job for job in self.workspace.jobs.newest(10_000) if job.status in statuses]

    def _handles(self) -> list[str]:
        return [entry.header.handle for entry in self.workspace.concepts.entries()]

    def _train(self) -> None:
        if len(self._jobs("queued", "paused")) > 3:
            return
        method = self.draw.choice(list(TRAININGS))
        name = f"{self.draw.choice(NAMES)}-{len(self.trainings)}"
        card = METHODS[method].card()
        photos = [Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos().squares)]
        if card.needs.masks:
            masks = tiny.photos(masked=f"<{name}>").masks[f"<{name}>"]
            photos = [photo.with_mask(0, mask) for photo, mask in zip(photos, masks, strict=True)]
        settings = {**METHODS[method].quick_settings, **TRAININGS[method], "steps": STEPS}
        job = self.workspace.train(photos, card, name, "cat", settings, seed=len(self.trainings))
        self.trainings[f"<{name}>"] = (job.id, f"<{name}>")

    def _paint(self) -> None:
        prompt = " and ".join(self.draw.sample(self._handles(), k=min(2, len(self._handles())))) or "a cat"
        self.workspace.create(Recipe(prompt, steps=4, count=2, seed=self.draw.randrange(1000)))

    def _grid(self) -> None:
        handles = self._handles()
        prompt = f"a photo of {handles[0]}" if handles else "a cat"
        grid = Grid(Recipe(prompt, steps=3), Axis("guidance", (1.0, 2.0)), Axis("seed", (1, 2)))
        self.workspace.compare(grid)

    def _rename(self) -> None:
        busy = any(job.kind == "grid" for job in self._jobs("queued", "running"))
        handles = [] if busy else self._handles()  # a grid keeps the name that it was asked for with
        if handles:
            old = self.draw.choice(handles)
            new = f"{old.strip('<>').split('-r')[0]}-r{self.draw.randrange(10_000)}"
            entry = self.workspace.rename(old, new)
            self.trainings[entry.header.handle] = self.trainings.pop(old)

    def _delete_and_restore(self) -> None:
        handles = self._handles()
        if handles:
            handle = self.draw.choice(handles)
            trashed = self.workspace.concepts.delete(handle)
            self.workspace.concepts.restore(trashed)

    def _import(self) -> None:
        entries = self.workspace.concepts.entries()
        if entries:
            entry = self.draw.choice(entries)
            with contextlib.suppress(StudioError):  # the name is taken, which is right
                self.workspace.concepts.add(entry.path)

    def _pause(self) -> None:
        running = [job for job in self._jobs("running") if job.kind == "train"]
        if running:
            self.workspace.jobs.request_stop(running[0].id, "pause")

    def _order(self) -> None:
        waiting = self._jobs("queued")
        if waiting:
            self.workspace.jobs.move(
                self.draw.choice(waiting).id, self.draw.choice(("first", "later", "last"))
            )

    def settle(self) -> None:
        """Let everything run to its end. Raises AssertionError when nothing moves any more."""
        moved, before = time.monotonic(), ""
        while self._jobs("queued", "running", "paused"):
            for job in self._jobs("paused", "failed"):
                self.workspace.retry(job.id)
            logs = self.workspace.jobs.root.glob("*/events.jsonl")
            now = f"{sum(log.stat().st_size for log in logs)} {len(self._jobs('done'))}"
            if now != before:
                moved, before = time.monotonic(), now
            assert time.monotonic() - moved < PATIENCE, f"stuck: {self._jobs('queued', 'running', 'paused')}"
            time.sleep(0.2)

    def leave(self) -> None:
        """End the page process, as closing it does."""
        if self.page is not None:
            self.page.kill()
            self.page.wait()
            time.sleep(6)  # the worker keeps a state, or not, and ends


def uninterrupted(job: Job) -> Concept:
    """Train what a job trained, in this process and without a kill."""
    task = TrainingTask.of(job)
    photos = PhotoSet.load(Path(job.task["photos_folder"]))
    method = METHODS[task.method]
    sampling = Sampling(seed=task.seed, steps=2, guidance=1.0)
    with tempfile.TemporaryDirectory() as cache:
        *_, last = train(method, tiny.backbone(), photos, task.subject, task.settings, sampling, Path(cache))
    assert isinstance(last, Result)
    return last.value.round_to_file()


def check(crashes: Crashes) -> list[str]:
    """Return what was lost or left over, as sentences."""
    workspace, faults = crashes.workspace, []
    for job in workspace.jobs.newest(10_000):
        if job.status != "done":
            faults.append(f"job {job.id} ({job.title}) is {job.status}: {job.error}")
        gone = [name for name in job.outcome.get("pictures", ()) if not (workspace.pictures / name).is_file()]
        faults += [f"{name} of job {job.id} is gone" for name in gone]
    for handle, (number, first) in crashes.trainings.items():
        if not workspace.concepts.has(handle):
            faults.append(f"{handle} of job {number} is not in the Library")
            continue
        job = workspace.jobs.get(number)
        task = {**job.task, "photos_folder": str(workspace.jobs.folder(number) / "photos")}
        expected = uninterrupted(Job(**{**vars(job), "task": task}))
        found = Concept.open(workspace.concepts.find(handle).path)
        theirs = {name.replace(first, handle): t for e in expected.edits for name, t in e.tensors().items()}
        ours = {name: tensor for edit in found.edits for name, tensor in edit.tensors().items()}
        if set(ours) != set(theirs) or not all(torch.equal(ours[name], theirs[name]) for name in ours):
            faults.append(f"{handle} of job {number} is not what an uninterrupted training gives")
    sweep_partials(workspace.folder)
    faults += [f"{path} is left over" for path in workspace.folder.rglob(f"*{PARTIAL}")]
    return faults


def repeated_steps(workspace: Workspace) -> list[int]:
    """Return for each interruption of a training how many steps had to be done again."""
    repeated = []
    for job in workspace.jobs.newest(10_000, ("train",)):
        reached = kept = 0
        for event in workspace.jobs.events(job.id):
            if event.event == "kept":
                kept = event.step
            elif event.event == "step" and "loss" in event.values:
                reached = event.step
            elif event.event == "started" and reached:
                repeated.append(reached - kept)
                reached = kept
    return repeated


def main(arguments: list[str] | None = None) -> int:
    """Run; returns 0 when nothing was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        crashes = Crashes(Workspace(Path(folder) / "workspace", "tiny"), random.Random(given.seed))
        crashes.start()
        began = time.monotonic()
        counts = {"worker": 0, "page": 0}
        for number in range(given.kills):
            for _ in range(crashes.draw.randrange(1, 4)):
                crashes.operate()
                time.sleep(crashes.draw.uniform(0.0, 0.3))
            crashes.wait_for_worker()
            time.sleep(crashes.draw.uniform(0.0, 6.0))
            who = "page" if crashes.draw.random() < 0.3 else "worker"
            crashes.kill(who)
            counts[who] += 1
            print(f"kill {number + 1} of {given.kills}: {who}", flush=True)
        crashes.settle()
        crashes.leave()
        faults = check(crashes)
        repeated = repeated_steps(crashes.workspace)
        jobs = crashes.workspace.jobs.newest(10_000)
        minutes = (time.monotonic() - began) / 60
        kills = f"{counts['worker']} kills of the worker, {counts['page']} of the page"
        print(f"{kills}; {len(jobs)} jobs in {minutes:.0f} minutes")
        print(f"done: {crashes.done}; refused: {crashes.refused}")
        print(f"steps done twice after an interruption: {sorted(repeated)} of {STEPS}")
        print("\n".join(faults) or "Nothing was lost, and nothing is left over.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
