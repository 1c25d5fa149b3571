"""The worker process: it owns the device, keeps the base model loaded, and runs one job at a time.

It meets the page only in the workspace's folder. It may be killed at any moment: a picture or a concept file
is whole or not there.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from studio.edits.concept import Concept, open_concepts
from studio.edits.saving import save_anywhere
from studio.errors import DiskError, StudioError, disk_trouble
from studio.evaluation.encoders import open_encoders
from studio.evaluation.grid_scores import score_grid
from studio.events import Event, FinishEarly, Insight, Kept, Note, Pause, Preview, Result, Step
from studio.files import other_folders, png_bytes, write_atomic
from studio.generation.checked_file import save_checked
from studio.generation.generate import Picture, generate
from studio.generation.grid_painting import paint_grid
from studio.grids.grid_folder import GridFolder
from studio.method import Method
from studio.models import opening
from studio.models.backbone import Backbone
from studio.models.segmenter import Segmenter
from studio.photos.photo_set import PhotoSet
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from studio.workspace.full_disk import RETRY_SECONDS, until_written
from studio.workspace.job import STATE_FILE, UNSAVED, USER_KINDS, Job, Status
from studio.workspace.supervisor import BASE_REFUSED, SECONDS_TO_LEAVE, exit_with_parent
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

IDLE_SECONDS = 0.2
BETWEEN = {  # kinds of jobs that run between the steps of a job of this kind
    "train": ("mask", "create"),
    "grid": ("mask", "create"),
    "create": ("mask",),
}
OUT_OF_MEMORY = "Close other programs that use the device, or choose fewer photos per step, then press Retry."

MAX_KEPT_STATE_BYTES = 500_000_000  # of a finished training

log = logging.getLogger("likeness.worker")
Train = Callable[..., Iterator[Event]]


def work(workspace: Workspace, methods: Mapping[str, type[Method]], train: Train) -> None:
    """Load the base model, then run jobs until the page is gone. Called in the worker process."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    leaving = exit_with_parent(SECONDS_TO_LEAVE)
    until_written(lambda: workspace.write_worker_state(WorkerState("starting")), leaving)
    try:
        backbone = opening.open_backbone(workspace.base)
    except StudioError as error:
        state = WorkerState("error", error=error.message, hint=error.hint)
        until_written(lambda: workspace.write_worker_state(state), leaving)
        sys.exit(BASE_REFUSED)
    worker = Worker(workspace, backbone, methods, train, leaving)
    worker.write_state("ready")
    try:
        while not leaving.is_set():
            try:
                is_idle = not (worker.take(("mask",)) or worker.take(USER_KINDS))
            except DiskError as error:  # the job table cannot be read or written
                log.warning("%s", error)
                leaving.wait(RETRY_SECONDS)
            else:
                time.sleep(IDLE_SECONDS if is_idle else 0)
    except Left:
        pass
    os._exit(0)  # at once: closing the libraries in order takes longer than the page waits


class Left(Exception):
    """The page is gone: what runs is interrupted, and goes on at the next start."""


