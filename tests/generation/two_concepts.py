"""A prompt with two concepts on the tiny base: what the tests of composing share."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from studio.edits import ActiveEdit
from studio.edits.concept import Concept
from studio.events import Result
from studio.generation.conditions import Conditions, Prompts
from studio.generation.generate import Picture, generate
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from tests.by_hand import tuned

PROMPT = "a <lily> and a <tom> on blue"
RECIPE = Recipe(PROMPT, seed=7, steps=3, guidance=2.0)
NOUNS = {"<lily>": "cat", "<tom>": "dog"}
T = torch.tensor(500)  # any timestep: these words do not depend on it


def two(backbone: Backbone) -> list[Concept]:
    return [tuned(backbone, "<lily>"), tuned(backbone, "<tom>", "dog", seed=1)]


def recipe_for(mode: str, **fields: object) -> Recipe:
    return dataclasses.replace(RECIPE, composing=mode, **fields)


def prompts(prompt: str = PROMPT, negative: str = "") -> Prompts:
    return Prompts(negative, prompt)


def active_edits(concepts: Sequence[Concept], recipe: Recipe = RECIPE) -> list[ActiveEdit]:
    return [active for concept in concepts for active in concept.active_edits(recipe)]


def halves(backbone: Backbone) -> Tensor:
    """The left and the right half of a picture, as areas (2, h, w)."""
    side = backbone.latent_shape[-1]
    areas = torch.zeros(2, side, side)
    areas[0, :, : side // 2] = areas[1, :, side // 2 :] = 1
    return areas


def latents(backbone: Backbone, conditions: Conditions) -> Tensor:
    *_, last = sample(backbone, RECIPE, conditions, [RECIPE.seed])
    return last


def painted(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept]) -> list[Picture]:
    return [event.value for event in generate(backbone, recipe, concepts) if isinstance(event, Result)]


def pixels(backbone: Backbone, recipe: Recipe, *concepts: Concept) -> np.ndarray:
    return np.asarray(painted(backbone, recipe, concepts)[0].image)
