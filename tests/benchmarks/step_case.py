"""A case of `steps`: the steps of one method with one batch on one base, stage by stage."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import torch

from studio.method import Method
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests.benchmarks.alone import FAILURE, GB
from tests.benchmarks.bases import open_base
from tests.benchmarks.peak_memory import held_bytes, peak_bytes, reset_peak
from tests.benchmarks.spread import CPU_TIMES, TIMES, Taken
from trainers import METHODS
from trainers.benchmarks.base_check import demo_photos
from trainers.kit.optimizing import Optimization
from trainers.kit.training import Training

SUBJECT = Subject("<trek>", "backpack")
KINDS = 2  # that photos are sorted into, where a method needs it
LIGHT = {"captions": 100}  # of Perfusion's statistics, which are made before the first step


@dataclass(frozen=True)
class Steps:
    """How many steps a case does.

    Args:
        warm_up: steps of each stage that are not timed.
        timed: steps of each stage that are.
        seconds: no further step is timed after so long in a stage, but one is in any case.
    """

    warm_up: int
    timed: int
    seconds: float


@cache
def backpack() -> PhotoSet:
    """Return the demo photos of the backpack with their masks, which take a moment to find."""
    return demo_photos(SUBJECT)


def photos_for(method: type[Method], count: int) -> PhotoSet:
    """Return demo photos of the backpack, with its masks, sorted where the method needs it."""
    photos = backpack()
    count = min(len(photos), max(count, method.needs.min_photos))
    masks = {handle: each[:count] for handle, each in photos.masks.items()}
    captions = tuple(f"kind {number % KINDS}" for number in range(count)) if method.needs.sorted else ()
    return replace(photos, squares=photos.squares[:count], masks=masks, captions=captions)


def settings_for(
    method: type[Method], batch: int, steps: Steps, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Return all settings: the method's defaults and light preparation, this batch, and these changes."""
    defaults = method.card().parse({})
    enough = 4 * (steps.warm_up + steps.timed)  # for a stage that has only a share of them
    chosen = {**LIGHT, **method.light_preparation, "batch": batch, "steps": max(defaults["steps"], enough)}
    known = {name: value for name, value in chosen.items() if name in defaults}
    return method.card().parse({**known, **changes})


def prepared(
    method_id: str,
    backbone: Backbone,
    batch: int,
    photos: int,
    steps: Steps,
    changes: Mapping[str, Any] | None = None,
) -> Optimization:
    """Return the optimisation of a method that is prepared as for a training."""
    method_class = METHODS[method_id]
    values = settings_for(method_class, batch, steps, changes or {})
    generator = torch.Generator().manual_seed(0)
    with tempfile.TemporaryDirectory() as cache:
        chosen = photos_for(method_class, photos)
        training = Training(method_class, backbone, chosen, SUBJECT, values, Sampling(seed=0), Path(cache))
        method = training.method(generator)
        for _ in method.prepare(chosen, Path(cache)):
            pass
    return training.optimization(method, generator)


def time_stage(optimization: Optimization, first: int, steps: Steps) -> list[Taken]:
    """Do the steps of the stage that begins with step `first`.

    Returns what a step takes, once for each burst of the loop: on a fast device a burst is many steps,
    between which nobody waits for the device, so that a single one has no time of its own.
    """
    begin = first + steps.warm_up
    optimization.breaks |= {begin, begin + steps.timed}
    optimization.skip_to(first)
    events = optimization.run()
    taken: list[Taken] = []
    started = 0.0
    while optimization.done < begin + steps.timed:
        done, before = optimization.done, Taken.now()
        next(events)
        burst = optimization.done - done
        spent = Taken.now() - before
        for _ in range(burst - 1):
            next(events)
        if done >= begin:
            taken.append(spent / burst)
            if time.perf_counter() - started > steps.seconds:
                break
        started = started or time.perf_counter()
    events.close()
    return taken


def measure(
    base: str,
    method: str,
    batch: int,
    warm_up: int,
    timed: int,
    seconds: float,
    photos: int,
    device: str | None = None,
    pixels: int = 0,
    dtype: str = "",
    settings: Mapping[str, Any] | None = None,
    plain: bool = False,
) -> dict[str, Any]:
    """Measure a case; returns one entry of "stages" for each, or why the method refuses the base.

    Memory is what is held beyond the opened base, in GB: `kept_gb` before the first step of the stage, such
    as encoded photos and an optimizer's state, `peak_gb` the most during its steps.
    """
    backbone = open_base(base, device, pixels, dtype, plain)
    refusal = METHODS[method].refusal(backbone)
    if refusal:
        return {FAILURE: f"not on this base: {refusal}"}
    of_base = held_bytes(backbone.device)
    steps = Steps(warm_up, timed, seconds)
    optimization = prepared(method, backbone, batch, photos, steps, settings)
    stages, first = [], 0
    for stage in optimization.stages:
        kept = held_bytes(backbone.device) - of_base
        reset_peak(backbone.device)
        taken = time_stage(optimization, first, steps)
        stages.append(
            {
                "stage": stage.name,
                "batches": stage.accumulate,
                TIMES: [each.wall for each in taken],
                CPU_TIMES: [each.cpu for each in taken],
                "kept_gb": kept / GB,
                "peak_gb": (peak_bytes(backbone.device) - of_base) / GB,
            }
        )
        first += stage.steps
    return {
        "base_gb": of_base / GB,
        "pixels": backbone.resolution,
        "device": str(backbone.device),
        "dtype": str(backbone.dtype).removeprefix("torch."),
        "threads": torch.get_num_threads(),
        "stages": stages,
    }