class Worker:
    """Runs jobs of the table, one after the other; a picture may be painted between two training steps.

    Pictures get at most half of the time while a training or a grid runs: after one, the longer job goes on
    for as long as the picture took.

    Args:
        methods: by id.
        train: `trainers.train`; the studio does not import the trainers.
        leaving: set when the page is gone and the process will end.
    """

    def __init__(
        self,
        workspace: Workspace,
        backbone: Backbone,
        methods: Mapping[str, type[Method]],
        train: Train,
        leaving: threading.Event | None = None,
    ) -> None:
        self.workspace, self.backbone, self.methods, self.train = workspace, backbone, methods, train
        self.leaving = leaving or threading.Event()
        self._next_picture_at = 0.0  # on the monotonic clock
        self.segmenter: Segmenter | None = None  # loaded for the first mask

    def write_state(self, state: str) -> None:
        """Write what the worker does, and the facts about its base that the page shows."""
        device = (
            torch.cuda.get_device_name() if self.backbone.device.type == "cuda" else self.backbone.device.type
        )
        base = {
            "name": self.backbone.name,
            "fingerprint": self.backbone.fingerprint,
            "resolution": self.backbone.resolution,
            "device": device.upper() if device == "cpu" else device,
        }
        with self._if_room():
            self.workspace.write_worker_state(WorkerState(state, base))

    def take(self, kinds: tuple[str, ...]) -> bool:
        """Run the oldest waiting job of these kinds to its end. Returns False when none waits."""
        job = self.workspace.jobs.claim(kinds)
        if job is None:
            return False
        self.write_state("busy")
        log.info("job %d: %s %s", job.id, job.kind, job.title)
        jobs = self.workspace.jobs
        try:
            outcome = self.run(job)
        except Left:
            raise  # the job stays "running", and goes on at the next start
        except Pause:
            self._end(job, "paused")
        except UnsavedError as error:
            self._end(job, "failed", {UNSAVED: str(error.path)}, error.message, error.hint)
        except StudioError as error:
            self._end(job, "failed", error=error.message, hint=error.hint)
        except torch.cuda.OutOfMemoryError:
            torch.cuda.empty_cache()
            self._end(job, "failed", error="The device ran out of memory.", hint=OUT_OF_MEMORY)
        except Exception as error:
            log.exception("job %d failed", job.id)
            with self._if_room():
                write_atomic(jobs.folder(job.id) / "traceback.txt", traceback.format_exc().encode("utf-8"))
            sentence = StudioError(
                f"Something went wrong inside ({type(error).__name__}).",
                "This is a fault of the studio. The details are in traceback.txt in the job's folder.",
            )
            trouble = disk_trouble(error) if isinstance(error, OSError) else None
            self._end(job, "failed", error=(trouble or sentence).message, hint=(trouble or sentence).hint)
        else:
            self._end(job, "done" if outcome else "stopped", outcome)
        self.write_state("ready")
        return True

    def _end(
        self, job: Job, status: Status, outcome: dict[str, Any] | None = None, error: str = "", hint: str = ""
    ) -> None:
        """Record how a job has ended. Waits while there is no room on the disk for it."""
        until_written(lambda: self.workspace.jobs.end(job.id, status, outcome, error, hint), self.leaving)

    @contextmanager
    def _if_room(self) -> Iterator[None]:
        """Leave out, when the disk does not take it, what a job can do without, such as a preview."""
        try:
            yield
        except DiskError as error:
            log.warning("%s", error)

    def run(self, job: Job) -> dict[str, Any]:
        """Run a job and log its events. Returns what came of it: nothing when it was stopped.

        Raises Pause when it was paused and its state is kept, and Left when the page is gone.
        """
        if job.kind == "mask":
            return self.find_mask(job)
        events = {"train": self.training, "create": self.painting, "grid": self.comparing}[job.kind](job)
        outcome: dict[str, Any] = {}
        finishing = False
        event = next(events, None)
        while event is not None:
            self.record(job, event, outcome)
            request = self.workspace.jobs.stop_request(job.id)
            if request == "discard":
                events.close()
                (self.workspace.jobs.folder(job.id) / STATE_FILE).unlink(missing_ok=True)
                return {}
            if request == "pause" or self.leaving.is_set():
                self.interrupt(job, events)
                raise Left if self.leaving.is_set() else Pause
            if request == "keep" and not finishing:
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

        They wait on while the job table has no room for their start.
        """
        with self._if_room():
            while "mask" in kinds and self.take(("mask",)):
                self.write_state("busy")
            started = time.monotonic()
            if "create" in kinds and started >= self._next_picture_at and self.take(("create",)):
                now = time.monotonic()
                self._next_picture_at = now + (now - started)
                self.write_state("busy")

    def training(self, job: Job) -> Generator[Event, None, None]:
        """Run a training job; yields its events."""
        task = job.task
        if task["method"] not in self.methods:
            raise StudioError(f"There is no method called {task['method']!r}.", "Choose another method.")
        photos = PhotoSet.load(self.workspace.jobs.folder(job.id) / "photos")
        subject = Subject.of(task)
        method = self.methods[task["method"]]
        defaults = self.workspace.base_defaults()
        sampling = Sampling(seed=task["seed"], steps=defaults.steps, guidance=defaults.guidance)
        cache = self.workspace.cache
        settings = method.resolve_settings(task["settings"], self.workspace.other_settings())
        self.workspace.jobs.change_task(job.id, {**task, "settings": settings})  # the same when it goes on
        state, more_steps = self.workspace.jobs.folder(job.id) / STATE_FILE, task.get("more_steps", 0)
        yield from self.train(
            method, self.backbone, photos, subject, settings, sampling, cache, state, more_steps
        )

    def painting(self, job: Job) -> Generator[Event, None, None]:
        """Run a painting job; yields its events."""
        recipe = Recipe.from_json(job.task)
        yield from generate(self.backbone, recipe, open_concepts(self.workspace.concepts, recipe))

    def comparing(self, job: Job) -> Generator[Event, None, None]:
        """Run a grid job: paint the missing cells, then score all; yields its events."""
        library = self.workspace.concepts
        grid = GridFolder.open(self.workspace.jobs.folder(job.id))
        painting = paint_grid(self.backbone, grid, lambda recipe: open_concepts(library, recipe))
        if not (yield from painting):
            return
        encoder = open_encoders(self.backbone).text
        if encoder is not None:
            nouns = {handle: header.handles[handle] for handle, header in library.headers().items()}
            yield from score_grid(encoder, grid, nouns, self.workspace.photos_of)
        yield Result(grid)

    def find_mask(self, job: Job) -> dict[str, Any]:
        """Find the mask of what was clicked on; the page waits for it."""
        if self.segmenter is None:
            self.segmenter = Segmenter.open(Path(self.workspace.segmenter), self.backbone.device)
        folder, name = self.workspace.jobs.folder(job.id), "mask.png"
        mask = self.segmenter.propose(Image.open(folder / "square.png"), job.task["clicks"])
        write_atomic(folder / name, png_bytes(mask))
        return {"file": name}

    def record(self, job: Job, event: Event, outcome: dict[str, Any]) -> None:
        """Append an event to the job's log, and save the picture or concept that it brings."""
        folder = self.workspace.jobs.folder(job.id)

        def note(kind: str, picture: Image.Image | None = None, **values: Any) -> None:
            with self._if_room():
                if picture is not None:
                    write_atomic(folder / values["file"], png_bytes(picture))
                self.workspace.jobs.log(job.id, {"event": kind, **values})

        match event:
            case Step(step=step, steps=steps, values=values, stage=stage):
                note("step", step=step, steps=steps, values=values, stage=stage)
            case Kept(step=step):
                note("kept", step=step)
            case Note(text=text):
                note("note", text=text)
            case Preview(picture=picture, prompt=prompt, step=step):
                name = f"preview-{_count(folder, 'preview'):02d}-{step:06d}.png"
                note("preview", picture, file=name, prompt=prompt, step=step)
            case Insight(picture=picture, caption=caption):
                note("insight", picture, file=f"insight-{_count(folder, 'insight'):02d}.png", caption=caption)
            case Result(value=Picture() as painted):
                pictures = list(outcome["pictures"]) if "pictures" in outcome else []
                name = f"{job.id:05d}-{len(pictures) + 1:02d}.png"
                save_picture(painted.image, painted.recipe, self.workspace.pictures / name)
                outcome["pictures"] = [*pictures, name]
                note("picture", file=name)
            case Result(value=Path() as cell):
                note("picture", file=cell.name)
            case Result(value=GridFolder() as grid):
                outcome["cells"] = len(grid.cells)
            case Result(value=Concept() as concept):
                path = self.workspace.concepts.path(concept.header.handle)
                defaults = self.workspace.base_defaults()
                sampling = Sampling(seed=0, steps=defaults.steps, guidance=defaults.guidance)
                save = functools.partial(save_checked, self.backbone, concept, sampling=sampling)
                handle, others = concept.header.handle, [folder, *other_folders()]
                saved = save_anywhere(handle, save, path, others, log.warning)
                if saved != path:
                    raise UnsavedError(handle, saved)
                outcome.update(handle=concept.header.handle, file=path.name)
                note("concept", **outcome)


class UnsavedError(StudioError):
    """A concept that the Library had no room for; it is kept in the file `path`."""

    def __init__(self, handle: str, path: Path) -> None:
        message = f"{handle} is learned, but the Library has no room for it. It is kept as {path}."
        hint = "Free some space, then press Retry: it is put into the Library without another training."
        super().__init__(message, hint)
        self.path = path


def forget_large_state(file: Path) -> None:
    """Delete the state of a finished training that takes much room; a small one is kept to train further."""
    if file.is_file() and file.stat().st_size > MAX_KEPT_STATE_BYTES:
        file.unlink()


def _count(folder: Path, kind: str) -> int:
    """Return how many pictures of a kind a job has saved so far."""
    return sum(1 for _ in folder.glob(f"{kind}-*.png"))
