"""Check a base model: each method trains a few steps on it, is saved, opened again and painted.

    python launch.py check-base PATH

The table is meant to be pasted into a report about a base, whatever the device.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, FinishEarly, Note, Result, Step
from studio.generation.generate import generate
from studio.method import Method
from studio.models.backbone import Backbone
from studio.photos.click_mask import propose_mask
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.starter import DEMO
from studio.subject import Subject
from studio.words import tr
from trainers.benchmarks.method_trial import MIDDLE, cases_in
from trainers.kit.device_memory import most_used_bytes, reset_most_used
from trainers.kit.loop import train

PHOTOS = 3
KINDS = 2  # that photos are sorted into, where a method needs it
GB, KB = 1e9, 1e3


@dataclass(frozen=True)
class MethodCheck:
    """What came of one method: empty `failure` means that all of it worked.

    Args:
        refusal: why the method does not work on such a base, in its own words.
    """

    title: str
    refusal: str = ""
    failure: str = ""
    step_seconds: float = 0.0
    peak_bytes: int = 0
    file_bytes: int = 0


@dataclass
class BaseCheck:
    """What came of all methods, and what pictures cost."""

    base: str
    device: str
    methods: list[MethodCheck] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)  # by kind of picture
    failures: dict[str, str] = field(default_factory=dict)  # of pictures, by kind

    @property
    def works(self) -> bool:
        """Return whether nothing failed that should have worked."""
        return not self.failures and not any(one.failure for one in self.methods)

    @property
    def table(self) -> str:
        """Return it as Markdown."""
        lines = [f"{self.base}, {self.device}", "", HEAD, "|---|---|---|---|---|"]
        for one in self.methods:
            if one.refusal or one.failure:
                reason = one.failure or tr("not on this base: {reason}", reason=one.refusal)
                lines.append(f"| {one.title} | {reason} | | | |")
            else:
                cost = f"{one.step_seconds:.3g} s", f"{one.peak_bytes / GB:.2f} GB"
                lines.append(
                    f"| {one.title} | {tr('yes')} | {' | '.join(cost)} | {one.file_bytes / KB:.0f} kB |"
                )
        lines += ["", f"| {tr('a picture')} | |", "|---|---|"]
        lines += [f"| {kind} | {seconds:.2f} s |" for kind, seconds in self.seconds.items()]
        lines += [f"| {kind} | {reason} |" for kind, reason in self.failures.items()]
        return "\n".join(lines)


HEAD = tr("| method | trained, saved, opened, painted | a step | most memory | file |")


def check_base(
    backbone: Backbone, methods: Mapping[str, type[Method]], steps: int, sampling: Sampling, cache: Path
) -> Iterator[Event]:
    """Check a base with these methods; yields Steps and Notes, and the Result with a `BaseCheck`.

    Args:
        steps: that each method trains.
        sampling: of the pictures.
        cache: a folder for class pictures and text statistics.
    """
    report = BaseCheck(f"{backbone.name} ({backbone.kind}, {backbone.resolution} px)", device_of(backbone))
    learned: list[Concept] = []
    for number, (name, method) in enumerate(methods.items(), 1):
        yield Note(
            tr("{number} of {count}: {method}", number=number, count=len(methods), method=method.title)
        )
        subject = Subject(f"<{name.replace('_', '-')}>", "backpack")
        reason = method.refusal(backbone)
        if reason:
            report.methods.append(MethodCheck(method.title, refusal=reason))
            continue
        try:
            check, concept = yield from _check_method(backbone, method, subject, steps, sampling, cache)
            learned.append(concept)
        except Exception as error:  # what it is that fails is what is asked for
            check = MethodCheck(method.title, failure=_words(error))
        report.methods.append(check)
    yield Note(tr("Pictures"))
    for kind, prompt, mode, concepts in _pictures(learned):
        try:
            report.seconds[kind] = _seconds_of(backbone, sampling, prompt, mode, concepts)
        except Exception as error:
            report.failures[kind] = _words(error)
    yield Result(report)


def _check_method(
    backbone: Backbone, method: type[Method], subject: Subject, steps: int, sampling: Sampling, cache: Path
) -> Generator[Event, None, tuple[MethodCheck, Concept]]:
    """Train, save, open and paint; yields Steps, and returns a MethodCheck and the concept."""
    known = {field.name for field in method.card().fields}
    settings = {**method.quick_settings, "steps": steps, **({"batch": 1} if "batch" in known else {})}
    reset_most_used(backbone)
    photos = demo_photos(subject)
    if method.needs.sorted:
        captions = tuple(f"kind {number % KINDS}" for number in range(len(photos)))
        photos = dataclasses.replace(photos, captions=captions)
    events = train(method, backbone, photos, subject, settings, sampling, cache)
    spent: list[float] = []  # on each step, without the previews between them
    peak = 0
    concept: Concept | None = None
    began = time.perf_counter()
    event = next(events, None)
    while event is not None:
        if isinstance(event, Result):
            concept = event.value
        if isinstance(event, Step) and event.values:
            spent.append(time.perf_counter() - began)
            yield event
            peak = max(peak, most_used_bytes(backbone))
            if event.step == event.steps:  # the rest is showing and judging, which takes long
                event = _finish(events)
                continue
        began = time.perf_counter()
        event = next(events, None)
    if concept is None:
        raise StudioError("Nothing was learned.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "concept.safetensors"
        concept.save(path)
        opened, size = Concept.open(path), path.stat().st_size
    named, plain = (
        np.asarray(_paint(backbone, sampling, f"a {who}", [opened])) for who in (subject.handle, subject.noun)
    )
    if np.array_equal(named, plain):
        raise StudioError("The picture does not change with the concept.")
    seconds = sum(spent[1:]) / max(1, len(spent) - 1)  # the first includes what is done once
    return MethodCheck(method.title, step_seconds=seconds, peak_bytes=peak, file_bytes=size), opened


def _words(error: Exception) -> str:
    """Return an error in one line, with its kind where it is a fault of a program."""
    line = " ".join(str(error).split())[:200]
    return line if isinstance(error, StudioError) else f"{type(error).__name__}: {line}"


def _finish(events: Any) -> Event | None:
    """End a training early; returns its next event."""
    try:
        return events.throw(FinishEarly())
    except (StopIteration, FinishEarly):
        return None


def demo_photos(subject: Subject) -> PhotoSet:
    """Return photos of the backpack that comes with the studio, with its mask under the subject's handle."""
    case = cases_in(DEMO)[1]
    squares = [photo.square(photo.side) for photo in case.photos[:PHOTOS]]
    masks = tuple(propose_mask(square, [MIDDLE]) for square in squares)
    return PhotoSet(tuple(squares), {subject.handle: masks})


