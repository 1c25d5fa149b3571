"""What the base sees in pictures and photos, and the figures of a verdict that follow from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.evaluation.measures import pairs
from studio.evaluation.part_matching import directions, found_in_others, parts_found

MOST = 1e6  # a larger figure says no more
MIN_ROOM = 0.1  # between the noun and the photos: less is as much as another seed makes


@dataclass(frozen=True)
class Looks:
    """What the base sees in n pictures.

    Args:
        cells (n, k, d): features of their cells.
        errors (n,): how wrong the base is about each.
        contrast (n,): spread of the latents within each.
        weights (n, k): how much of each cell is the subject; None where nobody said where it is.
    """

    cells: Tensor
    errors: Tensor
    contrast: Tensor
    weights: Tensor | None = None

    @property
    def features(self) -> Tensor:
        """Return features (n, d) of unit length of whole pictures."""
        return F.normalize(self.cells.mean(1), dim=1)

    @property
    def is_finite(self) -> bool:
        """Return whether everything is a number."""
        return all(bool(each.isfinite().all()) for each in (self.cells, self.errors, self.contrast))


def compare_looks(
    learned: Looks, learned_scene: Looks, plain: Looks, plain_scene: Looks, photos: Looks, others: Looks
) -> dict[str, Any]:
    """Return the figures of a verdict by name (`studio.concepts.verdict` has the formulas).

    Args:
        learned, plain: with the concept and with the plain noun, from the same n >= 2 seeds in order.
        learned_scene, plain_scene: the same with a scene in the prompt.
        photos: m of the subject.
        others: the same m >= 2, or what stands for the other photos where there is only one.
    """
    centre = torch.cat([photos.cells.mean((0, 1))[None], plain.cells.mean((0, 1))[None]]).mean(0)
    views = (photos, others, learned, plain, learned_scene, plain_scene)
    photo_cells, other_cells, learned_cells, plain_cells, *in_scene = directions(
        [view.cells for view in views], centre
    )
    weights = photos.weights
    ceiling = (
        found_in_others(photo_cells, weights)
        if others is photos
        else parts_found(photo_cells, other_cells, weights)[0]
    )
    found = parts_found(photo_cells, learned_cells, weights).mean(0)
    floor = parts_found(photo_cells, plain_cells, weights).mean()
    room = (ceiling.mean() - floor).clamp_min(MIN_ROOM)
    likenesses = (found - floor) / room
    found_in_scene, floor_in_scene = (parts_found(photo_cells, cells, weights).mean() for cells in in_scene)
    wanted = (plain_scene.features - plain.features).mean(0)
    change = (learned_scene.features - learned.features).mean(0)
    figures = {
        "likeness": likenesses.mean(),
        "likeness_in_scene": (found_in_scene - floor_in_scene) / room,  # no scene has the photos' ground
        "noise": likenesses.std(),
        "obeyed": (change @ wanted) / (wanted @ wanted).clamp_min(1e-12),
        "variety": (1 - pairs(learned.features)).mean() / (1 - pairs(plain.features)).mean().clamp_min(1e-12),
        "strange": torch.cat([learned.errors, learned_scene.errors]).mean()
        / torch.cat([plain.errors, plain_scene.errors]).mean().clamp_min(1e-12),
        "unknown": photos.errors.mean() / plain.errors.mean().clamp_min(1e-12),
        "contrast": learned.contrast.mean() / plain.contrast.mean().clamp_min(1e-12),
    }
    return {name: round(min(max(value.item(), -MOST), MOST), 4) for name, value in figures.items()}
