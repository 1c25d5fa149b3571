"""A picture of photos and masks: bright where the mask is, dim elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image
from torch import Tensor

SIDE = 128  # pixels of a photo
MAX_PHOTOS = 5
DIM_FACTOR = 5  # outside the mask, levels are divided by it


def mask_preview(squares: Sequence[Image.Image], masks: Tensor) -> Image.Image:
    """Return the first photos in a row, each dimmed outside its mask.

    Args:
        masks (n, h, w), 0..1: of `squares`, in order.
    """
    chosen = list(zip(squares, masks.float().clamp(0, 1).cpu().numpy(), strict=False))[:MAX_PHOTOS]
    row = Image.new("RGB", (SIDE * len(chosen), SIDE))
    for number, (square, mask) in enumerate(chosen):
        small = square.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        light = Image.fromarray((255 * mask).astype(np.uint8)).resize(small.size, Image.Resampling.BICUBIC)
        dim = small.point(lambda level: level // DIM_FACTOR)
        row.paste(Image.composite(small, dim, light), (number * SIDE, 0))
    return row
