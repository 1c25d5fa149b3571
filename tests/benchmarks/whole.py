"""A whole training: from Train pressed to the concept saved, part by part.

    python -m tests.benchmarks whole --threads 1
    python -m tests.benchmarks whole --methods dreambooth --settings steps=200 batch=4

A training is queued and run by the very worker that the page has, in a process of its own, with the defaults
that the page shows for this base. The parts:

    start        the process starts, opens the base and takes the job
    trial        some steps are tried, to say how long it will take
    preparation  photos are encoded, class pictures painted
    steps        all training steps, with the states that are kept meanwhile
    previews     pictures on the way and at the end
    verdict      the pictures that are judged, and everything else after the last step
    saving       the concept is checked and written
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from PIL import Image

from studio.events import Estimate, Event, Result, Step
from studio.models.backbone import Backbone
from studio.photos.photo import Photo
from studio.starter import STARTER
from studio.worker.worker import Worker
from studio.workspace.workspace import Workspace
from tests.benchmarks.alone import FAILURE, run_alone
from tests.benchmarks.bases import BASES, open_base
from tests.benchmarks.report import Report, say
from tests.benchmarks.spread import Taken
from tests.benchmarks.step_case import photos_for
from trainers import METHODS, train
from trainers.kit.training import Training

START, TRIAL, PREPARATION, STEPS = "start", "trial", "preparation", "steps"
PREVIEWS, VERDICT, SAVING = "previews", "verdict", "saving"
PARTS = (START, TRIAL, PREPARATION, STEPS, PREVIEWS, VERDICT, SAVING)


class Parts:
    """A stopwatch: what is taken from now on is counted for the part that was named last."""

    def __init__(self, part: str) -> None:
        self.taken = {name: Taken(0.0, 0.0) for name in PARTS}
        self.part, self._since = part, Taken.now()

    def enter(self, part: str) -> None:
        """Count for another part from now on."""
        now = Taken.now()
        spent, so_far = now - self._since, self.taken[self.part]
        self.taken[self.part] = Taken(so_far.wall + spent.wall, so_far.cpu + spent.cpu)
        self.part, self._since = part, now

    def follow(self, event: Event) -> None:
        """Go on to the part that follows an event of a training."""
        match event:
            case Estimate():
                self.enter(PREPARATION)
            case Step(step=step, steps=steps, values=values) if values:
                self.enter(VERDICT if step == steps else STEPS)
            case Result():
                self.enter(SAVING)

    @contextmanager
    def previews(self) -> Iterator[None]:
        """Context manager: count every preview of a training as one, except in the trial."""
        paint = Training.preview

        def painting(*given: Any) -> Image.Image:
            part = self.part
            if part == TRIAL:
                return paint(*given)
            self.enter(PREVIEWS)
            try:
                return paint(*given)
            finally:  # the first is painted when all is prepared
                self.enter(STEPS if part == PREPARATION else part)

        Training.preview = painting  # type: ignore[method-assign]
        try:
            yield
        finally:
            Training.preview = paint  # type: ignore[method-assign]


class TimedWorker(Worker):
    """The worker, with a stopwatch that follows the events that it records."""

    def __init__(self, workspace: Workspace, backbone: Backbone, parts: Parts) -> None:
        super().__init__(workspace, backbone, METHODS, train)
        self.parts = parts

    def record(self, job: Any, event: Event, outcome: dict[str, Any]) -> None:
        self.parts.follow(event)
        super().record(job, event, outcome)


def photos_of(method: str, handle: str, count: int) -> list[Photo]:
    """Return photos as a person has put them into the page, with masks or categories where it needs them."""
    chosen = photos_for(METHODS[method], count)
    masks = next(iter(chosen.masks.values()))
    photos = []
    for number, square in enumerate(chosen.squares):
        photo = Photo(f"{number}.png", square)
        if METHODS[method].needs.masks:
            photo = photo.with_mask(0, masks[number])
        if chosen.captions:
            photo = replace(photo, caption=chosen.captions[number])
        photos.append(photo)
    return photos


def measure(
    base: str, method: str, settings: dict[str, Any], photos: int, pressed: float, device: str | None = None
) -> dict[str, Any]:
    """Train from the queue to the Library; returns seconds and processor seconds by part.

    Args:
        pressed: when the process was started, in seconds since 1970: the time of "Train".
    """
    before = Taken(pressed - time.time(), -time.process_time())
    parts = Parts(START)
    backbone = open_base(base, device)
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace", base=STARTER if base == "starter" else Path(base))
        card = workspace.tuned(METHODS[method].card())
        job = workspace.train(photos_of(method, "<trek>", photos), card, "trek", "backpack", settings)
        worker = TimedWorker(workspace, backbone, parts)
        parts.enter(TRIAL if int(card.parse(settings).get("steps", 0)) >= 40 else PREPARATION)
        with parts.previews():
            worker.take(("train",))
        parts.enter(SAVING)
        done = workspace.jobs.get(job.id)
        if done.status != "done":
            return {FAILURE: f"{done.status}: {done.error}"}
        steps = len(workspace.progress(done).curve)
    start = parts.taken[START]
    parts.taken[START] = Taken(start.wall - before.wall, start.cpu - before.cpu)
    taken = parts.taken.items()
    wall, cpu = {name: part.wall for name, part in taken}, {name: part.cpu for name, part in taken}
    return {"steps": steps, "seconds": wall, "cpu_seconds": cpu}


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("--shapes", nargs="+", default=["starter"], metavar="BASE", help=", ".join(BASES))
    recommended = [name for name, method in METHODS.items() if method.recommended]
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=recommended, metavar="ID")
    parser.add_argument(
        "--settings", nargs="*", default=[], metavar="NAME=VALUE", help="other than the page's"
    )
    parser.add_argument("--photos", type=int, default=3, help="to learn from (default: 3)")
    parser.add_argument("--device", help="of torch (default: a GPU if there is one)")
    parser.add_argument("--memory", type=float, metavar="GB", help="that a case may take (default: the free)")


def run(given: argparse.Namespace, report: Report) -> None:
    """Train by each method, and add the table of its parts."""
    table = report.table(
        "A training in seconds of processor time (by the clock)", "base", "method", "steps", *PARTS, "all"
    )
    settings = dict(pair.split("=", 1) for pair in given.settings)
    for base in given.shapes:
        for method in given.methods:
            say(f"{base}, {METHODS[method].title}")
            arguments = {"base": base, "method": method, "settings": settings, "photos": given.photos}
            arguments |= {"pressed": time.time(), "device": given.device}
            measured = run_alone("whole", arguments, given.memory)
            report.note(base=base, method=method, **measured)
            add_row(table, base, METHODS[method].title, measured)


def add_row(table: Any, base: str, title: str, measured: dict[str, Any]) -> None:
    """Add the row of a training."""
    if FAILURE in measured:
        table.add(base, title, "", measured[FAILURE])
        return
    wall, cpu = measured["seconds"], measured["cpu_seconds"]
    pairs = [(cpu[part], wall[part]) for part in PARTS]
    pairs.append((sum(cpu.values()), sum(wall.values())))
    cells = (f"{processor:,.1f} ({clock:,.1f})" for processor, clock in pairs)
    table.add(base, title, str(measured["steps"]), *cells)
