"""Checks of masks, and operations on them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.words import tr, trn

MAX_SHARE = 0.97  # of a photo that a mask may cover
MAX_OVERLAP = 0.85  # of the masks of two subjects (intersection over union)


def subtract(mask: Image.Image, beside: Sequence[Image.Image]) -> Image.Image:
    """Return `mask` without what belongs to other subjects. `beside` are "L" masks of any size."""
    rest = mask.copy()
    for other in beside:
        rest.paste(0, mask=binary_mask(other.resize(mask.size, Image.Resampling.BOX)))
    return rest


def binary_mask(picture: Image.Image) -> Image.Image:
    """Return a picture as a mask: "L", 255 where it is bright and opaque, 0 elsewhere."""
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    return picture.convert("L").point(lambda level: 255 if level > 127 else 0)


def masks_sentence(photos: Sequence[Photo], names: Sequence[str]) -> str:
    """Return how many photos have a mask of each subject, such as "4 of 5 photos have a mask."

    Args:
        names: of the subjects, in the order of their numbers.

    Returns an empty text when no photo has one.
    """
    counts = [sum(photo.shows_mask(number) for photo in photos) for number in range(len(names))]
    if not any(counts):
        return ""
    if len(names) == 1:
        if len(photos) == 1:
            return tr("1 of 1 photo has a mask.")
        one, several = "{count} of {total} photos has a mask.", "{count} of {total} photos have a mask."
        return trn(one, several, counts[0], total=len(photos))
    told = ", ".join(
        tr("{name} in {count}", name=name, count=count) for name, count in zip(names, counts, strict=True)
    )
    one, several = "Masks, of {count} photo: {masks}.", "Masks, of {count} photos: {masks}."
    return trn(one, several, len(photos), masks=told)


def check_masks(photos: PhotoSet, handles: Sequence[str], needed: bool) -> None:
    """Raise StudioError for masks that nothing can be learned from.

    Those cover nearly a whole photo, or are almost the same for two subjects. When masks are `needed`, every
    handle must have one in some photo.
    """
    for handle in handles:
        masks = photos.masks.get(handle, ())
        if needed and not any(mask is not None and mask.getbbox() for mask in masks):
            raise StudioError(
                "Paint {handle} in at least one photo.",
                "Select a photo, then click on it or paint over it.",
                handle=handle,
            )
        for number, mask in enumerate(masks, 1):
            if mask is not None and np.mean(np.asarray(mask) > 127) > MAX_SHARE:
                raise StudioError(
                    "The mask of {handle} covers nearly all of photo {number}.",
                    "Erase what is not {handle}, or clear the mask.",
                    handle=handle,
                    number=number,
                )
    for number in range(len(photos)):
        for one, other in combinations(handles, 2):
            first, second = (
                photos.masks.get(handle, (None,) * len(photos))[number] for handle in (one, other)
            )
            if first is not None and second is not None and overlap(first, second) > MAX_OVERLAP:
                raise StudioError(
                    "{one} and {other} have almost the same mask in photo {number}.",
                    "Give each its own: select the photo, then erase what is not it.",
                    one=one,
                    other=other,
                    number=number + 1,
                )


def overlap(one: Image.Image, other: Image.Image) -> float:
    """Return the intersection over union of two masks of one size, 0 to 1."""
    first, second = (np.asarray(mask.convert("L")) > 127 for mask in (one, other))
    return float((first & second).sum() / max(1, (first | second).sum()))
