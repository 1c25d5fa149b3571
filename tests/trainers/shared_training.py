"""Trainings on the tiny base, alone or shared: `shared_training.py FOLDER` in each of several processes.

Each process saves what it learned, and what it yielded, as FOLDER/NAME-PROCESS.pt.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from studio.events import Event, FinishEarly, Result, Step
from studio.method import Method
from studio.models.backbone import Backbone
from studio.subject import Subject
from tests import tiny
from tests.trainers.battery import SAMPLING, SUBJECT
from trainers import METHODS
from trainers.kit import verdict
from trainers.kit.loop import train
from trainers.kit.processes import ALONE, Processes, join

TWO = Subject("<lily>", "cat", beside=(Subject("<tom>", "dog"),))
TEXTUAL_INVERSION = {"steps": 5, "batch": 3, "learning_rate": 0.05}
CORE = {"steps": 3, "tuning_steps": 2, "batch": 2, "tuning_batch": 2, "learning_rate": 0.05}
SCENE = {"steps": 8, "batch": 2, "together": False, "background": False, "word_share": 1.0, "word_rate": 0.05}
TRAININGS: dict[str, tuple[str, dict[str, Any]]] = {
    "one stage": ("textual_inversion", TEXTUAL_INVERSION),
    "two stages": ("context_regularized", CORE),
    "unnamed words": ("break_a_scene", SCENE),
    "no number": ("textual_inversion", TEXTUAL_INVERSION),
    "no memory": ("textual_inversion", TEXTUAL_INVERSION | {"batch": 4}),
    "ended": ("textual_inversion", TEXTUAL_INVERSION | {"steps": 400}),
}


@functools.cache
def backbone() -> Backbone:
    """Return a base that trains in an instant."""
    return tiny.backbone()


def failing(method: type[Method], at: int, fail: Callable[[dict[str, Any]], dict[str, Any]]) -> type[Method]:
    """Return a method whose loss of step `at`, from 1, is what `fail` makes of it, once."""
    calls: list[int] = []

    class Failing(method):  # type: ignore[misc, valid-type]
        def loss(self, batch: Any) -> dict[str, torch.Tensor]:
            calls.append(1)
            terms = super().loss(batch)
            return fail(terms) if len(calls) == at else terms

    return Failing


def no_number(terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: term * float("nan") for name, term in terms.items()}


def no_memory(terms: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    raise torch.OutOfMemoryError("out of memory")


def events_of(name: str, folder: Path, processes: Processes, fails: bool) -> Iterator[Event]:
    """Return a training; with `fails` it fails, or is told to end, in this process."""
    method_id, settings = TRAININGS[name]
    method: type[Method] = METHODS[method_id]
    if fails and name in FAILURES:
        method = failing(method, 3, FAILURES[name])
    state = folder / f"{name}.state" if processes.is_main else None
    photos, subject = (tiny.pair(), TWO) if name == "unnamed words" else (tiny.photos(), SUBJECT)
    cache = folder / "cache"
    training = train(
        method, backbone(), photos, subject, settings, SAMPLING, cache, state, processes=processes
    )
    if not (fails and name == "ended"):
        yield from training
        return
    for event in training:
        yield event
        if isinstance(event, Step) and event.step == 3:
            yield training.throw(FinishEarly())


FAILURES = {"no number": no_number, "no memory": no_memory}


def learn(name: str, folder: Path, processes: Processes = ALONE, fails: bool = True) -> dict[str, Any]:
    """Run a training; returns what it learned (None without a Result), its losses and its notes."""
    events = list(events_of(name, folder, processes, fails))
    learned = events[-1].value if events and isinstance(events[-1], Result) else None
    steps = [event for event in events if isinstance(event, Step) and "loss" in event.values]
    return {
        "learned": learned and [edit.tensors() for edit in learned.edits],
        "steps": learned and learned.header.steps,
        "losses": [(step.step, step.values["loss"]) for step in steps],
        "kinds": {type(event).__name__ for event in events},
        "notes": [getattr(event, "text", "") for event in events if type(event).__name__ == "Note"],
    }


def quick_verdict() -> None:
    """Let trainings end with a verdict on hardly painted pictures, as the tests do."""
    verdict.STEPS, verdict.SEEDS = 1, 2


def main(folder: Path) -> None:
    """Run all trainings, those that fail in the last process alone."""
    torch.set_flush_denormal(True)
    quick_verdict()
    processes = join()
    for name in TRAININGS:
        result = learn(name, folder, processes, fails=processes.index == processes.count - 1)
        torch.save(result, folder / f"{name}-{processes.index}.pt")
    processes.leave()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
