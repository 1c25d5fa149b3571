"""Regions: which part of a picture belongs to which concept.

Nobody has to draw them. The base knows how to lay "a dog and a backpack" out, and its cross-attention says
within a step or two where each will be, long before either can be seen. Or they are boxes drawn by hand.

Shapes: k concepts, pictures of (h, w) cells as in the latents, areas (k, h, w) of 0 and 1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.errors import StudioError
from studio.recipes.recipe import Box

BLUR = 0.125  # standard deviation, as a share of the picture's side
ROUNDS = 100


def assign_regions(looks: Tensor, free: Tensor | None = None) -> Tensor:
    """The cells of a picture given away to k concepts by where each looks, `looks` (k, h, w): all of them, or
    only those that are `free` (h, w).

    Every cell goes to one concept, and every concept gets an equal share (Sinkhorn's balancing), so that one
    that the base overlooks still has its room.
    """
    taken = torch.zeros_like(looks[0], dtype=torch.bool) if free is None else free == 0
    scores = _blur(looks.double()).log()
    for _ in range(ROUNDS):
        scores = scores - scores.logsumexp(0, keepdim=True)
        shares = scores.masked_fill(taken, -torch.inf).logsumexp((1, 2), keepdim=True)
        scores = scores - shares
    owners = F.one_hot(scores.argmax(0), len(looks)).permute(2, 0, 1)
    return owners.masked_fill(taken, 0).float()


def _blur(looks: Tensor) -> Tensor:
    """Maps (k, h, w) through a Gaussian that sees the whole picture, so that no cell of a map is 0."""
    down, across = (_gaussian(size).to(looks) for size in looks.shape[1:])
    return (down @ looks @ across).clamp_min(torch.finfo(looks.dtype).tiny)


def _gaussian(size: int) -> Tensor:
    """The weights (size, size) of a Gaussian blur along one side."""
    places = torch.arange(size, dtype=torch.float64)
    return torch.exp(-((places[:, None] - places) ** 2) / (2 * (BLUR * size) ** 2))


def box_masks(boxes: Mapping[str, Box], handles: Sequence[str], height: int, width: int) -> Tensor:
    """The areas (k, h, w) of the boxes drawn for these handles, none for a handle without: the cells whose
    middle is inside. Raises StudioError for a box that holds no cell."""
    areas = torch.zeros(len(handles), height, width)
    down, across = ((torch.arange(size) + 0.5) / size for size in (height, width))
    for number, handle in enumerate(handles):
        if handle in boxes:
            left, top, right, bottom = boxes[handle]
            rows, columns = (down >= top) & (down < bottom), (across >= left) & (across < right)
            areas[number] = (rows[:, None] & columns).float()
            if not areas[number].any():
                raise StudioError(f"The region of {handle} is too small.", "Make it larger.")
    return areas
