"""The worker: it claims jobs, runs one at a time, and ends it in a sentence whatever happens."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch

from studio.errors import DiskError, StudioError, machine_trouble
from studio.events import Event, FinishEarly, Kept, Note, Pause, Preview, Step
from studio.files import delete_file, write_atomic
from studio.method import Method
from studio.models.backbone import Backbone
from studio.words import tr
from studio.worker.recording import Recorder, UnsavedError, if_room
from studio.worker.tasks import Tasks, Train
from studio.workspace.full_disk import until_written
from studio.workspace.job import STATE_FILE, UNSAVED, Job, Status
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

BETWEEN = {  # kinds of jobs that run between the steps of a job of this kind
    "train": ("mask", "create"),
    "grid": ("mask", "create"),
    "create": ("mask",),
    "import": ("mask",),
}
MAX_KEPT_STATE_BYTES = 500_000_000  # of a finished training

log = logging.getLogger("likeness.worker")


class Left(Exception):
    """The page is gone: what runs is interrupted, and goes on at the next start."""


class Worker:
    """Runs jobs of the table, one after the other; a picture may be painted between two training steps.

    Pictures get at most half of the time while a training or a grid runs: after one, the longer job goes on
    for as long as the picture took. With several workers that holds for each.

    Args:
        methods: by id.
        train: `trainers.train`; the studio does not import the trainers.
        leaving: set when the page is gone and the process will end.
        number: of this worker, from 0.
        device: that it was told to work on, empty for one of its own choice.
    """

    def __init__(
        self,
        workspace: Workspace,
        backbone: Backbone,
        methods: Mapping[str, type[Method]],
        train: Train,
        leaving: threading.Event | None = None,
        number: int = 0,
        device: str = "",
    ) -> None:
        self.workspace, self.backbone = workspace, backbone
        self.number, self.device = number, device
        self.leaving = leaving or threading.Event()
        self.tasks = Tasks(workspace, backbone, methods, train)
        self.recorder = Recorder(workspace, backbone)
        reasons = ((id, method.refusal(backbone)) for id, method in methods.items())
        self.refusals = {id: reason for id, reason in reasons if reason}
        self._next_picture_at = 0.0  # on the monotonic clock

    def write_state(self, state: str) -> None:
        """Write what the worker does, and the facts about its base that the page shows."""
        device = self.backbone.device.type
        if device == "cuda":  # a card that was asked for by its number is known by it
            device = f"cuda:{self.device}" if self.device else torch.cuda.get_device_name()
        plan = self.backbone.memory_plan
        base = {
            "name": self.backbone.name,
            "fingerprint": self.backbone.fingerprint,
            "kind": self.backbone.kind,
            "resolution": self.backbone.resolution,
            "device": device.upper() if device == "cpu" else device,
            "memory": "" if plan.is_trivial else plan.words,
        }
        with if_room():
            self.workspace.write_worker_state(WorkerState(state, base, self.refusals), self.number)

    def take(self, kinds: tuple[str, ...]) -> bool:
        """Run the oldest waiting job of these kinds to its end. Returns False when none waits."""
        job = self.workspace.jobs.claim(kinds, self.number)
        if job is None:
            return False
        self.write_state("busy")
        log.info("job %d: %s %s", job.id, job.kind, job.title)
        try:
            outcome = self.run(job)
        except Left:
            raise  # the job stays "running", and goes on at the next start
        except Pause:
            self._end(job, "paused")
        except UnsavedError as error:
            self._end(job, "failed", {**job.outcome, UNSAVED: str(error.path)}, error.message, error.hint)
        except StudioError as error:
            self._end(job, "failed", error=error.message, hint=error.hint)
        except Exception as error:
            trouble = machine_trouble(error) or self._fault(job, error)
            if isinstance(error, torch.OutOfMemoryError):
                torch.cuda.empty_cache()
            self._end(job, "failed", error=trouble.message, hint=trouble.hint)
        else:
            self._end(job, "done" if outcome else "stopped", outcome)
        self.write_state("ready")
        return True

    def _fault(self, job: Job, error: Exception) -> StudioError:
        """Return the sentence for a fault of ours, and write its traceback into the job's folder."""
        log.exception("job %d failed", job.id)
        with if_room():
            file = self.workspace.jobs.folder(job.id) / "traceback.txt"
            write_atomic(file, traceback.format_exc().encode("utf-8"))
        return StudioError(
            "Something went wrong inside ({error}).",
            "This is a fault of the studio. The details are in traceback.txt in the job's folder.",
            error=type(error).__name__,
        )

    def _end(
        self, job: Job, status: Status, outcome: dict[str, Any] | None = None, error: str = "", hint: str = ""
    ) -> None:
        """Record how a job has ended. Waits while there is no room on the disk for it."""
        until_written(lambda: self.workspace.jobs.end(job.id, status, outcome, error, hint), self.leaving)

    def run(self, job: Job) -> dict[str, Any]:
        """Run a job and log its events. Returns what came of it: nothing when it was stopped.

        Raises Pause when it was paused and its state is kept, and Left when the page is gone.
        """
        if job.kind == "mask":
            return self.tasks.find_mask(job)
        events = self.tasks.events(job)
        outcome: dict[str, Any] = {}
        finishing = False
        goes_on = job.kind == "train" and (self.workspace.jobs.folder(job.id) / STATE_FILE).is_file()
        event = next(events, None)
        while event is not None:
            self.record(job, event, outcome)
            request = self.workspace.jobs.stop_request(job.id)
            if request == "discard":
                events.close()
                self.workspace.jobs.forget_state(job.id)
                return self.as_before(job)
            if request == "pause" or self.leaving.is_set():
                self.interrupt(job, events)
                raise Left if self.leaving.is_set() else Pause
            goes_on = goes_on and not has_loaded(event)  # before that there is nothing to keep
            if request == "keep" and not finishing and not goes_on:
                finishing = True
                try:
                    event = events.throw(FinishEarly())
                except (StopIteration, FinishEarly):
                    return outcome
                continue
            try:
                self.take_between(BETWEEN[job.kind])
            except Left:
                self.interrupt(job, events)
                raise
            event = next(events, None)
        if job.kind == "train":
            forget_large_state(self.workspace.jobs.folder(job.id) / STATE_FILE)
        return outcome

    def as_before(self, job: Job) -> dict[str, Any]:
        """Return what had come of a job whose run is discarded: nothing, unless it was trained further."""
        if not job.has_learned:
            return {}
        handle = str(job.outcome["handle"])
        with if_room():
            note = Note(tr("The further training is discarded. {handle} is as it was before.", handle=handle))
            self.record(job, note, {})
        return job.outcome

    def interrupt(self, job: Job, events: Generator[Event, None, None]) -> None:
        """Let a training keep its state; anything else is begun again or goes on by its files."""
        if job.kind != "train":
            events.close()
            return
        try:
            event: Event | None = events.throw(Pause())
            while event is not None:
                self.record(job, event, {})
                event = next(events, None)
        except (StopIteration, Pause):
            return

    def take_between(self, kinds: tuple[str, ...]) -> None:
        """Run waiting jobs of these kinds between two steps of a longer one.

        They wait on while the job table has no room for their start, and are left to another worker that has
        nothing to do.
        """
        if self.is_another_idle():
            return
        with if_room():
            while "mask" in kinds and self.take(("mask",)):
                self.write_state("busy")
            started = time.monotonic()
            if "create" in kinds and started >= self._next_picture_at and self.take(("create",)):
                now = time.monotonic()
                self._next_picture_at = now + (now - started)
                self.write_state("busy")

    def is_another_idle(self) -> bool:
        """Return whether another worker waits for a job, and will take the next one."""
        states = self.workspace.worker_states()
        return any(one.state == "ready" for number, one in enumerate(states) if number != self.number)

    def record(self, job: Job, event: Event, outcome: dict[str, Any]) -> None:
        """Record an event of a job; `outcome` gets what came of it."""
        self.recorder.record(job, event, outcome)


def has_loaded(event: Event) -> bool:
    """Return whether a training that gives this event has its last state, if it goes on from one."""
    return isinstance(event, Kept | Preview) or (isinstance(event, Step) and "loss" in event.values)


def forget_large_state(file: Path) -> None:
    """Delete the state of a finished training that takes much room; a small one is kept to train further."""
    if file.is_file() and file.stat().st_size > MAX_KEPT_STATE_BYTES:
        with suppress(DiskError):  # it takes room, and that is all
            delete_file(file)
