"""What photos show of a handle, and what stands for other photos where there is only one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from studio.edits.concept import Concept
from studio.photos.photo_set import PhotoSet

Box = tuple[int, int, int, int]  # left, top, right, bottom, in pixels

CLOSER = 0.1  # of a single photo's side that is cut off at each edge


@dataclass(frozen=True)
class Portrait:
    """What a photo shows of a handle, and the mask of it in the same square; None where nobody said."""

    picture: Image.Image
    mask: Image.Image | None = None


def portraits(photos: PhotoSet, handle: str, concept: Concept) -> list[Portrait]:
    """Return what the photos show of a handle.

    They are whole photos where it is the only handle: squares around their masks would be larger than what
    the base paints, and less of them would be found again. Else each is the square around a mask, so that
    the others are out of sight; a photo without one shows nothing of it.
    """
    masks = photos.masks.get(handle, (None,) * len(photos))
    both = zip(photos.squares, masks, strict=True)
    if len(concept.header.handles) == 1:
        return [Portrait(photo, mask) for photo, mask in both]
    boxes = ((photo, mask, _box_around(mask)) for photo, mask in both if mask is not None)
    return [Portrait(_square(photo, box), _square(mask, box)) for photo, mask, box in boxes if box]


def subject_weights(seen: Sequence[Portrait], side: int) -> Tensor | None:
    """Return how much of each of side x side cells of each portrait is the subject (m, side^2), 0..1.

    None where nobody said where it is. Of a portrait without a mask all cells count alike.
    """
    if not any(one.mask for one in seen):
        return None
    shares = [
        torch.ones(side, side)
        if one.mask is None
        else torch.from_numpy(
            np.asarray(one.mask.resize((side, side), Image.Resampling.BOX), dtype=np.float32) / 255
        )
        for one in seen
    ]
    return torch.stack(shares).flatten(1).clamp_min(1e-3)


def _box_around(mask: Image.Image) -> Box | None:
    """Return the box around a mask ("L", 255 where the subject is); None if it is empty."""
    return mask.point(lambda level: 255 * (level >= 128)).getbbox()


def _square(photo: Image.Image, box: Box) -> Image.Image:
    """Return the smallest square of a photo around a box, moved where it would leave the photo."""
    side = min(max(box[2] - box[0], box[3] - box[1]), *photo.size)
    left, top = (
        min(max((low + high - side) // 2, 0), length - side)
        for low, high, length in zip(box[:2], box[2:], photo.size, strict=True)
    )
    return photo.crop((left, top, left + side, top + side))


def variations(photo: Image.Image) -> list[Image.Image]:
    """Return pictures that stand for other photos of the same subject: its mirror image and a closer crop."""
    width, height = photo.size
    box = (
        round(CLOSER * width),
        round(CLOSER * height),
        round((1 - CLOSER) * width),
        round((1 - CLOSER) * height),
    )
    return [ImageOps.mirror(photo), photo.crop(box)]
