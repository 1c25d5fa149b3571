"""Proposes the mask of a subject from clicks on it, without a model or a download.

Geodesic distances to the clicks and to the border of the picture, counted in edges crossed (Bai & Sapiro
2007), give a first guess; GrabCut (Rother et al. 2004) refines it by colour.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from studio.errors import StudioError

SIDE = 160  # pixels of the small copy in which a mask is proposed
GRAB_CUT_ROUNDS = 4  # its masks hardly change after the third
CLICK_RADIUS = 3.0
FLAT = 1.0  # colour difference (CIELAB) between neighbours that is no edge
STEP_COST = 0.02  # cost of a step to the next pixel without an edge
SWEEPS = 3  # of the geodesic distance, each from all four sides
NEARER = 1.5  # how much farther than the border a click may be from a pixel of the first guess
CUT_OFF = 0.8  # where the border is nearer to a click than this share of its median, the subject is cut off
BACKGROUND = 0.15  # pixels nearer to the border than this share of the level are surely background


def propose_mask(
    square: Image.Image, clicks: Sequence[tuple[float, float]], beside: Sequence[Image.Image] = ()
) -> Image.Image:
    """Return the mask of what was clicked on: "L", of the square's size, 0 or 255, without holes.

    Args:
        clicks: (x, y) in fractions of the square.
        beside: the masks of other subjects in it, which are left out.

    Raises:
        StudioError: there is no click, or hardly more than the clicks is found.
    """
    if not clicks:
        raise StudioError("Nothing was clicked on.", "Click on the subject.")
    nothing = StudioError("Nothing stands out there.", "Click on the subject, or paint it with the brush.")
    pixels = cv2.resize(np.asarray(square.convert("RGB")), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    cost = _edges(pixels) + STEP_COST
    if cost.max() == STEP_COST:  # GrabCut would take a minute to find nothing
        raise nothing
    clicked = _discs(clicks)
    others = _union(beside)
    likely, surely_not = _first_guess(cost, clicked, others)
    found = _touching(_grab_cut(pixels, clicked, surely_not, likely), clicked)
    mask = _without_holes(found) & ~(others & ~clicked)
    if mask.sum() < 2 * clicked.sum():
        raise nothing
    smooth = cv2.resize(mask.astype(np.float32), square.size, interpolation=cv2.INTER_LINEAR)
    return Image.fromarray(np.where(smooth >= 0.5, 255, 0).astype(np.uint8))


def _first_guess(cost: np.ndarray, clicked: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels that are likely the subject, and those that surely are not, (h, w) bool each.

    Args:
        cost (h, w): of a step to each pixel.
        clicked (h, w): bool, the discs around the clicks.
        others (h, w): bool, the masks of other subjects.
    """
    border = np.ones(cost.shape, bool)
    border[1:-1, 1:-1] = False
    from_click = _geodesic(cost, clicked)
    border &= from_click >= CUT_OFF * np.median(from_click[border])
    from_border = _geodesic(cost, (border | others) & ~clicked)
    level = min(_otsu(from_border), 0.5 * float(np.median(from_border[clicked])))
    likely = _touching((from_border > level) & (from_click < NEARER * from_border), clicked)
    return likely, (border | others | (from_border < BACKGROUND * level)) & ~clicked


def _union(masks: Sequence[Image.Image]) -> np.ndarray:
    """Return where any of these masks is set, (SIDE, SIDE) bool."""
    union = np.zeros((SIDE, SIDE), bool)
    for mask in masks:
        union |= np.asarray(mask.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)) > 127
    return union


def _discs(clicks: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return discs around the clicks, (SIDE, SIDE) bool."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.any(
        [np.hypot(x - SIDE * left, y - SIDE * top) <= CLICK_RADIUS for left, top in np.clip(clicks, 0, 1)],
        axis=0,
    )


def _edges(pixels: np.ndarray) -> np.ndarray:
    """Return the largest colour difference to a neighbour (CIELAB), less what counts as flat, (h, w)."""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    edges = np.zeros(lab.shape[:2], np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(lab, axis=axis), axis=2)
        for side in ((0, 1), (1, 0)):
            padding = [side if other == axis else (0, 0) for other in (0, 1)]
            edges = np.maximum(edges, np.pad(step, padding))
    return np.maximum(edges - FLAT, 0)


def _geodesic(cost: np.ndarray, sources: np.ndarray) -> np.ndarray:
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


def _otsu(values: np.ndarray) -> float:
    """Return the level that divides the values best in two (Otsu 1979), in steps of 0.5 up to 127."""
    levels = np.clip(2 * values, 0, 255).astype(np.uint8)
    return cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0] / 2


def _grab_cut(
    pixels: np.ndarray, surely: np.ndarray, surely_not: np.ndarray, likely: np.ndarray
) -> np.ndarray:
    """Return what GrabCut makes of a first guess, (h, w) bool; the same each time."""
    labels = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    labels[surely_not] = cv2.GC_BGD
    labels[surely] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, labels, None, *models, GRAB_CUT_ROUNDS, cv2.GC_INIT_WITH_MASK)
    return (labels == cv2.GC_FGD) | (labels == cv2.GC_PR_FGD)


def _touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """Return the parts of `mask` that touch a seed, and the seeds."""
    _, parts = cv2.connectedComponents((mask | seeds).astype(np.uint8))
    return np.isin(parts, np.unique(parts[seeds]))


def _without_holes(mask: np.ndarray) -> np.ndarray:
    """Return `mask` with its holes filled."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, parts = cv2.connectedComponents(outside, connectivity=4)
    return (parts != parts[0, 0])[1:-1, 1:-1]
