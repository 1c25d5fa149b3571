"""Find the subject of a photo on a plain ground, without a click.

A plain ground is easily learned along with the subject. It also makes the subject easy to find, since
everything without an edge that reaches the border is ground. Where it is not plain, nothing is found: a mask
that misses half of the subject is worse than none.

Of 23 pictures that come with scikit-image and scikit-learn, a logo on white, a cell and a flower before dark
leaves are found, each of them rightly, and nothing is in the 20 others. Of the 45 photos of nine drawings
(the demo subjects, and six from OpenMoji) all are found, some with the ground that their legs enclose.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from studio.photos.regions import edges, grab_cut, main_parts, on_border, outline_strength, part_areas
from studio.photos.small_copy import large_mask, small_copy

CALM = 4.0  # colour difference (CIELAB) of neighbours on a ground, less what counts as flat
CALM_BORDER = 0.9  # share of the border that is calm where the ground is plain and nothing is cut off
LEAST_AREA, MOST_AREA = 0.02, 0.8  # of a picture
LEAST_STRENGTH = 10.0  # of the outline: craters on the moon have 5, the faintest drawing 17
SEVERAL = 0.6  # of the largest part, what a second has that is a subject of its own
SURELY = np.ones((5, 5), np.uint8)  # what is this thick is no line in the ground
LINE = np.ones((3, 3), np.uint8)  # what is thinner is one


def subject_on_plain_ground(square: Image.Image) -> Image.Image | None:
    """Return the mask of the only thing on a plain ground: "L", of the square's size, 0 or 255.

    None where the ground is not plain, nothing stands out from it, or several things do.
    """
    pixels = small_copy(square)
    ground = _ground(pixels)
    if ground is None:
        return None
    surely = cv2.erode((~ground).astype(np.uint8), SURELY) > 0
    if not surely.any():
        return None
    mask = _one_thing(grab_cut(pixels, surely, ground, ~ground))
    if mask is None or not LEAST_AREA <= float(mask.mean()) <= MOST_AREA:
        return None
    return large_mask(mask, square) if outline_strength(pixels, mask) >= LEAST_STRENGTH else None


def _ground(pixels: np.ndarray) -> np.ndarray | None:
    """Return what reaches the border without an edge, (h, w) bool; None where the border is not calm."""
    calm = edges(pixels) < CALM
    border = on_border(calm.shape)
    if calm[border].mean() < CALM_BORDER:
        return None
    _, parts = cv2.connectedComponents(calm.astype(np.uint8), connectivity=4)
    return np.isin(parts, np.unique(parts[border & calm]))


def _one_thing(mask: np.ndarray) -> np.ndarray | None:
    """Return the largest part of a mask with what belongs to it, without holes and lines in the ground.

    None where nothing is left, or a second part is nearly as large.
    """
    thick = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, LINE)
    kept = mask & (cv2.dilate(thick, SURELY) > 0)
    areas = part_areas(kept)
    if not areas.size or (areas[1:].sum() and areas[1] > SEVERAL * areas[0]):
        return None
    return main_parts(kept)
