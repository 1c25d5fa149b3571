"""Folders of photos with masks and captions, for the command line.

The mask of a photo `dog.jpg` is `masks/lily/dog.png`, white where <lily> is. For the first subject,
`dog-masklabel.png` beside the photo will do, as OneTrainer writes it. Other formats and capital letters are
taken as well. Its caption is `dog.txt` beside it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from studio.errors import StudioError
from studio.files import exists
from studio.photos.captions import SUFFIX, is_caption_file, with_captions
from studio.photos.mask_file import read_mask
from studio.photos.photo import Photo, Refusal, open_photos
from studio.photos.photo_set import MASKS

MASK_ENDING = "-masklabel"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")  # the first that there is
MAX_SHAPE_RATIO = 1.02  # how much longer, for its height, a mask may be than its photo


def open_masked(files: Sequence[Path], handles: Sequence[str]) -> tuple[list[Photo], list[Refusal]]:
    """Return the usable photos with captions and masks of these handles, and the refusals of the others.

    A text file that is no photo's caption is passed over: folders hold other notes as well.

    Raises StudioError for a mask that cannot be read or has another shape than its photo.
    """
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    for path in files:
        if path.stem.lower().endswith(MASK_ENDING) or is_caption_file(path):
            continue
        opened, refused = open_photos([path], photos)
        captions = [
            file for file in (path.with_suffix(SUFFIX), path.with_suffix(SUFFIX.upper())) if exists(file)
        ]
        captioned, unread = with_captions(opened, captions[:1])
        photos += [_masked(photo, path, handles) for photo in captioned]
        refusals += [*refused, *(unread if opened else ())]
    return photos, refusals


def _masked(photo: Photo, path: Path, handles: Sequence[str]) -> Photo:
    """Return the photo that was read from `path` with its masks."""
    masks = {}
    for number, handle in enumerate(handles):
        folders = _named(path.parent / MASKS, (handle.strip("<>"),))
        found = [file for folder in folders for file in _pictures(folder, path.stem)]
        if number == 0 and not found:
            found = _pictures(path.parent, f"{path.stem}{MASK_ENDING}")
        if not found:
            continue
        try:
            mask = read_mask(found[0])
        except StudioError as error:
            raise StudioError(f"The mask {found[0]} cannot be used: {error.message}.", error.hint) from error
        wide, high = mask.width * photo.image.height, mask.height * photo.image.width
        if max(wide, high) > MAX_SHAPE_RATIO * min(wide, high):
            hint = "Paint it over the whole photo, white where the subject is."
            raise StudioError(f"The mask {found[0]} has another shape than its photo.", hint)
        masks[number] = mask.resize(photo.image.size, Image.Resampling.NEAREST)
    return dataclasses.replace(photo, masks=masks)


def _pictures(folder: Path, stem: str) -> list[Path]:
    """Return the pictures in `folder` with this name, those in the likeliest format first."""
    return _named(folder, [f"{stem}{suffix}" for suffix in SUFFIXES])


def _named(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return what is in `folder` under these names, in their order; exactly so written before otherwise."""
    ranks = {name.lower(): rank for rank, name in enumerate(names)}
    found = folder.iterdir() if folder.is_dir() else ()
    matching = [path for path in found if path.name.lower() in ranks]
    return sorted(matching, key=lambda path: (ranks[path.name.lower()], path.name not in names, path.name))
