"""Painting: a Recipe and the concepts it names become pictures.

The page, the command line and the previews during training all paint here, so that one recipe gives one
picture, bit for bit, whoever asks.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from PIL.Image import Image
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result, Step
from studio.generation.composing import (
    Conditions,
    compose,
    edits_without_region,
    handles_with_region,
    layout_steps,
    noun_words,
    placeholders,
    with_placeholder_nouns,
)
from studio.generation.prompt_tuning import learned_words, tune_words
from studio.generation.regions import assign_regions, box_masks
from studio.generation.sampling import cells_of, sample
from studio.handles import handles_in
from studio.models.attention import record_attention
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe


@dataclass(frozen=True)
class Picture:
    """A painted picture and the recipe that repeats it alone."""

    image: Image
    recipe: Recipe


def active_edits(recipe: Recipe, concepts: Sequence[Concept]) -> list[ActiveEdit]:
    """The edits that a recipe turns on: of the concepts its prompts name, at the strengths it gives.

    A concept that is not named contributes nothing, so the picture is bit-identical to one without it.
    """
    named = handles_in(f"{recipe.prompt} {recipe.negative}")
    actives = []
    for concept in concepts:
        if any(handle in named for handle in concept.header.handles):
            actives += concept.active_edits(recipe)
    return actives


def with_nouns(text: str, recipe: Recipe, concepts: Sequence[Concept]) -> str:
    """`text` with every handle of strength 0 read as its plain noun."""
    for concept in concepts:
        for handle, noun in concept.header.handles.items():
            if recipe.strength(handle) == 0:
                text = re.sub(re.escape(handle), noun, text, flags=re.IGNORECASE)
    return text


def generate(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept] = ()) -> Iterator[Event]:
    """Paint `recipe.count` pictures, one after the other; yields a Step for each sampling step and a
    Result with a Picture for each picture. Edits are on only inside a step, never across a yield.

    Pictures are painted singly, so that each can be repeated alone from its own recipe. With
    `recipe.obeying`, each is painted first as it would be without, from which its own copies of the words
    are moved (`studio.generation.prompt_tuning`), and then again with these: a picture costs more than twice the steps, and does
    not depend on how many are painted. Several concepts share a picture in the way that `recipe.composing`
    says (`studio.generation.composing`).

    Raises StudioError when the prompt names a handle that no given concept has, or a concept was made for
    another base.
    """
    recipe = dataclasses.replace(recipe.checked(), base=backbone.name)
    known = {handle: noun for concept in concepts for handle, noun in concept.header.handles.items()}
    for handle in handles_in(f"{recipe.prompt} {recipe.negative}"):
        if handle not in known:
            raise StudioError(
                f"There is no concept called {handle}.", "Train it, or import its file in the Library."
            )
    check_concepts(backbone, concepts)
    actives = active_edits(recipe, concepts)
    for active in actives:
        active.edit.to(backbone)
    nouns = handles_with_region(recipe, known)
    prompts = [with_nouns(text, recipe, concepts) for text in (recipe.negative, recipe.prompt)]
    with torch.no_grad(), attach(backbone, actives):
        dropped = backbone.text.tokenize(prompts[1]).dropped
    if dropped:
        read = backbone.text.max_tokens
        yield Note(f"The prompt is {dropped} tokens too long: only its first {read} are read.")
    if recipe.obeying:
        learned_words(backbone, prompts[1], actives)  # refuses now, not after a first painting
    done, total = 0, recipe.count * _steps(recipe, nouns)
    for index in range(recipe.count):
        for event in _paint(backbone, recipe.single(index), prompts, actives, nouns):
            if isinstance(event, Step):
                done += 1
                event = dataclasses.replace(event, step=done, steps=total)
            yield event


def check_concepts(backbone: Backbone, concepts: Sequence[Concept]) -> None:
    """Raises StudioError when a concept does not fit the base, or two do not fit each other."""
    shared: dict[str, tuple[str, str]] = {}
    for concept in concepts:
        concept.check(backbone)
        for name, digest in concept.header.dependencies.items():
            handle, first = shared.setdefault(name, (concept.header.handle, digest))
            if first != digest:
                hint = "Train one of them again on this base."
                raise StudioError(f"{handle} and {concept.header.handle} were made with other {name}.", hint)


def _steps(recipe: Recipe, nouns: Collection[str]) -> int:
    """How many steps one picture takes."""
    again = recipe.obeying + recipe.steps - layout_steps(recipe, nouns)
    return recipe.steps + (again if recipe.obeying else 0)


def _paint(
    backbone: Backbone,
    recipe: Recipe,
    prompts: Sequence[str],
    actives: Sequence[ActiveEdit],
    nouns: Mapping[str, str],
) -> Iterator[Event]:
    """One picture: its Steps, not yet numbered, and the Result."""
    areas, begun = yield from _laid_out(backbone, recipe, prompts, actives, nouns)
    composed = partial(compose, backbone, recipe.mode, prompts, nouns=nouns, areas=areas)
    conditions = composed(actives)
    if recipe.obeying:
        latents = yield from _sampled(backbone, recipe, conditions, *begun, "painting as it is")
        for event in tune_words(backbone, prompts[1], actives, latents, recipe.obeying, recipe.seed):
            if isinstance(event, Result):
                conditions = composed(event.value)
            else:
                yield event
    latents = yield from _sampled(backbone, recipe, conditions, *begun, "painting")
    yield Result(Picture(backbone.decode(latents)[0], recipe))


def _laid_out(
    backbone: Backbone,
    recipe: Recipe,
    prompts: Sequence[str],
    actives: Sequence[ActiveEdit],
    nouns: Mapping[str, str],
) -> Generator[Event, None, tuple[Tensor, tuple[int, Tensor | None]]]:
    """The cells (k, h, w) of each placed handle, and how many steps have led to which latents by then.

    A handle has its box, or else its part of what is left, by where its noun looks in the first few steps.
    """
    height, width = cells_of(backbone, recipe)
    areas = box_masks(recipe.regions, list(nouns), height, width)
    missing = [number for number, handle in enumerate(nouns) if handle not in recipe.regions]
    if not missing:
        return areas, (0, None)
    placeless = edits_without_region(actives, nouns)
    with torch.no_grad(), noun_words(backbone, nouns), attach(backbone, placeless):
        words = backbone.text.read(with_placeholder_nouns(prompts, nouns))
    spots = list(placeholders(nouns))
    places = [words.tokens[1].spans[spots[number]] for number in missing]
    maps, sampled = [], sample(backbone, recipe, Conditions(words.hidden, placeless), [recipe.seed])
    steps = layout_steps(recipe, nouns)
    for _ in range(steps):
        with record_attention(backbone) as recorder:
            latents = next(sampled)
        side = recorder.side(backbone.attention_side)
        maps.append(torch.stack([recorder.word(place, side)[-1] for place in places]))
        yield Step(0, 0, stage="painting")
    attention = F.interpolate(torch.stack(maps).mean(0)[None], (height, width), mode="bilinear")[0]
    areas[missing] = assign_regions(attention, areas.amax(0) == 0).to(areas)
    return areas, (steps, latents)


def _sampled(
    backbone: Backbone, recipe: Recipe, conditions: Conditions, start: int, latents: Tensor | None, stage: str
) -> Generator[Event, None, Tensor]:
    """The latents (1, C, h, w) of a picture that the first `start` steps have led to `latents`, with a Step
    for each of the others."""
    sampled = sample(backbone, recipe, conditions, [recipe.seed], start, latents)
    for _ in range(recipe.steps - start):
        latents = next(sampled)
        yield Step(0, 0, stage=stage)
    assert latents is not None
    return latents
