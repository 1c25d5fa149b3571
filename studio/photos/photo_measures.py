"""What is measured on the square of a photo, for `studio.photos.advice`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from studio.photos.separate_regions import second_share

SIDES = (128, 256, 512)  # pixels at which sharpness is measured
STEP = np.array([[-1.0, 0.0, 1.0]], np.float32) / 2  # from one pixel to the next, of its two neighbours
WINDOW = 9  # pixels around an edge in which the whole of it lies
LEAST_EDGE = 30.0  # levels of an edge that counts; noise has less
LEAST_EDGES = 0.005  # share of the pixels at such edges, below which sharpness means nothing
SHARPEST = 95  # percentile of the edges: a photo may be blurred everywhere but on its subject
SHADES_SIDE, SMALL_SIDE = 128, 32
FRAME = 3  # pixels of the small copy's border


@dataclass(frozen=True, eq=False)
class Measures:
    """What was measured on a square.

    Args:
        sharpness: by the side in pixels at which it is seen, how much of an edge one pixel crosses, 0 to 1;
            a side is missing when the square is smaller, or has no edges.
        shading: share of neighbouring pixels that differ a little: of surfaces in light, not of flat colour.
        second: area of the second largest thing in it by that of the largest, 0 to 1: see `second_share`.
        small (32, 32, 3): float32, the square in few pixels.
    """

    sharpness: Mapping[int, float]
    shading: float
    second: float
    small: np.ndarray

    @property
    def border(self) -> np.ndarray:
        """Return the pixels of the frame of the small copy, (n, 3)."""
        inside = np.zeros(self.small.shape[:2], bool)
        inside[FRAME:-FRAME, FRAME:-FRAME] = True
        return self.small[~inside]


def measure(square: Image.Image) -> Measures:
    """Return the measures of a square RGB picture."""
    sides = [side for side in SIDES if side <= square.width]
    found = {side: _sharpness(_resized(square, side, Image.Resampling.LANCZOS)) for side in sides}
    levels = np.asarray(_resized(square, SHADES_SIDE)).astype(np.int16)
    steps = np.abs(np.diff(levels, axis=1)).max(axis=-1)
    shading = float(((steps > 1) & (steps <= 12)).mean())
    small = np.asarray(_resized(square, SMALL_SIDE), dtype=np.float32)
    sharpness = {side: value for side, value in found.items() if value is not None}
    return Measures(sharpness, shading, second_share(square), small)


def _resized(square: Image.Image, side: int, how: Image.Resampling = Image.Resampling.BOX) -> Image.Image:
    return square if square.width == side else square.resize((side, side), how)


def _sharpness(square: Image.Image) -> float | None:
    """Return how much of the sharpest edges is crossed in one pixel, None for a picture without edges.

    A step has 0.5, one blurred by a Gaussian of s pixels about 0.4 / s, whatever its contrast. The variance
    of the Laplacian differs more between sharp photos of two things than with blur.
    """
    grey = np.asarray(square.convert("L"), dtype=np.float32)
    step = np.maximum(np.abs(cv2.filter2D(grey, -1, STEP)), np.abs(cv2.filter2D(grey, -1, STEP.T)))
    window = np.ones((WINDOW, WINDOW), np.uint8)
    edge = cv2.dilate(grey, window) - cv2.erode(grey, window)
    counts = edge > LEAST_EDGE
    if counts.mean() < LEAST_EDGES:
        return None
    return float(np.percentile(step[counts] / edge[counts], SHARPEST))
