"""Photos as the U-Net sees them: encoded once, drawn with fresh noise at every step."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet


class PhotoLatents:
    """The posteriors of n pictures, and their mirror images when `flips`.

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
        """`count` latents (count, C, h, w) of pictures drawn without repeats as long as they last."""
        return self.at(self.choose(count, generator), generator)

    def draw_masked(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor | None]:
        """`count` latents as `draw` gives them, and their masks (count, 1, h, w)."""
        chosen = self.choose(count, generator)
        latents = self.at(chosen, generator)
        return latents, None if self.masks is None else self.masks[chosen.to(self.masks.device)]

    def choose(self, count: int, generator: torch.Generator) -> Tensor:
        """The numbers (count,) of pictures, mirror images after the others, without repeats as long as they
        last."""
        order = torch.cat(
            [torch.randperm(len(self.mean), generator=generator) for _ in range(-(-count // len(self.mean)))]
        )
        return order[:count]

    def at(self, numbers: Tensor, generator: torch.Generator) -> Tensor:
        """Latents (n, C, h, w) of the pictures with these `numbers` (n,)."""
        numbers = numbers.to(self.mean.device)
        mean = self.mean[numbers]
        return mean + self.std[numbers] * self.backbone.draw(mean.shape, generator)

    def mask_with(self, photos: PhotoSet, handle: str) -> None:
        """Let `draw_masked` give the masks that `photos` has of `handle`, if there are any; a photo without
        one counts as a whole."""
        if handle in photos.masks:
            everywhere = self.mean.new_ones(len(self.mean), 1, *self.mean.shape[-2:])
            self.masks = self.masks_of(photos, handle, everywhere)

    def masks_of(self, photos: PhotoSet, handle: str, otherwise: Tensor) -> Tensor:
        """(n, 1, h, w) masks in 0..1: those that `photos` has of `handle`, elsewhere those in `otherwise`."""
        masks = otherwise.clone()
        for number in range(len(photos)):
            mask = photos.mask(handle, number, masks.shape[-1])
            if mask is not None:
                masks[number, 0] = torch.from_numpy(mask).to(masks)
                if self.flips:
                    masks[number + len(photos), 0] = torch.from_numpy(mask[:, ::-1].copy()).to(masks)
        return masks
