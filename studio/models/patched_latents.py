"""Latents of FLUX.2: squares of 2 x 2 cells as channels, each channel normalised (`AutoencoderKLFlux2`).

Shapes: n pictures, c channels of the autoencoder, C = 4 c channels of a latent.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import AutoencoderKLFlux2
from torch import Tensor

from studio.models.latent_pictures import LatentPictures

PATCH = 2  # cells of the autoencoder along each side of a latent's cell


class PatchedLatents(LatentPictures):
    """The part of a backbone whose autoencoder knows mean and variance of every channel of a latent.

    They are the running statistics of its batch normalisation, which is never run.
    """

    vae: AutoencoderKLFlux2

    @property
    def pixels_per_cell(self) -> int:
        """See `LatentPictures.pixels_per_cell`."""
        return PATCH * self.autoencoder_scale

    @property
    def _statistics(self) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of each channel, (C, 1, 1)."""
        norm = self.vae.bn
        std = torch.sqrt(norm.running_var + self.vae.config.batch_norm_eps)
        return norm.running_mean[:, None, None], std[:, None, None]

    def scaled(self, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation (n, c, 2 h, 2 w) of the autoencoder as (n, C, h, w)."""
        centre, spread = self._statistics
        return (F.pixel_unshuffle(mean, PATCH) - centre) / spread, F.pixel_unshuffle(std, PATCH) / spread

    def unscaled(self, latents: Tensor) -> Tensor:
        """Return latents (n, C, h, w) as the autoencoder has them, (n, c, 2 h, 2 w)."""
        centre, spread = self._statistics
        return F.pixel_shuffle(latents * spread + centre, PATCH)
