"""Sampling: noise becomes the latents of a picture, step by step, with edits on only inside a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from studio.edits import cached_text_projections, prepare
from studio.generation.composing import SELF_MASK_SHARE, Conditions
from studio.models.attention import apply_region_mask
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe


def sample(
    backbone: Backbone,
    recipe: Recipe,
    conditions: Conditions,
    seeds: Sequence[int],
    start: int = 0,
    latents: Tensor | None = None,
) -> Iterator[Tensor]:
    """The latents (n, C, h, w) of one picture per seed, after each step of DDIM with classifier-free
    guidance (Ho and Salimans 2022): eps = eps_0 + w (eps_c - eps_0), w = `recipe.guidance`. A guidance of 1
    skips the negative prompt. With `latents`, the first `start` steps have led to these.
    """
    sampler = backbone.sampler(recipe.steps)
    if latents is None:
        shape = (backbone.latent_shape[0], *cells_of(backbone, recipe))
        noise = [backbone.draw(shape, torch.Generator().manual_seed(seed)) for seed in seeds]
        latents = torch.stack(noise) * sampler.init_noise_sigma
    guided = recipe.guidance != 1
    hidden = conditions.hidden if guided else conditions.hidden[1:]
    hidden = hidden.repeat_interleave(len(seeds), dim=0).to(backbone.dtype)
    with torch.no_grad():
        attached, once = prepare(backbone, conditions.edits), cached_text_projections(backbone)
    for number, t in list(enumerate(sampler.timesteps))[start:]:
        apart = number < SELF_MASK_SHARE * recipe.steps
        with torch.no_grad(), attached(), once(), apply_region_mask(backbone, conditions.mask, apart):
            noisy = sampler.scale_model_input(latents, t)
            if guided:
                eps_0, eps_c = backbone.predict(noisy.repeat(2, 1, 1, 1), t, hidden).chunk(2)
                eps = eps_0 + recipe.guidance * (eps_c - eps_0)
            else:
                eps = backbone.predict(noisy, t, hidden)
            latents = sampler.step(eps, t, latents).prev_sample
        yield latents


def cells_of(backbone: Backbone, recipe: Recipe) -> tuple[int, int]:
    """The height and width of a picture's latents."""
    _, height, width = backbone.latent_shape
    if recipe.size:
        height = width = max(1, round(recipe.size * height / backbone.resolution))
    return height, width
