"""Numbers that cover a range evenly."""

from __future__ import annotations

import torch
from torch import Tensor

EDGE = 1e-6  # a float32 nearer to 1 is rounded to it


def spread_evenly(count: int, generator: torch.Generator) -> Tensor:
    """Return numbers (count,) in 0..1, without both ends: one from each `count`-th, in random order.

    Each of them by itself is uniform, so a mean over them is the same in expectation as one over independent
    numbers; it varies less from draw to draw (stratified sampling). The sampler of timesteps of Kingma et al.
    2021 (Variational Diffusion Models, arXiv 2107.00630) has the same purpose, with numbers equally far
    apart; for a loss that falls from one end of the range to the other their mean varies more.
    """
    order = torch.randperm(count, generator=generator)
    return ((order + torch.rand(count, generator=generator)) / max(count, 1)).clamp(EDGE, 1 - EDGE)