def _pictures(learned: Sequence[Concept]) -> list[tuple[str, str, str, list[Concept]]]:
    """Return the kinds of pictures to time: name, prompt, mode of composing and concepts."""
    kinds: list[tuple[str, str, str, list[Concept]]] = [
        (tr("without a concept"), "a backpack on a beach", "sum", [])
    ]
    if learned:
        kinds.append((tr("with a concept"), f"{learned[0].header.handle} on a beach", "sum", [learned[0]]))
    if len(learned) > 1:
        pair = [learned[0], learned[1]]
        prompt = f"{pair[0].header.handle} and {pair[1].header.handle} on a beach"
        kinds.append((tr("with two concepts in regions"), prompt, "regions", pair))
    return kinds


def _paint(
    backbone: Backbone, sampling: Sampling, prompt: str, concepts: Sequence[Concept], mode: str = "sum"
) -> Image.Image:
    """Return the picture of a prompt."""
    for event in generate(backbone, sampling.with_prompt(prompt, composing=mode), concepts):
        if isinstance(event, Result):
            return event.value.image
    raise AssertionError("painting one picture gave none")


def _seconds_of(
    backbone: Backbone, sampling: Sampling, prompt: str, mode: str, concepts: Sequence[Concept]
) -> float:
    """Return how long a picture takes."""
    began = time.perf_counter()
    _paint(backbone, sampling, prompt, concepts, mode)
    return time.perf_counter() - began


def device_of(backbone: Backbone) -> str:
    """Return the device, the precision, and how the base fits if it does not as it is, in words."""
    name = torch.cuda.get_device_name() if backbone.device.type == "cuda" else backbone.device.type.upper()
    precision = str(backbone.dtype).removeprefix("torch.")
    plan = "" if backbone.memory_plan.is_trivial else f"; {backbone.memory_plan.words}"
    return f"{name}, {precision}{plan}"
