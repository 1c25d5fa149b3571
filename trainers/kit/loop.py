"""The only training loop. It yields what happens; whoever iterates it owns progress and stopping.

The method's own edits are attached for the length of one step and never across a yield, so a preview, a
cancellation, or a picture for somebody else between two steps needs no further code.
"""

from __future__ import annotations

import dataclasses
import io
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, FinishEarly, Note, Preview, Result, Step
from studio.generation.generate import Picture, generate
from studio.library.header import Header
from studio.library.verdict import Verdict
from studio.method import Method
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe
from studio.subject import Subject
from trainers.kit import verdict as closing

CLIP_NORM = 1.0
PREVIEWS = 5
PREVIEW_SIDE = 96


def train(
    method_class: type[Method],
    backbone: Backbone,
    photos: PhotoSet,
    subject: Subject,
    settings: dict[str, Any],
    look: Recipe,
    cache: Path,
) -> Iterator[Event]:
    """Learn `subject` from `photos`. The last event is a Result with the Concept.

    `look` gives the seed of everything, and the sampling steps and guidance of the previews. Last come a few
    pictures with and without the concept, and the verdict on them (`trainers.kit.verdict`). `FinishEarly`
    thrown in after the first step ends with what was learned so far; before it, without a result.
    Raises StudioError when the loss stops being a number.
    """
    generator = torch.Generator().manual_seed(look.seed)
    values = method_class.card().parse(settings)
    method = method_class(backbone, subject, method_class.Settings(**values), generator)
    header = Header(
        handles=method.subject.handles,
        method=method.id,
        method_title=method.title,
        paper=method.paper,
        settings=values,
        seed=look.seed,
        base=backbone.name,
        fingerprint=backbone.fingerprint,
        photos=len(photos),
        steps=0,
        final_loss=0.0,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        program=_program(),
    )
    recipe = dataclasses.replace(look, prompt=method.preview_prompt)
    losses: list[float] = []
    try:
        yield from method.prepare(photos, cache)
        yield Preview(_preview(backbone, method, header, recipe), recipe.prompt, 0)
        for step in _steps(method, backbone, generator):
            losses.append(step.values["loss"])
            yield step
            if step.step < step.steps and step.step % math.ceil(step.steps / (PREVIEWS + 1)) == 0:
                yield Preview(_preview(backbone, method, header, recipe), recipe.prompt, step.step)
    except FinishEarly:
        if not losses:
            return
        yield Note(f"Stopped after {len(losses)} steps; what was learned so far is kept.")
    yield from _to_the_end(method.finish())
    header = dataclasses.replace(header, steps=len(losses), final_loss=_recent(losses))
    yield from _closing(method, backbone, header, recipe, photos)


def _closing(
    method: Method, backbone: Backbone, header: Header, recipe: Recipe, photos: PhotoSet
) -> Iterator[Event]:
    """What is left when all is learned: it is settled, shown, looked at, and kept. Told to finish early, only
    the showing and looking are cut short."""
    knobs = {name: knob for edit in method.edits() for name, knob in edit.knobs().items()}
    concept = Concept(header, tuple(method.edits())).round_to_file()
    picture = _preview(backbone, method, header, recipe)
    header = dataclasses.replace(
        header,
        dependencies=method.dependencies(),
        knobs=knobs,
        report={name: round(value, 4) for name, value in method.report().items()},
        preview=_thumbnail(picture),
    )
    verdicts: dict[str, Verdict] = {}
    try:
        yield from method.insights()
        for prompt in method.closing_prompts:
            own = dataclasses.replace(recipe, prompt=prompt)
            yield Preview(_preview(backbone, method, header, own), prompt, header.steps)
        yield Preview(picture, recipe.prompt, header.steps)
        learned, prompts = Concept(header, concept.edits), [recipe.prompt, *method.closing_prompts]
        verdicts = yield from closing.judge_concept(backbone, learned, photos, prompts, recipe)
    except FinishEarly:
        pass  # there is nothing more to learn
    yield Result(Concept(dataclasses.replace(header, verdicts=verdicts), concept.edits))


def _recent(losses: list[float]) -> float:
    """The mean of the last tenth."""
    recent = losses[-max(1, len(losses) // 10) :]
    return round(sum(recent) / len(recent), 6)


def _to_the_end(events: Iterator[Event]) -> Iterator[Event]:
    """These events, all of them, even when told to finish early: without them nothing could be kept."""
    for event in events:
        try:
            yield event
        except FinishEarly:
            continue


def _steps(method: Method, backbone: Backbone, generator: torch.Generator) -> Iterator[Step]:
    """Every step of every stage, numbered through."""
    precision = "fp16" if backbone.dtype == torch.float16 else "no"
    accelerator = Accelerator(mixed_precision=precision, cpu=backbone.device.type == "cpu")
    stages = method.stages()
    done, total = 0, sum(stage.steps for stage in stages)
    everything = [tensor for stage in stages for tensors, _ in stage.groups for tensor in tensors]
    for stage in stages:
        groups = [{"params": list(parameters), "lr": rate} for parameters, rate in stage.groups]
        trained = [tensor for group in groups for tensor in group["params"]]
        for tensor in everything:  # what another stage learns gathers no gradient in this one
            tensor.requires_grad_(any(tensor is mine for mine in trained))
        optimizer = accelerator.prepare(torch.optim.AdamW(groups, weight_decay=stage.weight_decay))
        for _ in range(stage.steps):
            actives = [ActiveEdit(edit) for edit in method.edits()]
            with torch.enable_grad(), attach(backbone, actives):
                terms = method.loss(generator)
                loss = torch.stack(list(terms.values())).sum()
                accelerator.backward(loss)
            if not math.isfinite(loss.item()):
                hint = "Train again with a lower learning rate. Nothing was saved or harmed."
                raise StudioError(f"The loss was no longer a number at step {done + 1}.", hint)
            accelerator.unscale_gradients(optimizer)
            torch.nn.utils.clip_grad_norm_(trained, CLIP_NORM)
            optimizer.step()
            optimizer.zero_grad()
            if stage.after_step:
                stage.after_step()
            done += 1
            values = {name: term.item() for name, term in terms.items()} | {"loss": loss.item()}
            yield Step(done, total, values, stage.name)


def _preview(backbone: Backbone, method: Method, header: Header, recipe: Recipe) -> Any:
    """The picture that Create would paint with what has been learned by now."""
    concept = Concept(header, tuple(method.edits()))
    for event in generate(backbone, recipe, [concept]):
        match event:
            case Result(Picture(image=image)):
                return image
    raise AssertionError("painting one picture gave none")


def _thumbnail(picture: Any) -> bytes:
    """A small PNG for the header."""
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    buffer = io.BytesIO()
    small.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _program() -> str:
    try:
        return f"likeness {version('likeness')}"
    except PackageNotFoundError:
        return "likeness"
