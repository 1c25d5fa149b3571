"""How many parts of a photo are found again in a picture, in the features of cells.

A subject on another background, mirrored or elsewhere in the picture is found all the same, which features
averaged over a picture do not tell: there a plain ground counts for more than the subject on it. Cells are
compared as in DIFT (Tang et al. 2023, arXiv 2306.03881), from which we differ in averaging over the photo.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor


def as_cells(features: Tensor) -> Tensor:
    """Return features (n, d, h, w) as cells (n, h w, d)."""
    return features.flatten(2).transpose(1, 2)


def directions(cells: Sequence[Tensor], centre: Tensor) -> list[Tensor]:
    """Return several sets of cells (n, k, d) as unit vectors seen from `centre` (d,).

    What all cells have in common would make every cosine large.
    """
    return [F.normalize(each - centre, dim=2) for each in cells]


def parts_found(photos: Tensor, pictures: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return how much of each photo is found in each picture (m, n), -1..1.

    It is the mean over the photo's cells of the cosine to the picture's nearest cell.

    Args:
        photos (m, k, d), pictures (n, k', d): unit vectors.
        weights (m, k): of the photos' cells, such as how much of each is the subject; None for all alike.
    """
    if weights is None:
        weights = photos.new_ones(photos.shape[:2])
    shares = weights / weights.sum(1, keepdim=True)
    return torch.stack(
        [
            torch.stack([(photo @ one.T).amax(1) @ share for one in pictures])
            for photo, share in zip(photos, shares, strict=True)
        ]
    )


def found_in_others(photos: Tensor, weights: Tensor | None = None) -> Tensor:
    """Return how much of the other photos is found in each of m >= 2 photos (m,), leaving one out in turn."""
    found = parts_found(photos, photos, weights)
    return (found.sum(0) - found.diagonal()) / (len(photos) - 1)
