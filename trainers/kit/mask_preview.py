"""A spotlight: photos in a row, bright where it matters and dim elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

SIDE = 128  # pixels of a photo
PHOTOS_HIGH = 5
DIMMED = 5  # times darker


def mask_preview(squares: Sequence[Image.Image], masks: Tensor) -> Image.Image:
    """The first few `squares`, each lit by its mask of `masks` (n, h, w), 0 to 1."""
    shown = list(zip(squares, masks.float().clamp(0, 1).cpu().numpy(), strict=False))[:PHOTOS_HIGH]
    row = Image.new("RGB", (SIDE * len(shown), SIDE))
    for number, (square, mask) in enumerate(shown):
        small = square.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        light = Image.fromarray((255 * mask).astype(np.uint8)).resize(small.size, Image.Resampling.BICUBIC)
        dim = small.point(lambda level: level // DIMMED)
        row.paste(Image.composite(small, dim, light), (number * SIDE, 0))
    return row
