"""Loss functions that methods share."""

from __future__ import annotations

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
    noisy = backbone.add_noise(batch.latents, batch.noise, batch.timesteps)
    prediction = backbone.predict(noisy, batch.timesteps, words)
    error = (prediction - backbone.target(batch.latents, batch.noise, batch.timesteps)).square()
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
