"""How well words look at masks: cross-attention maps against where things are."""

from __future__ import annotations

from torch import Tensor

LIT = 0.5  # a cell is looked at when it has at least this share of its map's maximum


def overlaps(maps: Tensor, masks: Tensor) -> Tensor:
    """Intersection over union of what each of `maps` (k, s, s) lights up with each of `masks` (m, s, s), 0 or
    1: (k, m)."""
    seen = (maps >= LIT * maps.amax((1, 2), keepdim=True))[:, None]
    there = masks.bool()[None]
    return (seen & there).sum((2, 3)) / (seen | there).sum((2, 3))
