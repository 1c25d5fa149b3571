"""Outlines of one thing at several sizes: which of them is meant, and which are a step smaller or larger.

A click may mean an eye, a face or a person. Guesses of several sizes around it lead to several outlines.
The one is taken that many guesses lead to and that stands out plainly; the others are one press of a button
away. That the click lies in the middle of it is no sign: it helps on photographs where clicks are placed
so, and costs more where they are not.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from studio.photos.regions import outline_strength

PLAIN = 6.0  # is added to the strength of each outline, so that faint ones are told apart by agreement
FIRST = 1.6  # by how much the outline of the first guess, which knows the ground, goes before the others
ALIKE = 0.9  # overlap of two outlines that are one


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return the intersection of two masks (h, w) over their union, 0 to 1."""
    return float((one & other).sum() / max(1, (one | other).sum()))


def agreement(mask: np.ndarray, masks: Sequence[np.ndarray]) -> float:
    """Return the mean overlap of a mask with all that were found, itself included: how stable it is."""
    return sum(overlap(mask, other) for other in masks) / len(masks)


def likeliness(pixels: np.ndarray, masks: Sequence[np.ndarray]) -> list[float]:
    """Return how likely each mask (h, w) is the one that was meant, 0 or more; the first goes before others.

    Args:
        pixels (h, w, 3): uint8.
    """
    scores = []
    for number, mask in enumerate(masks):
        strength = outline_strength(pixels, mask) + PLAIN
        scores.append(strength * agreement(mask, masks) * (1.0 if number else FIRST))
    return scores


def stepped(masks: Sequence[np.ndarray], scores: Sequence[float], step: int) -> np.ndarray:
    """Return the mask with the best score, or one that is `step` sizes larger (smaller below 0) than that.

    Of masks that are nearly alike the one with the best score counts. Beyond the largest and the smallest
    there is no other.
    """
    distinct: list[np.ndarray] = []
    for number in np.argsort(scores)[::-1]:
        if all(overlap(masks[number], other) <= ALIKE for other in distinct):
            distinct.append(masks[number])
    areas = [int(mask.sum()) for mask in distinct]
    order = sorted(range(len(distinct)), key=areas.__getitem__)
    at = min(max(order.index(0) + step, 0), len(order) - 1)
    return distinct[order[at]]
