"""Folders of photos with masks, for the command line.

The mask of a photo `dog.jpg` is `masks/lily/dog.png`, white where <lily> is. For the first subject,
`dog-masklabel.png` beside the photo will do, as OneTrainer writes it.
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

MASK_ENDING = "-masklabel"
MAX_SHAPE_RATIO = 1.02  # how much longer, for its height, a mask may be than its photo


def open_masked(files: Sequence[Path], handles: Sequence[str]) -> tuple[list[Photo], list[Refusal]]:
    """Return the usable photos with the masks of these handles, and the refusals of the others.

    Raises StudioError for a mask that cannot be read or has another shape than its photo.
    """
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    for path in files:
        if path.stem.endswith(MASK_ENDING):
            continue
        opened, refused = open_photos([path], photos)
        photos += [_masked(photo, path, handles) for photo in opened]
        refusals += refused
    return photos, refusals


def _masked(photo: Photo, path: Path, handles: Sequence[str]) -> Photo:
    """Return the photo that was read from `path` with its masks."""
    masks = {}
    for number, handle in enumerate(handles):
        file = path.parent / MASKS / handle.strip("<>") / f"{path.stem}.png"
        if number == 0 and not file.exists():
            file = path.with_name(f"{path.stem}{MASK_ENDING}.png")
        if not file.exists():
            continue
        try:
            mask = binary_mask(Image.open(file))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise StudioError(f"The mask {file} cannot be read.", "Save it again as PNG.") from error
        wide, high = mask.width * photo.image.height, mask.height * photo.image.width
        if max(wide, high) > MAX_SHAPE_RATIO * min(wide, high):
            hint = "Paint it over the whole photo, white where the subject is."
            raise StudioError(f"The mask {file} has another shape than its photo.", hint)
        masks[number] = mask.resize(photo.image.size, Image.Resampling.NEAREST)
    return dataclasses.replace(photo, masks=masks)
