"""The losses that methods share."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.models.backbone import Backbone


def denoising_loss(
    backbone: Backbone,
    latents: Tensor,
    hidden: Tensor,
    generator: torch.Generator,
    masks: Tensor | None = None,
) -> Tensor:
    """E m || target - prediction ||^2 with t uniform and eps normal, both fresh for every sample
    (latent diffusion, Rombach et al. 2022, eq. 2); the target is eps or v, as the base was taught.

    `latents` (n, C, h, w) scaled, `hidden` (n, L, D), `masks` m (n, 1, h, w) in 0..1 or none. Returns the
    mean over everything, a float32 scalar; it is not divided by the masks' area.
    """
    noise = backbone.draw(latents.shape, generator)
    timesteps = backbone.draw_timesteps(len(latents), generator)
    prediction = backbone.predict(backbone.add_noise(latents, noise, timesteps), timesteps, hidden)
    error = (prediction - backbone.target(latents, noise, timesteps)).square()
    return error.mean() if masks is None else (masks * error).mean()
