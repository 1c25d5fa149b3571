"""Losses that calibrate attention maps (DisenDiff, Zhang et al., arXiv 2403.18551, section 3.3).

With A^m_i and A^c_i the attention to the learned word and to the noun of subject i, each stretched to 0..1,
G a small blur and f(M) = M * M, element by element, which suppresses what is weakly attended to:

    IoU(P, Q) = (sum P Q + 1) / (sum P + sum Q - sum P Q + 1)
    L_bind    = sum over i of 1 - IoU(stopgrad f(G A^c_i), G A^m_i)     each word looks where its noun does
    L_s&s     = mean over i < j of IoU(f(G A^c_i), f(G A^c_j))          nouns look at different things

For two subjects L_s&s is the one pair's, as in the paper; for more the released code takes the mean.

Shapes: n pictures, J subjects, maps (n, J, s, s) of s x s cells.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

SIGMA = 0.5  # cells, as the code calls it
RADIUS = 1  # cells: the kernel is 3 x 3
SMOOTH = 1.0  # of the IoU, in cells
EPSILON = 1e-8


def stretched(maps: Tensor) -> Tensor:
    """Return maps (..., s, s) shifted and scaled to 0..1, each by itself."""
    low, high = maps.amin((-2, -1), keepdim=True), maps.amax((-2, -1), keepdim=True)
    return (maps - low) / (high - low + EPSILON)


def blurred(maps: Tensor) -> Tensor:
    """Return maps (n, J, s, s) under a Gaussian of 3 x 3 cells, mirrored at the border.

    The released code has exp(-(x / (2 sigma))^2), a standard deviation of sigma sqrt(2), and so has this.
    """
    offsets = torch.arange(-RADIUS, RADIUS + 1, device=maps.device, dtype=maps.dtype)
    line = (-(offsets / (2 * SIGMA)).square()).exp()
    line = line / line.sum()
    kernel = torch.outer(line, line)[None, None]
    flat = F.pad(maps.flatten(0, 1)[:, None], (RADIUS,) * 4, mode="reflect")
    return F.conv2d(flat, kernel)[:, 0].unflatten(0, maps.shape[:2])


def soft_iou(one: Tensor, other: Tensor) -> Tensor:
    """Return the intersection over union (...) of maps (..., s, s) in 0..1; 1 for two that are all zero."""
    both = (one * other).sum((-2, -1))
    either = one.sum((-2, -1)) + other.sum((-2, -1)) - both
    return (both + SMOOTH) / (either + SMOOTH)


def calibrated(words: Tensor, nouns: Tensor, suppress: bool = True) -> tuple[Tensor, Tensor]:
    """Return G A^m of the words' attention and f(G A^c) of their nouns', (n, J, s, s) each.

    Args:
        suppress: whether f is the square; without it f(M) = M, an ablation.
    """
    blurred_nouns = blurred(stretched(nouns))
    return blurred(stretched(words)), blurred_nouns.square() if suppress else blurred_nouns


def binding_loss(words: Tensor, nouns: Tensor) -> Tensor:
    """Return L_bind (n,) of calibrated maps. Its gradient reaches the words' maps only."""
    return (1 - soft_iou(nouns.detach(), words)).sum(1)


def separation_loss(nouns: Tensor) -> Tensor:
    """Return L_s&s (n,) of calibrated maps; 0 for a single subject."""
    pairs = list(itertools.combinations(range(nouns.shape[1]), 2))
    if not pairs:
        return nouns.new_zeros(len(nouns))
    return torch.stack([soft_iou(nouns[:, i], nouns[:, j]) for i, j in pairs]).mean(0)
