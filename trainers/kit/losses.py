"""The losses that methods share."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.backbone import Backbone


def denoising_loss(backbone: Backbone, latents: Tensor, hidden: Tensor, generator: torch.Generator) -> Tensor:
    """E || target - prediction ||^2 with t uniform and eps normal, both fresh for every sample
    (latent diffusion, Rombach et al. 2022, eq. 2); the target is eps or v, as the base was taught.

    `latents` (n, C, h, w) scaled, `hidden` (n, L, D). Returns the mean over everything, a float32 scalar.
    """
    noise = backbone.draw(latents.shape, generator)
    timesteps = backbone.draw_timesteps(len(latents), generator)
    prediction = backbone.predict(backbone.add_noise(latents, noise, timesteps), timesteps, hidden)
    return F.mse_loss(prediction, backbone.target(latents, noise, timesteps))
