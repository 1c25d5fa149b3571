"""Regions of a small picture: how they are found by edges and colours, and how plainly they stand out.

Everything here is (h, w) arrays; masks are bool.
"""

from __future__ import annotations

import cv2
import numpy as np

GRAB_CUT_ROUNDS = 4  # its masks hardly change after the third
STEP_COST = 0.02  # of a step to the next pixel without an edge
FLAT = 1.0  # colour difference (CIELAB) between neighbours that is no edge
SWEEPS = 3  # of the geodesic distance, each from all four sides
BAND = 7  # pixels on both sides of an outline whose colours are compared
WEAK_SHARE = 40  # percentile of the outline: as strong as most of it, whatever the rest
USUAL_AREA = 0.12  # of a picture; a smaller find is more often a part of the subject
ROUND = 7.0  # outline by the root of the area of a plain shape
LEAST_AREA, MOST_AREA = 0.003, 0.9
LESSER = 0.15  # of the largest part, what other parts of one thing have at least


def edges(pixels: np.ndarray) -> np.ndarray:
    """Return the largest colour difference to a neighbour (CIELAB), less what counts as flat, (h, w)."""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    edges = np.zeros(lab.shape[:2], np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(lab, axis=axis), axis=2)
        for side in ((0, 1), (1, 0)):
            padding = [side if other == axis else (0, 0) for other in (0, 1)]
            edges = np.maximum(edges, np.pad(step, padding))
    return np.maximum(edges - FLAT, 0)


def on_border(shape: tuple[int, ...]) -> np.ndarray:
    """Return the outermost pixels of a picture, (h, w) bool."""
    border = np.ones(shape, bool)
    border[1:-1, 1:-1] = False
    return border


def geodesic(cost: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Return the cost of the cheapest path from any source to every pixel, (h, w), nearly.

    Source: Toivanen 1996, sweeps row by row from all four sides; a few are close enough.
    """
    distance = np.where(sources, 0, 1e6).astype(np.float32)
    for turn in range(4 * SWEEPS):
        turned, step_cost = np.rot90(distance, turn), np.rot90(cost, turn)  # views of the same pixels
        for row in range(1, len(turned)):
            above = turned[row - 1]
            nearest = above.copy()
            np.minimum(nearest[1:], above[:-1], out=nearest[1:])
            np.minimum(nearest[:-1], above[1:], out=nearest[:-1])
            np.minimum(turned[row], nearest + step_cost[row], out=turned[row])
    return distance


def otsu(values: np.ndarray) -> float:
    """Return the level that divides the values best in two (Otsu 1979), in steps of 0.5 up to 127."""
    levels = np.clip(2 * values, 0, 255).astype(np.uint8)
    return cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0] / 2


def grab_cut(
    pixels: np.ndarray, surely: np.ndarray, surely_not: np.ndarray, likely: np.ndarray
) -> np.ndarray:
    """Return what GrabCut makes of a first guess, (h, w) bool; the same each time."""
    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[surely_not] = cv2.GC_BGD
    labels[surely] = cv2.GC_FGD
    subject = (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)
    if subject.all() or not subject.any():  # it has no colours to learn on one side, and would fail
        return subject
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, labels, None, *models, GRAB_CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the parts of `mask` that touch a seed, and the seeds."""
    _, parts = cv2.connectedComponents((mask | seeds).astype(np.uint8))
    return np.isin(parts, np.unique(parts[seeds]))


def part_areas(mask: np.ndarray) -> np.ndarray:
    """Return the area of each part of a mask in pixels, largest first."""
    _, _, measures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    return np.sort(measures[1:, cv2.CC_STAT_AREA])[::-1]


def main_parts(mask: np.ndarray) -> np.ndarray:
    """Return the largest part of a mask and those not much smaller, with their holes filled."""
    _, parts, measures, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8))
    areas = measures[1:, cv2.CC_STAT_AREA]
    return without_holes(np.isin(parts, 1 + np.flatnonzero(areas > LESSER * areas.max(initial=0))))


def without_holes(mask: np.ndarray) -> np.ndarray:
    """Return `mask` with its holes filled."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, parts = cv2.connectedComponents(outside, connectivity=4)
    return (parts != parts[0, 0])[1:-1, 1:-1]


def outline_strength(pixels: np.ndarray, mask: np.ndarray) -> float:
    """Return how plainly a region stands out: the colour difference (CIELAB) across most of its outline.

    It is less for a small region and for a ragged one, and 0 for one that is nearly nothing or everything.
    """
    area = float(mask.mean())
    if not LEAST_AREA < area < MOST_AREA:
        return 0.0
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    whole = mask.astype(np.float32)
    share = cv2.blur(whole, (BAND, BAND))[..., None]
    inside = cv2.blur(lab * whole[..., None], (BAND, BAND)) / np.maximum(share, 1e-3)
    outside = cv2.blur(lab * (1 - whole[..., None]), (BAND, BAND)) / np.maximum(1 - share, 1e-3)
    cross = np.ones((3, 3), np.uint8)
    outline = cv2.dilate(whole, cross) != cv2.erode(whole, cross)
    outline[:2] = outline[-2:] = outline[:, :2] = outline[:, -2:] = False
    if outline.sum() < 10:
        return 0.0
    contrast = float(np.percentile(np.linalg.norm(inside - outside, axis=2)[outline], WEAK_SHARE))
    raggedness = float(outline.sum()) / float(np.sqrt(mask.sum())) / ROUND
    return contrast * min(1.0, area / USUAL_AREA) ** 0.5 / raggedness**0.5
