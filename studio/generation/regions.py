"""Regions: which part of a picture belongs to which concept.

Users need not draw them. The base lays "a dog and a backpack" out in its first sampling steps: its
cross-attention to each noun shows where it will be, long before either can be recognised.

Shapes: k concepts, (h, w) latent cells, areas (k, h, w) of 0 and 1. Everything here runs on the CPU.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.errors import StudioError
from studio.recipes.recipe import Box

BLUR = 0.125  # standard deviation, as a share of the picture's side
ROUNDS = 100  # of Sinkhorn's balancing


def assign_regions(attention: Tensor, free: Tensor | None = None) -> Tensor:
    """Return the cells of every concept, (k, h, w), assigned by attention maps (k, h, w).

    Every cell goes to one concept, and every concept gets an equal share (Sinkhorn's balancing), so that one
    that the base overlooks still has its room. With `free` (h, w), only cells above 0 are given away.
    """
    # On the CPU in any case: a few hundred tiny operations, which an accelerator would launch one by one.
    attention = attention.double().cpu()
    occupied = torch.zeros_like(attention[0], dtype=torch.bool) if free is None else free.cpu() == 0
    scores = _blur(attention).log()
    for _ in range(ROUNDS):
        scores = scores - scores.logsumexp(0, keepdim=True)
        shares = scores.masked_fill(occupied, -torch.inf).logsumexp((1, 2), keepdim=True)
        scores = scores - shares
    owners = F.one_hot(scores.argmax(0), len(attention)).permute(2, 0, 1)
    return owners.masked_fill(occupied, 0).float()


def _blur(attention: Tensor) -> Tensor:
    """Return maps (k, h, w) blurred by a Gaussian of BLUR times their side, and above 0."""
    down, across = (_gaussian(size).to(attention) for size in attention.shape[1:])
    return (down @ attention @ across).clamp_min(torch.finfo(attention.dtype).tiny)


def _gaussian(size: int) -> Tensor:
    """Return the weights (size, size) of a Gaussian blur along one side."""
    cells = torch.arange(size, dtype=torch.float64)
    return torch.exp(-((cells[:, None] - cells) ** 2) / (2 * (BLUR * size) ** 2))


def box_masks(boxes: Mapping[str, Box], handles: Sequence[str], height: int, width: int) -> Tensor:
    """Return the cells (k, height, width) whose middle is in the box of each of k handles.

    A handle without a box has none. Raises StudioError for a box that holds no cell.
    """
    areas = torch.zeros(len(handles), height, width)
    down, across = ((torch.arange(size) + 0.5) / size for size in (height, width))
    for number, handle in enumerate(handles):
        if handle in boxes:
            left, top, right, bottom = boxes[handle]
            rows, columns = (down >= top) & (down < bottom), (across >= left) & (across < right)
            areas[number] = (rows[:, None] & columns).float()
            if not areas[number].any():
                raise StudioError("The region of {handle} is too small.", "Make it larger.", handle=handle)
    return areas
