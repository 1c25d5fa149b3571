"""Try a training before it begins: some of its real steps tell how long it takes and what memory it needs.

A trial that runs out of memory is made again with the next measure of `trainers.kit.memory_saving`, so that
the training itself begins with those that it needs.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from studio.errors import BrokenPictureError
from studio.events import Estimate, Event, Note, Step
from studio.generation.generate import generate
from studio.method import Method
from studio.models.devices import forget_unused
from studio.words import tr
from trainers.kit import verdict
from trainers.kit.device_memory import most_used_bytes, reset_most_used, total_bytes
from trainers.kit.memory_saving import MemorySaving
from trainers.kit.optimizing import NotANumberError, Optimization
from trainers.kit.previews import on_the_way
from trainers.kit.training import Training

STAGE = tr("trying it out")
MIN_STEPS = 40  # a shorter training is over before an estimate would be of use
TIMED_STEPS = 2  # of each stage, after a first one
FEW, MORE = 1, 3  # sampling steps of the pictures whose difference is the time of a sampling step


@dataclass(frozen=True)
class Preflight:
    """What a trial told.

    Args:
        memory: the measures that it needed.
        measure: the last of them in words, empty for none.
    """

    estimate: Estimate
    memory: MemorySaving
    measure: str


def try_training(
    training: Training, previews: int, together: int = 1
) -> Generator[Event, None, Preflight | None]:
    """Try some steps of a training; returns what they tell about all of it, None where they tell nothing.

    Yields a Note and Steps, between which it can be stopped. Nothing of it is kept, and the training is the
    same bit for bit without it.

    Args:
        previews: how often pictures will be painted on the way.
        together: how many each time, and at the end.

    Raises StudioError when the method cannot be prepared, and torch.OutOfMemoryError when a single photo is
    too much for the device with every measure taken.
    """
    if training.values.get("steps", MIN_STEPS) < MIN_STEPS:
        return None
    yield Note(tr("Trying a few steps, to say how long it takes."))
    memory, measure = MemorySaving(), ""
    while True:
        try:
            estimate = yield from _estimate(training, previews, together, memory)
            return Preflight(estimate, memory, measure)
        except (NotANumberError, BrokenPictureError):
            return None  # the training meets it too, and says so
        except torch.OutOfMemoryError:
            pass  # what the trial holds is only free once its error is forgotten
        finally:
            forget_unused(training.backbone.device)
        measure = memory.take_next()
        if not measure:
            raise torch.OutOfMemoryError


def _estimate(
    training: Training, previews: int, together: int, memory: MemorySaving
) -> Generator[Event, None, Estimate]:
    """Try a training with these measures to save memory; yields Steps, returns the estimate.

    Notes at `memory` how many parts a batch can have.
    """
    backbone = training.backbone
    reset_most_used(backbone)
    # this method is let go at once: it may be large
    ahead = training.method(torch.Generator()).work_ahead(training.photos, training.cache)
    generator = torch.Generator().manual_seed(training.sampling.seed)
    with tempfile.TemporaryDirectory() as folder:
        light = training.method(generator, training.method_class.light_preparation)
        units = light.work_ahead(training.photos, Path(folder))
        if units:
            _warm_up(training)
        seconds = _seconds_of_preparation(light, training, Path(folder)) * ahead / max(1, units)
    optimization = training.optimization(light, generator)
    memory.most_parts = optimization.memory.most_parts
    optimization.memory.take_those_of(memory)
    first, total = 0, len(optimization.stages) + 2
    for number, stage in enumerate(optimization.stages, 1):
        yield Step(number, total, stage=STAGE)
        seconds += stage.steps * _seconds_of_a_step(optimization, first)
        first += stage.steps
    yield Step(total - 1, total, stage=STAGE)
    rest, step = _seconds_of_a_picture(light, training)
    yield Step(total, total, stage=STAGE)
    judged = verdict.SETS * verdict.SEEDS * len(training.subject.handles)
    closing = together + len(light.closing_prompts)
    for pictures, steps in (
        (previews * together, on_the_way(training.sampling)),
        (closing, training.sampling.steps),
        (judged, verdict.STEPS),
    ):
        seconds += pictures * (rest + steps * step)
    return Estimate(seconds, most_used_bytes(backbone), total_bytes(backbone))


def _warm_up(training: Training) -> None:
    """Paint a picture in one step: what the first use of a network costs is not promised many times over."""
    recipe = replace(training.sampling, steps=FEW).with_prompt(training.subject.noun)
    for _ in generate(training.backbone, recipe):
        pass


def _seconds_of_preparation(method: Method, training: Training, cache: Path) -> float:
    """Prepare a method; returns the seconds between its events and the Steps that follow them."""
    spent, began = 0.0, time.perf_counter()
    for event in method.prepare(training.photos, cache):
        now = time.perf_counter()
        spent += now - began if isinstance(event, Step) else 0.0
        began = now
    return spent


def _seconds_of_a_step(optimization: Optimization, first: int) -> float:
    """Return the time of a step of the stage that begins with step `first`."""
    times: list[float] = []
    with optimization.reading():  # as for all steps of a training together
        for _ in range(1 + TIMED_STEPS):
            optimization.skip_to(first)  # left alone, bursts grow from step to step on a fast device
            with _timed(times):
                next(optimization.run())
    return sum(times[1:]) / TIMED_STEPS


def _seconds_of_a_picture(method: Method, training: Training) -> tuple[float, float]:
    """Return the times of a picture: of all but its sampling steps, and of each of them."""
    times: list[float] = []
    for steps in (FEW, FEW, MORE):  # the first warms up
        recipe = replace(training.sampling, steps=steps).with_prompt(method.preview_prompt)
        with _timed(times):
            training.preview(method, recipe)
    step = max(0.0, (times[2] - times[1]) / (MORE - FEW))
    return max(0.0, times[1] - FEW * step), step


@contextmanager
def _timed(times: list[float]) -> Iterator[None]:
    """Context manager: append how long the block takes."""
    began = time.perf_counter()
    yield
    times.append(time.perf_counter() - began)
