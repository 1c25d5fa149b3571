"""Proposes the mask of a subject from clicks on it or a box around it, without a model or a download.

A click gives several guesses: by geodesic distances to it and to the border of the picture, counted in edges
crossed (Bai & Sapiro 2007), and by discs of several sizes. GrabCut (Rother et al. 2004) refines each by
colour, and `studio.photos.outlines` chooses among them. A box needs no guess, and is the surer way on
photographs. `python -m tests.click_masks` measures both.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.photos.outlines import PLAIN, agreement, likeliness, stepped
from studio.photos.regions import (
    STEP_COST,
    edges,
    geodesic,
    grab_cut,
    main_parts,
    on_border,
    otsu,
    outline_strength,
    part_areas,
    touching,
    without_holes,
)
from studio.photos.small_copy import SIDE, large_mask, small_copy

CLICK_RADIUS = 3.0
NEARER = 1.5  # how much farther than the border a click may be from a pixel of the first guess
CUT_OFF = 0.8  # where the border is nearer to a click than this share of its median, the subject is cut off
BACKGROUND = 0.15  # pixels nearer to the border than this share of the level are surely background
RADII = (0.09, 0.16, 0.26, 0.4)  # of the discs that are guesses, in sides of the square
PART_RADII = (0.06, 0.13, 0.25)  # of those that are guesses at a part to add or take away
FAR = 2.2  # radii from a click from which nothing is changed
FAINT_PART = 0.5  # strength of the outline of a part below which it is none
LEAST_BOX = 0.03  # sides of the square that a box must have
Box = tuple[float, float, float, float]


def propose_mask(
    square: Image.Image,
    clicks: Sequence[tuple[float, float]],
    beside: Sequence[Image.Image] = (),
    before: Image.Image | None = None,
    step: int = 0,
) -> Image.Image:
    """Return the mask of what was clicked on: "L", of the square's size, 0 or 255, without holes.

    Args:
        clicks: (x, y) in fractions of the square.
        beside: the masks of other subjects in it, which are left out.
        before: the mask of the subject so far; what was clicked on is added to it.
        step: how many sizes larger the outline is than the likeliest one, smaller below 0; beyond the largest
            and the smallest that were found there is no other.

    Raises:
        StudioError: there is no click, or hardly more than the clicks is found.
    """
    if not clicks:
        raise StudioError("Nothing was clicked on.", "Click on the subject.")
    if before is not None:
        return corrected_mask(square, before, clicks[-1], True, beside, step)
    pixels = small_copy(square)
    cost = edges(pixels) + STEP_COST
    if cost.max() == STEP_COST:  # GrabCut would take a minute to find nothing
        raise _nothing()
    clicked = _discs(clicks)
    others = _union(beside)
    likely, surely_not = _first_guess(cost, clicked, others)
    found = [grab_cut(pixels, clicked, surely_not, likely)]
    distance = _distance(clicks)
    for radius in RADII:
        far = ((distance > FAR * radius) | others) & ~clicked
        found.append(grab_cut(pixels, clicked, far, distance < radius))
    masks = [without_holes(touching(each, clicked)) & ~(others & ~clicked) for each in found]
    masks = [mask for mask in masks if mask.sum() >= 2 * clicked.sum()]
    if not masks:
        raise _nothing()
    return large_mask(stepped(masks, likeliness(pixels, masks), step), square)


def box_mask(square: Image.Image, box: Box, beside: Sequence[Image.Image] = ()) -> Image.Image:
    """Return the mask of what is inside a box, as `propose_mask` does.

    Args:
        box: (left, top, right, bottom) in fractions of the square.

    Raises:
        StudioError: the box is too small, or nothing in it stands out.
    """
    left, top, right, bottom = (min(max(float(edge), 0.0), 1.0) for edge in box)
    if min(right - left, bottom - top) < LEAST_BOX:
        raise StudioError("This box is too small.", "Draw it around the whole subject.")
    pixels, others = small_copy(square), _union(beside)
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    inside = (x > left) & (x < right) & (y > top) & (y < bottom) & ~others
    round_off = ((2 * x - left - right) / (right - left)) ** 2 + (
        (2 * y - top - bottom) / (bottom - top)
    ) ** 2
    nothing = StudioError("Nothing stands out in this box.", "Draw it closer, or paint with the brush.")
    if (edges(pixels) * inside).max() == 0 or inside.all() or not inside.any():
        raise nothing
    found = grab_cut(pixels, np.zeros_like(inside), ~inside, (round_off < 1) & inside) & inside
    if not found.any() or part_areas(found)[0] < LEAST_BOX * inside.sum():
        raise nothing
    return large_mask(main_parts(found) & ~others, square)


def corrected_mask(
    square: Image.Image,
    mask: Image.Image,
    click: tuple[float, float],
    adds: bool,
    beside: Sequence[Image.Image] = (),
    step: int = 0,
) -> Image.Image:
    """Return a mask with the part around a click added or taken away, as `propose_mask` does.

    Nothing far from the click changes. Raises StudioError when nothing to add stands out there.

    Args:
        mask: "L", of any size, with something in it.
        adds: whether the click is on what is missing; else on what is not the subject.
        step: as for `propose_mask`, of the part.
    """
    pixels, others, disc = small_copy(square), _union(beside), _discs([click])
    before = _union([mask])
    if not edges(pixels).any():
        if adds:
            raise _nothing()
        return large_mask(before & ~disc, square)
    distance = _distance([click])
    if adds:
        results = [
            result
            for result in _added(pixels, before, disc, others, distance)
            if outline_strength(pixels, result & ~before) >= FAINT_PART
        ]
        if not results:
            raise _nothing()
    else:
        results = list(_cut(pixels, before, disc, distance))
    parts = [result ^ before for result in results]
    strengths = [outline_strength(pixels, result) + PLAIN for result in results]
    scores = [strength * agreement(part, parts) for strength, part in zip(strengths, parts, strict=True)]
    best = before ^ stepped(parts, scores, step)
    fine = np.asarray(mask.convert("L").resize(square.size, Image.Resampling.NEAREST)) > 127
    changed = np.asarray(large_mask(best ^ before, square)) > 127  # the rest keeps its fine outline
    return Image.fromarray(np.where((fine | changed) if adds else (fine & ~changed), 255, 0).astype(np.uint8))


def _nothing() -> StudioError:
    return StudioError(
        "Nothing stands out there.", "Click on the subject, draw a box around it, or paint it with the brush."
    )


def _added(
    pixels: np.ndarray, before: np.ndarray, disc: np.ndarray, others: np.ndarray, distance: np.ndarray
) -> Iterable[np.ndarray]:
    """Yield masks with a part more, one for each size of it."""
    for radius in PART_RADII:
        surely = before | disc
        surely_not = ((distance > FAR * radius) | others) & ~surely
        found = grab_cut(pixels, surely, surely_not, distance < radius)
        yield without_holes(before | touching((found & ~before) | disc, disc)) & ~(others & ~disc)


def _cut(
    pixels: np.ndarray, before: np.ndarray, disc: np.ndarray, distance: np.ndarray
) -> Iterable[np.ndarray]:
    """Yield masks with a part less, one for each size of it."""
    for radius in PART_RADII:
        surely = before & (distance > FAR * radius) & ~disc
        found = grab_cut(pixels, surely, (~before | disc) & ~surely, before & (distance > radius))
        yield before & ~touching((before & ~found) | disc, disc)


def _distance(clicks: Sequence[tuple[float, float]]) -> np.ndarray:
    """Return the distance to the nearest click, in sides of the square, (SIDE, SIDE)."""
    y, x = (np.mgrid[:SIDE, :SIDE] + 0.5) / SIDE
    return np.min([np.hypot(x - left, y - top) for left, top in np.clip(clicks, 0, 1)], axis=0)


def _first_guess(cost: np.ndarray, clicked: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the pixels that are likely the subject, and those that surely are not, (h, w) bool each.

    Args:
        cost (h, w): of a step to each pixel.
        clicked (h, w): bool, the discs around the clicks.
        others (h, w): bool, the masks of other subjects.
    """
    border = on_border(cost.shape)
    from_click = geodesic(cost, clicked)
    border &= from_click >= CUT_OFF * np.median(from_click[border])
    from_border = geodesic(cost, (border | others) & ~clicked)
    level = min(otsu(from_border), 0.5 * float(np.median(from_border[clicked])))
    likely = touching((from_border > level) & (from_click < NEARER * from_border), clicked)
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
