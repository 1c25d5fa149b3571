"""The batch of a training step: photos, noise, timesteps and tokenized prompts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import torch
from torch import Tensor

from studio.models.backbone import Backbone
from studio.models.words import TokenBatch, Words
from trainers.kit.processes import Processes


@dataclass(frozen=True)
class DenoisingBatch:
    """n latents, with their noise and prompts.

    Args:
        latents, noise (n, C, h, w); timesteps (n,).
        prompts: n tokenized prompts, or one for all.
        masks (n, 1, h, w) in 0..1: what counts in the loss; None for everything.
    """

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    prompts: TokenBatch
    masks: Tensor | None = None

    def __len__(self) -> int:
        return len(self.latents)

    def part(self, numbers: slice) -> Self:
        """Return the batch of some of its photos, for one of several processes.

        A subclass adds what it has of each photo.
        """
        return dataclasses.replace(
            self,
            latents=self.latents[numbers],
            noise=self.noise[numbers],
            timesteps=self.timesteps[numbers],
            prompts=self.prompts.part(numbers) if len(self.prompts) == len(self) else self.prompts,
            masks=None if self.masks is None else self.masks[numbers],
        )


def draw_denoising(
    backbone: Backbone,
    latents: Tensor,
    prompts: Sequence[str],
    generator: torch.Generator,
    masks: Tensor | None = None,
) -> DenoisingBatch:
    """Return latents (n, C, h, w) with noise and timesteps drawn for each, and `prompts` tokenized.

    One prompt serves all latents. The handles in the prompts must be known: call it with their edits
    attached.
    """
    tokens = backbone.text.tokenize_all(prompts)
    noise = backbone.draw(latents.shape, generator)
    timesteps = backbone.draw_timesteps(len(latents), generator, latents.shape[1:])
    return DenoisingBatch(latents, noise, timesteps, tokens, masks)


def encode_prompts(backbone: Backbone, batch: DenoisingBatch) -> Words:
    """Return the encodings of a batch's prompts, n of them. A prompt for all latents is encoded once."""
    text, count = backbone.text, len(batch)
    if len(batch.prompts) == count:
        return text.encode(batch.prompts, batch.timesteps)
    if text.is_timed:
        return text.encode(batch.prompts.repeat(count), batch.timesteps)
    return text.encode(batch.prompts).repeat(count)


@dataclass(frozen=True)
class Batch:
    """All that was drawn for a step: the method's own batch, and what each active regularizer drew.

    Args:
        weight: by what the loss is multiplied.
    """

    method: Any
    regularizers: tuple[Any, ...] = ()
    weight: float = 1.0

    def share_of(self, processes: Processes) -> Batch:
        """Return this process's share. Raises StudioError when there is less than a photo for each."""
        count = len(self.method)
        numbers = processes.share_of(count)
        own = tuple((one, one.part(drawn, numbers)) for one, drawn in self.regularizers)
        return Batch(self.method.part(numbers), own, self.weight * processes.weight_of(count))

    def parts(self, most: int) -> list[Batch]:
        """Return it in up to `most` parts, whose losses add up to its own."""
        if most == 1:
            return [self]
        count = min(most, len(self.method))
        shares = (self.share_of(Processes(count, index)) for index in range(count))
        return [dataclasses.replace(share, weight=share.weight / count) for share in shares]
