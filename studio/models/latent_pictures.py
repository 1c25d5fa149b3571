"""Pictures to latents and back, with the autoencoder of a base (`AutoencoderKL`)."""

from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from studio.errors import BrokenPictureError


class LatentPictures:
    """The part of a backbone that its autoencoder decides: latents are (z - shift) * scale."""

    vae: AutoencoderKL
    device: torch.device

    @property
    def pixels_per_cell(self) -> int:
        """Return how many pixels a side of a latent's cell has."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def _scaling(self) -> tuple[float, float]:
        """Return the autoencoder's scale and shift."""
        return self.vae.config.scaling_factor, self.vae.config.shift_factor or 0.0

    def scaled(self, mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the autoencoder gives, mean and standard deviation, as the denoiser has it."""
        scale, shift = self._scaling
        return (mean - shift) * scale, std * scale

    def unscaled(self, latents: Tensor) -> Tensor:
        """Return latents (n, C, h, w) as the autoencoder has them."""
        scale, shift = self._scaling
        return latents / scale + shift

    @torch.no_grad()
    def encode_photos(self, pixels: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Backbone.encode_photos`. Photos are encoded one at a time: several need memory for each."""
        photos = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2).to(self.device)
        posteriors = [self.vae.encode(photo[None]).latent_dist for photo in photos]
        mean = torch.cat([posterior.mean for posterior in posteriors])
        std = torch.cat([posterior.std for posterior in posteriors])
        return self.scaled(mean, std)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> list[Image.Image]:
        """See `Backbone.decode`. Latents are decoded one at a time: eight of 512 px need 6 GB in float32."""
        pictures = []
        for latent in self.unscaled(latents.to(self.device, torch.float32)):
            pixels = self.vae.decode(latent[None]).sample[0]
            if not pixels.isfinite().all():
                hint = "Paint in full precision, or try --prediction v_prediction or another base."
                raise BrokenPictureError("The picture came out as values that are no numbers.", hint)
            levels = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
            pictures.append(Image.fromarray(levels.permute(1, 2, 0).numpy()))
        return pictures
