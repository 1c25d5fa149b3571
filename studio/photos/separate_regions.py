"""How many things a photo shows: regions that stand out from the ground and lie apart from each other.

The geodesic distance to the border of the picture, counted in edges crossed, is high on what stands out and
low on the ground around it (Wei et al. 2012 call it the saliency of a region; `studio.photos.click_mask`
begins with it too). Two regions are two things if every way from one to the other goes through ground as low
as the border: parts of one thing are joined by a saddle. On lively grounds it is high as well, and nothing
is found.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

from studio.photos.regions import STEP_COST, edges, geodesic, on_border, otsu, outline_strength, without_holes
from studio.photos.small_copy import small_copy

LEAST_AREA = 0.03  # of the square, for each of two things
PLAIN = 8.0  # strength of their outlines; it is less for shadows and stains
LOW = 0.05  # of the height of the lower one, for the saddle between two things


def second_share(square: Image.Image) -> float:
    """Return the area of the second largest separate thing in a square by that of the largest, 0 to 1.

    It is 0 where there is one thing, or none that stands out.
    """
    pixels = small_copy(square)
    cost = edges(pixels) + STEP_COST
    height = geodesic(cost, on_border(cost.shape))
    _, parts, measures, _ = cv2.connectedComponentsWithStats((height > otsu(height)).astype(np.uint8))
    areas = measures[1:, cv2.CC_STAT_AREA]
    largest = 1 + np.argsort(areas)[::-1][:2]
    regions = [parts == number for number in largest]
    if len(regions) < 2 or not all(
        region.mean() >= LEAST_AREA and outline_strength(pixels, without_holes(region)) >= PLAIN
        for region in regions
    ):
        return 0.0
    saddle = LOW * min(float(np.median(height[region])) for region in regions)
    _, joined = cv2.connectedComponents((height > saddle).astype(np.uint8))
    if np.intersect1d(*(joined[region] for region in regions)).size:
        return 0.0
    return float(regions[1].mean() / regions[0].mean())
