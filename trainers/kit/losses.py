"""Loss functions that methods share."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from studio.models.backbone import Backbone
from studio.models.words import Words
from trainers.kit.batches import DenoisingBatch


def denoising_loss(backbone: Backbone, batch: DenoisingBatch, words: Words, by_area: bool = False) -> Tensor:
    """Return E m || target - prediction ||^2, a float32 scalar (Rombach et al. 2022, eq. 2).

    The target is what the base was taught to predict (eps, v).

    Args:
        words: the encodings of n prompts.
        by_area: whether the sum over a picture is divided by the area of its mask, as in Custom Diffusion,
            so that a small subject counts as much as a large one; else by all elements, as in Break-A-Scene.
    """
    (error,) = squared_errors(backbone, [(batch, words)])
    return mean_error(batch, error, by_area)


def squared_errors(backbone: Backbone, parts: Sequence[tuple[DenoisingBatch, Words]]) -> list[Tensor]:
    """Return (target - prediction)^2 of each part, (n, C, h, w) float32, from one prediction for all parts.

    Every row is predicted as it would be alone; the network runs once because a pass has a cost of its own.
    On a plain base it runs once for each part, the first part last: attention that is recorded meanwhile
    is then that of the first part, whose rows are the first here too.

    Args:
        parts: batches of latents of one shape, each with the encodings of its n prompts.
    """
    if backbone.is_plain and len(parts) > 1:
        return [squared_errors(backbone, [part])[0] for part in reversed(parts)][::-1]
    batches = [batch for batch, _ in parts]
    latents, noise, timesteps = (
        torch.cat([getattr(batch, name) for batch in batches]) for name in ("latents", "noise", "timesteps")
    )
    noisy = backbone.add_noise(latents, noise, timesteps)
    prediction = backbone.predict(noisy, timesteps, Words.joined([words for _, words in parts]))
    errors = (prediction - backbone.target(latents, noise, timesteps)).square()
    return list(errors.split([len(batch) for batch in batches]))


def mean_error(batch: DenoisingBatch, error: Tensor, by_area: bool = False) -> Tensor:
    """Return the mean of squared errors (n, C, h, w) over what counts in a batch: see `denoising_loss`."""
    if batch.masks is None:
        return error.mean()
    if not by_area:
        return (batch.masks * error).mean()
    areas = batch.masks.mean((1, 2, 3)).clamp_min(1 / batch.masks[0].numel())
    return ((batch.masks * error).mean((1, 2, 3)) / areas).mean()


def attention_mask_loss(maps: Tensor, masks: Tensor) -> Tensor:
    """Return sum over i of mean (M_i - A_i / max A_i)^2, a float32 scalar (Break-A-Scene, L_attn).

    Args:
        maps (k, s, s): attention A.
        masks (k, s, s), 0 or 1: M.
    """
    # the gradient passes through the maximum, as in the authors' code
    return (masks - maps / maps.amax((1, 2), keepdim=True)).square().mean((1, 2)).sum()
