"""What photos show of a handle, and what stands for other photos where there is only one."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from studio.edits.concept import Concept
from studio.evaluation.cp_clip import DetectedBox
from studio.photos.photo_set import PhotoSet

CLOSER = 0.1  # of a single photo's side that is cut off at each edge


def portraits(photos: PhotoSet, handle: str, concept: Concept) -> list[Image.Image]:
    """Return what the photos show of a handle.

    The square around its mask where it has masks, the whole photo where it is the only handle, else nothing.
    """
    if handle not in photos.masks:
        return list(photos.squares) if len(concept.header.handles) == 1 else []
    boxes = [DetectedBox.around(handle, mask) if mask else None for mask in photos.masks[handle]]
    return [_square(photo, box) for photo, box in zip(photos.squares, boxes, strict=True) if box is not None]


def subject_weights(photos: PhotoSet, handle: str, side: int) -> Tensor | None:
    """Return how much of each of side x side cells of each portrait is the subject (m, side^2), 0..1.

    None where nobody said where it is.
    """
    shares = []
    for mask in photos.masks.get(handle, ()):
        box = DetectedBox.around(handle, mask) if mask else None
        if mask is not None and box is not None:
            small = _square(mask, box).resize((side, side), Image.Resampling.BOX)
            shares.append(torch.from_numpy(np.asarray(small, dtype=np.float32) / 255).flatten())
    return torch.stack(shares).clamp_min(1e-3) if shares else None


def _square(photo: Image.Image, box: DetectedBox) -> Image.Image:
    """Return the smallest square of a photo around a box, moved where it would leave the photo."""
    side = min(max(box.right - box.left, box.bottom - box.top), *photo.size)
    left, top = (
        min(max((low + high - side) // 2, 0), length - side)
        for low, high, length in zip((box.left, box.top), (box.right, box.bottom), photo.size, strict=True)
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
