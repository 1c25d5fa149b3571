"""What a judge says of the handles of a scene.

Each subject i of a scene has a photo s_i of it alone, on another background, that no training saw. With v the
judge's unit-norm features, x_i the pictures of handle i alone, and x the pictures of all handles together:

    likeness      mean over i, x_i of           v(x_i) . v(s_i)
    bleed         mean over i, j != i, x_i of   v(x_i) . v(s_j) - v(s_i) . v(s_j)
    told apart    share of x_i with             v(x_i) . v(s_i) > v(x_i) . v(s_j) for all j != i
    all present   share of x in which every subject is found

Bleed is how much more a handle's pictures look like another subject than its own photo does. Pictures that
look like nothing are below 0, so it is read beside those of the plain nouns. Subject i is found in a picture
when one of its `parts` P is more like s_i than like any other subject, and more like it than any of them is:
v(P) . v(s_i) > v(P) . v(s_j) and > v(s_i) . v(s_j) for all j != i.

Shapes: J subjects, n pictures of each; `alone` (J, d) are v(s_i), `seen` (J, n, d) are v(x_i).
"""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor

PARTS = {0.4: 5, 0.55: 4, 0.75: 3, 1.0: 1}  # side of a part in sides of the picture: places in each direction


def likeness(seen: Tensor, alone: Tensor) -> float:
    """How alike each handle's pictures and its photo are, -1 to 1."""
    return torch.einsum("jnd,jd->jn", seen, alone).mean().item()


def bleed(seen: Tensor, alone: Tensor) -> float:
    """How much more than their own photos a handle's pictures look like the others, mean over all pairs."""
    excess = torch.einsum("ind,jd->ijn", seen, alone).mean(2) - alone @ alone.T
    return off_diagonal(excess).mean().item()


def told_apart(seen: Tensor, alone: Tensor) -> float:
    """The share of pictures that look most like their own photo, 0 to 1."""
    nearest = (seen @ alone.T).argmax(2)  # (J, n)
    return (nearest == torch.arange(len(alone))[:, None]).float().mean().item()


def found(features: Tensor, alone: Tensor) -> Tensor:
    """Which of J subjects are found in a picture, (J,) bool, from `features` (n, d) of its parts and those of
    each subject's photo, `alone` (J, d)."""
    similar = features @ alone.T  # (n, J)
    rivals = similar[:, None].expand(-1, len(alone), -1).maximum(alone @ alone.T)
    own = torch.eye(len(alone), dtype=torch.bool)
    return (similar > rivals.masked_fill(own, -torch.inf).amax(2)).any(0)


def parts(picture: Image.Image) -> list[Image.Image]:
    """Overlapping squares of a square picture, of several sizes, the whole of it among them."""
    squares = []
    for share, count in PARTS.items():
        side = round(share * picture.width)
        corners = np.linspace(0, picture.width - side, count).round().astype(int).tolist()
        squares += [picture.crop((x, y, x + side, y + side)) for y in corners for x in corners]
    return squares


def off_diagonal(square: Tensor) -> Tensor:
    """The entries of a (J, J) matrix that are not on its diagonal, (J (J - 1),)."""
    return square[~torch.eye(len(square), dtype=torch.bool)]
