"""Train a method: prepare, optimise, show previews, judge the result, and return the concept.

A training is a generator of events. Whoever iterates it shows the progress, and stops it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch

from studio.concepts.preview import preview_bytes
from studio.concepts.verdict import Verdict
from studio.edits.concept import Concept
from studio.errors import BrokenPictureError, StudioError
from studio.events import Event, FinishEarly, Insight, Note, Pause, Preview, Result
from studio.method import Method
from studio.models.backbone import Backbone
from studio.models.devices import forget_unused
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from studio.words import tr, trn
from trainers.kit import verdict
from trainers.kit.enduring import AfterStep, keep, optimise
from trainers.kit.found_subjects import FOUND, found_preview, with_found_subjects
from trainers.kit.kept_state import KeptState, identity_of, without_later_settings
from trainers.kit.memory_saving import activations_on_host, photos_per_step
from trainers.kit.optimizing import Optimization
from trainers.kit.preflight import Preflight, try_training
from trainers.kit.previews import Previews
from trainers.kit.processes import ALONE, Processes
from trainers.kit.training import Training

PREVIEWS = 5


def train(
    method_class: type[Method],
    backbone: Backbone,
    photos: PhotoSet,
    subject: Subject,
    settings: dict[str, Any],
    sampling: Sampling,
    cache: Path,
    state: Path | None = None,
    more_steps: int = 0,
    processes: Processes = ALONE,
    samples: Sequence[str] = (),
) -> Generator[Event, None, None]:
    """Train a method on photos of a subject; the last event is a Result with the Concept.

    Unless it is a very short one or goes on from a kept state, it begins with an Estimate of what all of it
    will need (`trainers.kit.preflight`). Before the Result come a few pictures with and without the concept,
    and the verdict on them (`trainers.kit.verdict`). Throw `FinishEarly` into the generator to end with what
    was learned so far; before the first step it ends without a Result. Throw `Pause` to end without one and
    go on another time.

    Args:
        sampling: the seed of everything, and the sampling steps and guidance of the previews.
        cache: a folder for files that later trainings use again, such as class pictures.
        state: a file for the state of this training. If it holds one of the same training, that goes on from
            there.
        more_steps: how many steps to do besides those of the settings, to continue one that has ended.
        processes: those that share the training. Only the first of them tries no steps before it, paints,
            keeps states and yields a Result.
        samples: prompts that are painted beside every preview, with handles of the subject.

    Raises StudioError when the method does not work on this base or cannot be shared by so many processes, or
    the loss stops being a number.
    """
    reason = method_class.refusal(backbone)
    if reason:
        raise StudioError(
            "{method} does not work on {base}: {reason}.",
            "Choose another.",
            method=method_class.title,
            base=backbone.name,
            reason=reason,
        )
    values = method_class.card().parse(settings)
    _check_shares(method_class, values, processes)
    masked = with_found_subjects(photos, subject.handle, method_class.own(values))
    training = Training(method_class, backbone, masked, subject, values, sampling, cache)
    kept = KeptState(
        state,
        identity_of(
            method=method_class.id,
            settings=without_later_settings(values),
            subject=subject,
            seed=sampling.seed,
            base=backbone.fingerprint,
            photos=photos.digest,
        ),
    )
    optimization: Optimization | None = None
    try:
        preflight: Preflight | None = None
        if processes.is_alone and kept.last() is None:
            preflight = yield from try_training(training, PREVIEWS + 1, 1 + len(samples))
        if preflight is not None:
            yield preflight.estimate
        if masked is not photos and processes.is_main and kept.last() is None:
            yield Insight(found_preview(masked, subject.handle), tr(FOUND))
        generator = torch.Generator().manual_seed(sampling.seed)
        method = training.method(generator)
        recipe = sampling.with_prompt(method.preview_prompt)
        yield from processes.noting_wishes(_prepare(method, masked, cache, processes))
        optimization = training.optimization(method, generator, more_steps, processes)
        if preflight is not None and preflight.measure:
            optimization.memory.take_those_of(preflight.memory)
            text = "The device has too little memory for it as it is. It is done with {measure}."
            yield Note(tr(text, measure=preflight.measure))
        every = math.ceil(optimization.total / (PREVIEWS + 1)) or 1
        breaks = optimization.breaks = set(range(every, optimization.total, every))
        previews = Previews(training, method, recipe, samples)

        def preview(step: int) -> Iterator[Event]:
            if step in breaks and processes.is_main:
                # the next step sees a broken picture too, and goes back to a good state
                with suppress(BrokenPictureError), optimization.averaged():
                    yield from previews.painted(step)

        yield from processes.noting_wishes(_learn(optimization, kept, previews, preview))
    except FinishEarly:
        if optimization is None or not optimization.losses:
            return
        yield from keep(optimization, kept)
        text = "Stopped after {step} steps; what was learned so far is kept."
        yield Note(tr(text, step=optimization.done))
    except Pause:
        if optimization is not None:
            yield from keep(optimization, kept)
        return
    if not processes.is_main:
        return
    assert optimization is not None
    optimization.take_average()
    yield from _to_the_end(method.finish())
    yield from _closing(optimization, previews)


def _check_shares(method: type[Method], values: dict[str, Any], processes: Processes) -> None:
    """Raise StudioError when the processes cannot share the photos of a step."""
    if processes.is_alone:
        return
    if method.indivisible:
        raise StudioError(
            "{method} cannot be shared by processes: {reason}.",
            "Train it in one process.",
            method=tr(method.title),
            reason=tr(method.indivisible),
        )
    for name, size in photos_per_step(method.own(values)).items():
        if size < processes.count:
            one = "{processes} processes cannot share the {count} photo of a step."
            several = "{processes} processes cannot share the {count} photos of a step."
            flag = f"--{name.replace('_', '-')} {processes.count}"
            hint = tr("Give {flag} or more, or train in one process.", flag=flag)
            raise StudioError(trn(one, several, size, processes=processes.count), hint)


def _prepare(method: Method, photos: PhotoSet, cache: Path, processes: Processes) -> Iterator[Event]:
    """Prepare a method: first in the first process, which leaves what it made in `cache` for the others."""
    if not processes.is_main:
        processes.wait()
    yield from method.prepare(photos, cache)
    if processes.is_main:
        processes.wait()
    processes.agree()


def _learn(
    optimization: Optimization, kept: KeptState, previews: Previews, after_step: AfterStep
) -> Iterator[Event]:
    """Do all steps, from the last state if there is one, which is the same for all processes."""
    processes = optimization.processes
    last = processes.from_main(kept.last())
    if last is not None:
        optimization.load(last)
        del last  # its tensors hold the file open, which Windows does not replace then
        text = "It goes on from step {step} of {steps}."
        yield Note(tr(text, step=optimization.done, steps=optimization.total))
    elif processes.is_main:
        yield from previews.painted(0)
    yield from optimise(optimization, kept, after_step)


def _closing(optimization: Optimization, previews: Previews) -> Iterator[Event]:
    """Round the edits to the file's precision, show and judge them, and yield the Result.

    `FinishEarly` skips the rest of showing and judging.
    """
    method, losses, training, recipe = (
        optimization.method,
        optimization.losses,
        previews.training,
        previews.recipe,
    )
    header = dataclasses.replace(
        training.header(method),
        steps=len(losses),
        final_loss=_recent(losses),
        memory=optimization.memory.words,
        dependencies=method.dependencies(),
    )
    concept = Concept(header, tuple(method.edits())).round_to_file()
    verdicts: dict[str, Verdict] = {}
    try:
        picture = previews.picture()
        header = dataclasses.replace(header, preview=preview_bytes(picture))
        header = dataclasses.replace(header, report=(yield from _reports(optimization)))
        yield from method.insights()
        for caption, knobs in method.closing_choices.items():
            yield Insight(previews.picture(knobs={method.subject.handle: dict(knobs)}), caption)
        for prompt in method.closing_prompts:
            yield Preview(previews.picture(prompt=prompt), prompt, header.steps)
        yield from previews.sample_pictures(header.steps)
        yield Preview(picture, recipe.prompt, header.steps)
        prompts = [recipe.prompt, *method.closing_prompts]
        judge = verdict.Judge(training.backbone, training.photos, prompts, recipe)
        verdicts = yield from verdict.judge_concept(judge, Concept(header, concept.edits))
        yield from previews.checkpoints.better_than(verdicts, judge)
    except FinishEarly:
        pass  # there is nothing more to learn
    except torch.OutOfMemoryError:
        text = "The device has too little memory to judge what was learned. It is kept all the same."
        yield Note(tr(text))
    yield Result(Concept(dataclasses.replace(header, verdicts=verdicts), concept.edits))


def _reports(optimization: Optimization) -> Generator[Event, None, dict[str, float]]:
    """Return what the method and its regularizers measured; yields a Note where there is no memory for all.

    A training that needed to save memory has none to spare for a measurement either.
    """
    backbone, is_whole = optimization.backbone, True
    reports: dict[str, float] = {}
    for report in (optimization.method.report, *(one.report for one in optimization.regularizers)):
        try:
            with activations_on_host(backbone) if optimization.memory.words else nullcontext():
                reports |= report()
        except torch.OutOfMemoryError:
            is_whole = False
    if not is_whole:
        forget_unused(backbone.device)
        text = "The device has too little memory to measure all of what was learned. It is kept all the same."
        yield Note(tr(text))
    return {name: round(value, 4) for name, value in reports.items()}


def _recent(losses: list[float]) -> float:
    """Return the mean of the last tenth of the losses."""
    recent = losses[-max(1, len(losses) // 10) :]
    return round(sum(recent) / len(recent), 6)


def _to_the_end(events: Iterator[Event]) -> Iterator[Event]:
    """Yield all of these events and ignore `FinishEarly`: without this work the concept is incomplete."""
    for event in events:
        try:
            yield event
        except FinishEarly:
            continue
