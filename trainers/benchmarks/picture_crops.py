"""Parts of a picture that an image encoder compares with photos of subjects. All pictures are square."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from PIL import Image
from torch import Tensor

SUBJECT_GRIDS = {0.4: 5, 0.55: 4, 0.75: 3, 1.0: 1}
PRESENCE_GRIDS = {0.54: 3}

ATTENDED = 0.5  # of the largest attention: cells below take no part
MARGIN = 3.8  # a filled square has a side of sqrt(12) = 3.46 standard deviations; the rest is margin
MIN_SIDE = 0.3  # in sides of the picture


def grid_crops(picture: Image.Image, grids: Mapping[float, int]) -> list[Image.Image]:
    """Return overlapping square crops all over a picture, grid by grid, row by row.

    Args:
        grids: for each side of a crop, in sides of the picture, how many crops there are in each direction.
    """
    crops = []
    for share, count in grids.items():
        side = round(share * picture.width)
        starts = np.linspace(0, picture.width - side, count).round().astype(int).tolist()
        crops += [picture.crop((x, y, x + side, y + side)) for y in starts for x in starts]
    return crops


def presence_crops(picture: Image.Image) -> list[Image.Image]:
    """Return the whole picture and a grid of crops of about half its side, all of the picture's size.

    Whatever the picture shows, one of them has it.
    """
    return [picture, *(_enlarged(crop, picture) for crop in grid_crops(picture, PRESENCE_GRIDS))]


def attended_crop(picture: Image.Image, attention: Tensor) -> Image.Image:
    """Return the square that a word attends to, enlarged to the picture's size.

    Args:
        attention (s, s): the word's cross-attention map.
    """
    peaks = torch.where(attention >= ATTENDED * attention.max(), attention, 0.0).double().cpu().numpy()
    cells = len(peaks)
    centres = (np.arange(cells) + 0.5) / cells
    means, deviations = [], []
    for shares in (peaks.sum(0) / peaks.sum(), peaks.sum(1) / peaks.sum()):
        mean = (shares * centres).sum()
        means.append(mean)
        # 1 / 12 n^2 is the variance within a cell
        deviations.append(np.sqrt((shares * (centres - mean) ** 2).sum() + 1 / (12 * cells**2)))
    side = min(1.0, max(MIN_SIDE, MARGIN * max(deviations)))
    left, top = (min(max(mean - side / 2, 0.0), 1 - side) for mean in means)
    x0, y0, x1, y1 = (round(picture.width * share) for share in (left, top, left + side, top + side))
    return _enlarged(picture.crop((x0, y0, x1, y1)), picture)


def _enlarged(crop: Image.Image, picture: Image.Image) -> Image.Image:
    return crop.resize(picture.size, Image.Resampling.BICUBIC)
