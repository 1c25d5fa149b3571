"""The small copy of a square in which masks are found, and the way back to the square's size."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

SIDE = 160  # pixels of the small copy


def small_copy(square: Image.Image) -> np.ndarray:
    """Return the square as (SIDE, SIDE, 3) uint8."""
    return cv2.resize(np.asarray(square.convert("RGB")), (SIDE, SIDE), interpolation=cv2.INTER_AREA)


def large_mask(mask: np.ndarray, square: Image.Image) -> Image.Image:
    """Return a mask (SIDE, SIDE) bool of the small copy in the square's size, "L", 0 or 255."""
    smooth = cv2.resize(mask.astype(np.float32), square.size, interpolation=cv2.INTER_LINEAR)
    return Image.fromarray(np.where(smooth >= 0.5, 255, 0).astype(np.uint8))
