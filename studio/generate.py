"""Painting: a Recipe and the concepts it names become pictures.

The page, the command line and the previews during training all paint here, so that one recipe gives one
picture, bit for bit, whoever asks.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image
from torch import Tensor

from studio.backbone import Backbone
from studio.concept import Concept
from studio.edits import Active, attach
from studio.errors import StudioError
from studio.events import Event, Note, Result, Step
from studio.recipe import Recipe, handles_in


@dataclass(frozen=True)
class Picture:
    """A painted picture and the recipe that repeats it alone."""

    image: Image
    recipe: Recipe


def actives_of(recipe: Recipe, concepts: Sequence[Concept]) -> list[Active]:
    """The edits that a recipe turns on: of the concepts its prompts name, at the strengths it gives.

    A concept that is not named contributes nothing, so the picture is bit-identical to one without it.
    """
    named = handles_in(f"{recipe.prompt} {recipe.negative}")
    actives = []
    for concept in concepts:
        if any(handle in named for handle in concept.header.handles):
            actives += concept.active(recipe)
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

    Pictures are painted singly, so that each can be repeated alone from its own recipe.
    Raises StudioError when the prompt names a handle that no given concept has, or a concept was made for
    another base.
    """
    recipe = dataclasses.replace(recipe.checked(), base=backbone.name)
    known = {handle for concept in concepts for handle in concept.header.handles}
    for handle in handles_in(f"{recipe.prompt} {recipe.negative}"):
        if handle not in known:
            raise StudioError(
                f"There is no concept called {handle}.", "Train it, or import its file in the Library."
            )
    shared: dict[str, tuple[str, str]] = {}
    for concept in concepts:
        concept.check(backbone)
        for name, digest in concept.header.shared.items():
            handle, known = shared.setdefault(name, (concept.header.handle, digest))
            if known != digest:
                hint = "Train one of them again on this base."
                raise StudioError(f"{handle} and {concept.header.handle} were made with other {name}.", hint)
    actives = actives_of(recipe, concepts)
    for active in actives:
        active.edit.to(backbone)
    prompts = [with_nouns(text, recipe, concepts) for text in (recipe.negative, recipe.prompt)]
    with torch.no_grad(), attach(backbone, actives):
        words = backbone.text.read(prompts)
        for active in actives:
            active.edit.listen(backbone, prompts)
    if dropped := words.tokens[1].dropped:
        read = backbone.text.tokens_high
        yield Note(f"The prompt is {dropped} tokens too long: only its first {read} are read.")
    for index in range(recipe.count):
        single = recipe.single(index)
        sampled = sample(backbone, single, words.hidden, actives, [single.seed])
        for step in range(1, recipe.steps + 1):
            latents = next(sampled)
            yield Step(step + index * recipe.steps, recipe.steps * recipe.count, stage="painting")
        yield Result(Picture(backbone.decode(latents)[0], single))


def sample(
    backbone: Backbone, recipe: Recipe, hidden: Tensor, actives: Sequence[Active], seeds: Sequence[int]
) -> Iterator[Tensor]:
    """The latents (n, C, h, w) of one picture per seed, after each step of DDIM with classifier-free
    guidance (Ho and Salimans 2022): eps = eps_0 + w (eps_c - eps_0), w = `recipe.guidance`.

    `hidden` (2, L, D) holds the encoded negative prompt and prompt. A guidance of 1 skips the first.
    """
    sampler = backbone.sampler(recipe.steps)
    channels, height, width = backbone.latent_shape
    if recipe.size:
        height = width = max(1, round(recipe.size * height / backbone.resolution))
    starts = [backbone.draw((channels, height, width), torch.Generator().manual_seed(seed)) for seed in seeds]
    latents = torch.stack(starts) * sampler.init_noise_sigma
    hidden = hidden.repeat_interleave(len(seeds), dim=0)
    guided = recipe.guidance != 1
    for t in sampler.timesteps:
        with torch.no_grad(), attach(backbone, actives):
            noisy = sampler.scale_model_input(latents, t)
            if guided:
                eps_0, eps_c = backbone.predict(noisy.repeat(2, 1, 1, 1), t, hidden).chunk(2)
                eps = eps_0 + recipe.guidance * (eps_c - eps_0)
            else:
                eps = backbone.predict(noisy, t, hidden[len(seeds) :])
            latents = sampler.step(eps, t, latents).prev_sample
        yield latents
