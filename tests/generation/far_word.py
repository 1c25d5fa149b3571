"""A word far from its noun, so that it disturbs its prompt: what the tests of prompt tuning share."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Any

import torch
from torch import Tensor

from studio.edits import ActiveEdit, NewWord, attach
from studio.edits.concept import Concept
from studio.generation.conditions import Prompts
from studio.generation.context_loss import context_loss
from studio.generation.refinements.prompt_tuning import tune_words
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from tests.by_hand import header

RECIPE = Recipe("a <lily> on blue", seed=7, steps=2, guidance=2.0)
STEPS = 10  # of the paper


def far_word(backbone: Backbone, handle: str = "<lily>", noun: str = "cat", seed: int = 0) -> Concept:
    start = backbone.text.initial_vectors(noun, 1)
    away = torch.randn(start.shape, generator=torch.Generator().manual_seed(seed))
    word = NewWord(handle, noun, start + 2 * start.norm() * away / away.norm())
    return Concept(header(backbone, {handle: noun}), (word,))


def latents(backbone: Backbone, count: int = 1) -> Tensor:
    return torch.randn(count, *backbone.latent_shape, generator=torch.Generator().manual_seed(5))


def loss_terms(backbone: Backbone, prompt: str, edits: Sequence[ActiveEdit]) -> tuple[float, float]:
    """L_emb and L_attn of a prompt on one fixed batch of noise."""
    nouns = {active.edit.handle: active.edit.noun for active in edits}
    t = torch.tensor([100, 400, 700, 900])
    with torch.no_grad(), attach(backbone, edits):
        embedding, attention = context_loss(backbone, prompt, nouns, latents(backbone, 4), t)
    return embedding.item(), attention.item()


def returned(generator: Generator[Any, None, Any]) -> Any:
    """Run a generator to its end and give its return value."""
    while True:
        try:
            next(generator)
        except StopIteration as end:
            return end.value


def tuned_edits(
    backbone: Backbone, prompt: str, concepts: Sequence[Concept], steps: int = STEPS, **fields: object
) -> list[ActiveEdit]:
    recipe = Recipe(prompt, **fields)
    edits = [active for concept in concepts for active in concept.active_edits(recipe)]
    return returned(tune_words(backbone, Prompts("", prompt), edits, latents(backbone), steps, seed=3))


def vectors_of(edits: Sequence[ActiveEdit]) -> dict[str, Tensor]:
    return {each.edit.handle: each.edit.vectors for each in edits if isinstance(each.edit, NewWord)}
