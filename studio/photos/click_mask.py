"""Masks: what a click on a subject is likely to mean, and what speaks against the masks there are.

A proposal needs no model and no download: it joins how far a pixel is from the border and from the clicks,
counted in edges crossed, with GrabCut's colour models.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from studio.errors import StudioError

SIDE = 160  # pixels in which a proposal is worked out
STEPS = 4  # of GrabCut; its masks hardly change after the third
CLICK_RADIUS = 3.0
FLAT = 1.0  # colour difference (CIELAB) between neighbours that is no edge
PACE = 0.02  # what a pixel without an edge costs
ROUNDS = 3
NEARER = 1.5
CUT_OFF = 0.8  # where the border is this much nearer to a click than usual, the subject leaves the picture


def propose_mask(
    square: Image.Image, clicks: Sequence[tuple[float, float]], beside: Sequence[Image.Image] = ()
) -> Image.Image:
    """The mask of what was clicked on: "L", of the square's size, 0 or 255, without holes.

    `clicks` are (x, y) in fractions of the square, `beside` the masks of other subjects in it, which the
    answer leaves out. Pixels that are geodesically nearer to a click than to the border (Bai & Sapiro 2007),
    and farther from the border than Otsu's threshold, begin as the subject in GrabCut (Rother et al. 2004);
    what it leaves connected to a click is the answer. Raises StudioError when there is no click, or when
    hardly more than the clicks is found.
    """
    if not clicks:
        raise StudioError("Nothing was clicked on.", "Click on the subject.")
    nothing = StudioError("Nothing stands out there.", "Click on the subject, or paint it with the brush.")
    pixels = cv2.resize(np.asarray(square.convert("RGB")), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    others = np.zeros((SIDE, SIDE), bool)
    for mask in beside:
        others |= np.asarray(mask.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)) > 127
    clicked = _discs(clicks)
    border = np.ones((SIDE, SIDE), bool)
    border[1:-1, 1:-1] = False
    cost = _edges(pixels) + PACE
    if cost.max() == PACE:  # GrabCut would take a minute to find nothing
        raise nothing
    from_click = _geodesic(cost, clicked)
    border &= from_click >= CUT_OFF * np.median(from_click[border])
    from_border = _geodesic(cost, (border | others) & ~clicked)
    level = min(_otsu(from_border), 0.5 * float(np.median(from_border[clicked])))
    likely = _touching((from_border > level) & (from_click < NEARER * from_border), clicked)
    surely_not = (border | others | (from_border < 0.15 * level)) & ~clicked
    mask = _filled(_touching(_grab_cut(pixels, clicked, surely_not, likely), clicked)) & ~(others & ~clicked)
    if mask.sum() < 2 * clicked.sum():
        raise nothing
    smooth = cv2.resize(mask.astype(np.float32), square.size, interpolation=cv2.INTER_LINEAR)
    return Image.fromarray(np.where(smooth >= 0.5, 255, 0).astype(np.uint8))


def _discs(clicks: Sequence[tuple[float, float]]) -> np.ndarray:
    """(SIDE, SIDE) bool, True around every click."""
    y, x = np.mgrid[:SIDE, :SIDE] + 0.5
    return np.any(
        [np.hypot(x - SIDE * left, y - SIDE * top) <= CLICK_RADIUS for left, top in np.clip(clicks, 0, 1)],
        axis=0,
    )


def _edges(pixels: np.ndarray) -> np.ndarray:
    """The largest colour difference to a neighbour (CIELAB), less what counts as flat, (h, w)."""
    lab = cv2.cvtColor(pixels.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    edges = np.zeros(lab.shape[:2], np.float32)
    for axis in (0, 1):
        step = np.linalg.norm(np.diff(lab, axis=axis), axis=2)
        for side in ((0, 1), (1, 0)):
            padding = [side if other == axis else (0, 0) for other in (0, 1)]
            edges = np.maximum(edges, np.pad(step, padding))
    return np.maximum(edges - FLAT, 0)


def _geodesic(cost: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """The cheapest way from any source to every pixel, (h, w): row by row from all four sides (Toivanen
    1996), a few rounds of which are close enough."""
    distance = np.where(sources, 0, 1e6).astype(np.float32)
    for turn in range(4 * ROUNDS):
        far, price = np.rot90(distance, turn), np.rot90(cost, turn)
        for row in range(1, len(far)):
            above = far[row - 1]
            nearest = above.copy()
            np.minimum(nearest[1:], above[:-1], out=nearest[1:])
            np.minimum(nearest[:-1], above[1:], out=nearest[:-1])
            np.minimum(far[row], nearest + price[row], out=far[row])
    return distance


def _otsu(values: np.ndarray) -> float:
    """The level that divides the values best in two (Otsu 1979), in steps of one half up to 127."""
    levels = np.clip(2 * values, 0, 255).astype(np.uint8)
    return cv2.threshold(levels, 0, 255, cv2.THRESH_OTSU)[0] / 2


def _grab_cut(
    pixels: np.ndarray, surely: np.ndarray, surely_not: np.ndarray, likely: np.ndarray
) -> np.ndarray:
    """What GrabCut makes of a first guess, (h, w) bool; the same each time."""
    marks = np.where(likely, cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    marks[surely_not] = cv2.GC_BGD
    marks[surely] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(pixels, marks, None, *models, STEPS, cv2.GC_INIT_WITH_MASK)
    return (marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD)


def _touching(mask: np.ndarray, seeds: np.ndarray) -> np.ndarray:
    """The parts of `mask` that touch a seed, and the seeds."""
    _, parts = cv2.connectedComponents((mask | seeds).astype(np.uint8))
    return np.isin(parts, np.unique(parts[seeds]))


def _filled(mask: np.ndarray) -> np.ndarray:
    """`mask` without holes."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, parts = cv2.connectedComponents(outside, connectivity=4)
    return (parts != parts[0, 0])[1:-1, 1:-1]
