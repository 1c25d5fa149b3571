"""Where words look in a photo, and how well that meets masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.models.attention import word_attention_maps
from studio.models.backbone import Backbone

LIT = 0.5  # a cell is looked at when it has at least this share of its map's maximum


@torch.no_grad()
def word_maps(
    backbone: Backbone, latents: Tensor, prompt: str, handles: Sequence[str], actives: Sequence[ActiveEdit]
) -> Tensor:
    """Where each of k handles of a prompt looks in one photo, `latents` (1, C, h, w), with these edits on:
    (k, s, s) with s = `attention_side`."""
    with attach(backbone, actives):
        spans = backbone.text.tokenize(prompt).spans
        return word_attention_maps(backbone, latents, prompt, [spans[handle] for handle in handles])[:, 0]


def intersection_over_union(maps: Tensor, masks: Tensor) -> Tensor:
    """Intersection over union of what each of `maps` (k, s, s) lights up with each of `masks` (m, s, s), 0 or
    1: (k, m)."""
    seen = (maps >= LIT * maps.amax((1, 2), keepdim=True))[:, None]
    there = masks.bool()[None]
    return (seen & there).sum((2, 3)) / (seen | there).sum((2, 3))
