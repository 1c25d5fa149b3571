"""Sample latents from noise, step by step, with edits on only inside a step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

import torch
from torch import Tensor

from studio.edits import cached_text_projections, prepare
from studio.generation.conditions import Conditions
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling

SELF_MASK_SHARE = 0.5  # share of the steps in which self-attention stays inside its region


def noise_shares(backbone: Backbone, timesteps: Tensor) -> list[float]:
    """Return where timesteps (n,) lie in the noise range, 0..1; it waits for the device.

    In double precision, so that a timestep of 900 of 1,000 is at 0.9 and not below.
    """
    return backbone.noise_share(timesteps.cpu().double()).tolist()


def sample(
    backbone: Backbone,
    sampling: Sampling,
    conditions: Conditions,
    seeds: Sequence[int],
    start: int = 0,
    latents: Tensor | None = None,
) -> Iterator[Tensor]:
    """Yield the latents (n, C, h, w) of one picture per seed after each sampling step.

    Classifier-free guidance (Ho and Salimans 2022): eps = eps_0 + w (eps_c - eps_0), w = `sampling.guidance`.
    A guidance of 1 skips the negative prompt. With a rescale phi, the standard deviation of eps is brought
    towards that of eps_c: eps (1 - phi + phi std(eps_c) / std(eps)) (Lin et al. 2023, section 3.4, eq. 15
    and 16), over the channels and cells of each picture.

    Args:
        start, latents: go on from these latents, which the first `start` steps have led to.
    """
    shape = backbone.shape_of(sampling.width, sampling.height)
    sampler = backbone.sampler(sampling.steps, sampling.sampler, seeds, shape)
    if latents is None:
        noise = [backbone.draw(shape, torch.Generator().manual_seed(seed)) for seed in seeds]
        latents = sampler.start(torch.stack(noise))
    guided = sampling.guidance != 1
    words, current, attached = None, None, prepare(backbone, ())
    shares = noise_shares(backbone, sampler.timesteps) if conditions.stages else None
    cached = nullcontext if backbone.is_plain else cached_text_projections(backbone)
    for number in range(start, sampling.steps):
        t = sampler.timesteps[number]
        mask_self_attention = number < SELF_MASK_SHARE * sampling.steps
        stage = conditions.stage(shares[number]) if shares else conditions
        if stage is not current:
            current, words = stage, None
            with torch.no_grad():
                attached = prepare(backbone, stage.edits)
        if words is None or stage.is_timed:
            both = stage.at(t)
            words = (both if guided else both.rows(slice(1, None))).repeat_each(len(seeds)).to(backbone.dtype)
        mask = stage.mask
        masked = backbone.require_attention().apply(mask, mask_self_attention) if mask else nullcontext()
        with torch.no_grad(), attached(), cached(), masked:
            noisy = sampler.scaled(latents, number)
            if guided:
                eps_0, eps_c = backbone.predict(noisy.repeat(2, 1, 1, 1), t, words).chunk(2)
                eps = eps_0 + sampling.guidance * (eps_c - eps_0)
                if sampling.guidance_rescale:
                    spread = eps_c.std((1, 2, 3), keepdim=True) / eps.std((1, 2, 3), keepdim=True)
                    eps = eps * (1 + sampling.guidance_rescale * (spread - 1))
            else:
                eps = backbone.predict(noisy, t, words)
            latents = sampler.step(eps, number, latents)
        yield latents
