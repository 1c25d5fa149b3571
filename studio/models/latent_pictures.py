"""Pictures to latents and back, with the autoencoder of a base (`AutoencoderKL`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from studio.errors import BrokenPictureError
from studio.models.memory_plan import TILE, TILED_FROM, Measure, MemoryPlan
from studio.models.placement import Placement


class LatentPictures:
    """The part of a backbone that its autoencoder decides: latents are (z - shift) * scale."""

    vae: AutoencoderKL
    device: torch.device
    memory_plan: MemoryPlan
    autoencoder_placement: Placement

    @property
    def autoencoder_scale(self) -> int:
        """Return how many pixels the autoencoder makes of a cell, along each side."""
        return 2 ** (len(self.vae.config.block_out_channels) - 1)

    @property
    def pixels_per_cell(self) -> int:
        """Return how many pixels a side of a latent's cell has."""
        return self.autoencoder_scale

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
        photos = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
        with self.autoencoder_placement.on_device():
            posteriors = [self.vae.encode(photo[None].to(self.device)).latent_dist for photo in photos]
            mean = torch.cat([posterior.mean for posterior in posteriors])
            std = torch.cat([posterior.std for posterior in posteriors])
            return self.scaled(mean, std)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> list[Image.Image]:
        """See `Backbone.decode`. Latents are decoded one at a time: eight of 512 px need 6 GB in float32."""
        pictures = []
        with self.autoencoder_placement.on_device():
            for latent in self.unscaled(latents.to(self.device, torch.float32)):
                with self._tiling(latent):
                    pixels = self.vae.decode(latent[None]).sample[0]
                if not pixels.isfinite().all():
                    hint = "Paint in full precision, or try --prediction v_prediction or another base."
                    raise BrokenPictureError("The picture came out as values that are no numbers.", hint)
                levels = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
                pictures.append(Image.fromarray(levels.permute(1, 2, 0).numpy()))
        return pictures

    @contextmanager
    def _tiling(self, latent: Tensor) -> Iterator[None]:
        """Context manager: the autoencoder works in tiles, if the plan says so and the picture is large.

        The size of a tile is ours: diffusers takes that of the pictures that it was trained on, and
        Stable Diffusion XL's would fill one tile.
        """
        scale = self.autoencoder_scale
        is_tiled = self.memory_plan.takes(Measure.TILES) and max(latent.shape[-2:]) * scale >= TILED_FROM
        if is_tiled:
            self.vae.enable_tiling()
            self.vae.tile_sample_min_size, self.vae.tile_latent_min_size = TILE, TILE // scale
        try:
            yield
        finally:
            if is_tiled:
                self.vae.disable_tiling()
