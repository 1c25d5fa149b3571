"""Latents of photos, with their masks and captions: encoded once, sampled anew at every step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from studio.models.backbone import Backbone
from studio.photos.captions import caption_prompt
from studio.photos.photo_set import PhotoSet
from studio.subject import Subject


class SubjectPhotoSettings(Protocol):
    """How the photos of one subject are learned from."""

    @property
    def masks(self) -> bool: ...
    @property
    def ground_weight(self) -> float: ...
    @property
    def flips(self) -> bool: ...
    @property
    def photo_captions(self) -> bool: ...
    def side_on(self, backbone: Backbone) -> int: ...


@dataclass(frozen=True)
class DrawnPhotos:
    """n photos of a training step.

    Args:
        latents (n, C, h, w).
        masks (n, 1, h, w) in 0..1, None for methods without them.
        captions: n prompts, empty for a photo without a caption.
    """

    latents: Tensor
    masks: Tensor | None
    captions: tuple[str, ...]

    def prompts(self, otherwise: Sequence[str]) -> list[str]:
        """Return the caption of each photo, or its prompt of `otherwise`: n of them, or one for all."""
        if not any(self.captions):
            return list(otherwise)
        each = list(otherwise) * (len(self.captions) // len(otherwise))
        return [caption or prompt for caption, prompt in zip(self.captions, each, strict=True)]


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
        self.captions = ("",) * len(self.mean)

    @classmethod
    def of_subject(
        cls, backbone: Backbone, photos: PhotoSet, subject: Subject, settings: SubjectPhotoSettings
    ) -> PhotoLatents:
        """Return the photos with the masks and captions of a subject, as far as the settings want them."""
        latents = cls(backbone, photos.pixels(settings.side_on(backbone)), settings.flips)
        if settings.masks:
            latents.mask_with(photos, subject.handle, settings.ground_weight)
        if settings.photo_captions:
            latents.caption_with(photos, subject)
        return latents

    @property
    def attention_side(self) -> int:
        """Return the side of the attention maps of such pictures that tell objects apart best."""
        return self.backbone.attention_side_of(self.mean.shape[-1])

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """Return latents (count, C, h, w) of random pictures; none repeats before all were drawn."""
        return self.at(self.choose(count, generator), generator)

    def draw_photos(self, count: int, generator: torch.Generator) -> DrawnPhotos:
        """Return latents as `draw` does, with what is known about these pictures."""
        chosen = self.choose(count, generator)
        masks = None if self.masks is None else self.masks[chosen.to(self.masks.device)]
        captions = tuple(self.captions[number] for number in chosen.tolist())
        return DrawnPhotos(self.at(chosen, generator), masks, captions)

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

    def mask_with(self, photos: PhotoSet, handle: str, ground: float = 0.0) -> None:
        """Let `draw_photos` return the masks that the photos have of `handle`, if there are any.

        A photo without a mask gets one of ones. Outside of a mask is `ground` in place of 0.
        """
        if handle in photos.masks:
            everywhere = self.mean.new_ones(len(self.mean), 1, *self.mean.shape[-2:])
            self.masks = self.masks_of(photos, handle, everywhere).clamp_min(ground)

    def caption_with(self, photos: PhotoSet, subject: Subject) -> None:
        """Let `draw_photos` return the captions of the photos, each as a prompt that names the subject.

        In one so long that the subject would not be read, it comes first.
        """
        text, handle = self.backbone.text, subject.handle
        with text.new_words({handle: text.embeddings_of(subject.noun)}):
            prompts = [
                caption and caption_prompt(caption, handle, subject.noun) for caption in photos.captions
            ]
            for number, prompt in enumerate(prompts):
                if prompt and not text.tokenize(prompt).spans[handle]:
                    prompts[number] = f"{handle}, {prompt.replace(handle, subject.noun)}"
        if prompts:
            self.captions = (*prompts, *prompts) if self.flips else tuple(prompts)

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
