"""Measures of how well the subjects of a scene were told apart, from features of an image encoder.

Each subject i of a scene has a photo s_i of it alone, on another background, that no training saw. With v the
encoder's unit-norm features, x_i the pictures of handle i alone, and x the pictures of all handles together:

    likeness      mean over i, x_i of           v(x_i) . v(s_i)
    bleed         mean over i, j != i, x_i of   v(x_i) . v(s_j) - v(s_i) . v(s_j)
    told apart    share of x_i with             v(x_i) . v(s_i) > v(x_i) . v(s_j) for all j != i
    all present   share of x in which every subject is found

Bleed is how much more a handle's pictures look like another subject than its own photo does. Pictures that
look like nothing are below 0, so it is read beside that of the plain nouns. Subject i is found in a picture
when one of its crops P is more like s_i than like any other subject, and more like it than any of them is:
v(P) . v(s_i) > v(P) . v(s_j) and > v(s_i) . v(s_j) for all j != i.

Shapes: J subjects, n pictures of each, d features. `photos` (J, d) are v(s_i), `pictures` (J, n, d) are
v(x_i).
"""

from __future__ import annotations

import torch
from torch import Tensor


def likeness(pictures: Tensor, photos: Tensor) -> float:
    """Return the mean cosine of each handle's pictures and its photo, -1 to 1."""
    return torch.einsum("jnd,jd->jn", pictures, photos).mean().item()


def bleed(pictures: Tensor, photos: Tensor) -> float:
    """Return how much more than its own photo a handle's pictures look like the others, mean over pairs."""
    excess = torch.einsum("ind,jd->ijn", pictures, photos).mean(2) - photos @ photos.T
    return off_diagonal(excess).mean().item()


def told_apart(pictures: Tensor, photos: Tensor) -> float:
    """Return the share of pictures that look most like their own photo, 0 to 1."""
    nearest = (pictures @ photos.T).argmax(2)  # (J, n)
    return (nearest == torch.arange(len(photos))[:, None]).float().mean().item()


def subjects_found(crops: Tensor, photos: Tensor) -> Tensor:
    """Return which of the J subjects are found in a picture, (J,) bool.

    Args:
        crops (m, d): features of the picture's crops.
    """
    similar = crops @ photos.T  # (m, J)
    rivals = similar[:, None].expand(-1, len(photos), -1).maximum(photos @ photos.T)
    same = torch.eye(len(photos), dtype=torch.bool)
    return (similar > rivals.masked_fill(same, -torch.inf).amax(2)).any(0)


def off_diagonal(square: Tensor) -> Tensor:
    """Return the entries of a (J, J) matrix that are not on its diagonal, (J (J - 1),)."""
    return square[~torch.eye(len(square), dtype=torch.bool)]
