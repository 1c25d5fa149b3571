"""Latents of photos: encoded once, sampled anew at every step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet


class PhotoLatents:
    """The VAE posteriors of n pictures, and of their mirror images with `flips`.

    The encoder runs once; each draw samples the posterior anew, as training on the photos themselves
    would (latent diffusion, Rombach et al. 2022).
    """

    def __init__(self, backbone: Backbone, pixels: np.ndarray, flips: bool = False) -> None:
        if flips:
            pixels = np.concatenate([pixels, pixels[:, :, ::-1]])
        self.backbone = backbone
        self.flips = flips
        self.mean, self.std = backbone.encode_photos(pixels)
        self.masks: Tensor | None = None  # (n, 1, h, w) in 0..1, one for each mean, if a method has them

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return latents (count, C, h, w) of random pictures; none repeats before all were drawn."""
        return self.at(self.choose(count, generator), generator)

    def draw_masked(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """Return latents as `draw` does, and their masks (count, 1, h, w) or None."""
        chosen = self.choose(count, generator)
        latents = self.at(chosen, generator)
        return latents, None if self.masks is None else self.masks[chosen.to(self.masks.device)]

    def choose(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the numbers (count,) of randomly chosen pictures; none repeats before all were drawn.

        Mirror images are numbered after the others.
        """
        order = torch.cat(
            [torch.randperm(len(self.mean), generator=generator) for _ in range(-(-count // len(self.mean)))]
        )
        return order[:count]

    def at(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        """Return latents (n, C, h, w) sampled from the posteriors of pictures by number (n,)."""
        numbers = numbers.to(self.mean.device)
        mean = self.mean[numbers]
        return mean + self.std[numbers] * self.backbone.draw(mean.shape, generator)

    def mask_with(self, photos: PhotoSet, handle: str) -> None:
        """Let `draw_masked` return the masks that the photos have of `handle`, if there are any.

        A photo without a mask gets one of ones.
        """
        if handle in photos.masks:
            everywhere = self.mean.new_ones(len(self.mean), 1, *self.mean.shape[-2:])
            self.masks = self.masks_of(photos, handle, everywhere)

    def masks_of(self, photos: PhotoSet, handle: str, otherwise: Tensor) -> Tensor:
        """Return masks (n, 1, h, w) in 0..1: the photos' own of `handle`, else those of `otherwise`."""
        masks = otherwise.clone()
        for number in range(len(photos)):
            mask = photos.mask(handle, number, masks.shape[-1])
            if mask is not None:
                masks[number, 0] = torch.from_numpy(mask).to(masks)
                if self.flips:
                    masks[number + len(photos), 0] = torch.from_numpy(mask[:, ::-1].copy()).to(masks)
        return masks
