"""Painting: a Recipe and the concepts it names become pictures.

The page, the command line and the previews during training all paint here, so that one recipe gives one
picture, bit for bit, whoever asks.
"""

from __future__ import annotations

import dataclasses
import itertools
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
from studio.obey import learned_words, obey
from studio.recipe import Recipe, handles_in
from studio.text import Words


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

    Pictures are painted singly, so that each can be repeated alone from its own recipe. With
    `recipe.obeying`, each is painted first as it would be without, from which its own copies of the words
    are moved (`studio.obey`), and then again with these: a picture costs more than twice the steps, and does
    not depend on how many are painted.

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
    words = read_with(backbone, prompts, actives)
    if dropped := words.tokens[1].dropped:
        read = backbone.text.tokens_high
        yield Note(f"The prompt is {dropped} tokens too long: only its first {read} are read.")
    if recipe.obeying:
        learned_words(backbone, prompts[1], actives)  # refuses now, not after a first painting
    done = itertools.count(1)
    total = recipe.count * (2 * recipe.steps + recipe.obeying if recipe.obeying else recipe.steps)
    for index in range(recipe.count):
        single = recipe.single(index)
        hidden, acting = words.hidden, actives
        if recipe.obeying:
            sampled = sample(backbone, single, hidden, actives, [single.seed])
            for _ in range(recipe.steps):
                latents = next(sampled)
                yield Step(next(done), total, stage="painting as it is")
            for event in obey(backbone, prompts[1], actives, latents, recipe.obeying, single.seed):
                match event:
                    case Step(values=values, stage=stage):
                        yield Step(next(done), total, values, stage)
                    case Result(value=acting):
                        hidden = read_with(backbone, prompts, acting).hidden
        sampled = sample(backbone, single, hidden, acting, [single.seed])
        for _ in range(recipe.steps):
            latents = next(sampled)
            yield Step(next(done), total, stage="painting")
        yield Result(Picture(backbone.decode(latents)[0], single))


@torch.no_grad()
def read_with(backbone: Backbone, prompts: Sequence[str], actives: Sequence[Active]) -> Words:
    """The prompts as the encoder reads them with these edits on, which are told the prompts."""
    with attach(backbone, actives):
        words = backbone.text.read(prompts)
        for active in actives:
            active.edit.listen(backbone, prompts)
    return words


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
