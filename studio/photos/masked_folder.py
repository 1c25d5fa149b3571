"""Folders of photos for the command line, and the masks that lie in them.

A photo `dog.jpg` may have beside it the mask of each thing in it: `masks/lily/dog.png`, white where <lily>
is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from studio.errors import StudioError
from studio.photos.mask_checks import binary_mask
from studio.photos.photo import Photo, Refusal, open_photos
from studio.photos.photo_set import MASKS

MAX_SHAPE_RATIO = 1.02  # how much longer, for its height, a mask may be than its photo


def open_masked(files: Sequence[Path], handles: Sequence[str]) -> tuple[list[Photo], list[Refusal]]:
    """The usable photos with the masks of these handles, and why others cannot be used. Raises StudioError
    for a mask that cannot be read or has another shape than its photo."""
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    for path in files:
        opened, refused = open_photos([path], photos)
        photos += [_masked(photo, path, handles) for photo in opened]
        refusals += refused
    return photos, refusals


def _masked(photo: Photo, path: Path, handles: Sequence[str]) -> Photo:
    """The photo that was read from `path` with the masks that lie beside it."""
    masks = {}
    for number, handle in enumerate(handles):
        place = path.parent / MASKS / handle.strip("<>") / f"{path.stem}.png"
        if not place.exists():
            continue
        try:
            mask = binary_mask(Image.open(place))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise StudioError(f"The mask {place} cannot be read.", "Save it again as PNG.") from error
        wide, high = mask.width * photo.image.height, mask.height * photo.image.width
        if max(wide, high) > MAX_SHAPE_RATIO * min(wide, high):
            hint = "Paint it over the whole photo, white where the subject is."
            raise StudioError(f"The mask {place} has another shape than its photo.", hint)
        masks[number] = mask.resize(photo.image.size, Image.Resampling.NEAREST)
    return dataclasses.replace(photo, masks=masks)
