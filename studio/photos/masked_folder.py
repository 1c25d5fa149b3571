"""Folders of photos with masks and captions, for the command line, and masks dropped in with photos.

The mask of a photo `dog.jpg` is `masks/lily/dog.png` or `masks/lily/dog.jpg.png`, white where <lily> is. For
the first subject, `dog-masklabel.png` beside the photo will do, as OneTrainer writes it, and a photo that is
a cut-out brings its own. Other formats and capital letters are taken as well. Its caption is `dog.txt`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from studio.errors import StudioError
from studio.files import exists
from studio.photos.captions import SUFFIX, is_caption_file, with_captions
from studio.photos.mask_checks import subtract
from studio.photos.mask_file import read_mask
from studio.photos.photo import Photo, Refusal, open_photos
from studio.photos.photo_files import is_side_file
from studio.photos.photo_set import MASKS
from studio.words import tr

MASK_ENDING = "-masklabel"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".gif")  # the first that there is
MAX_SHAPE_RATIO = 1.02  # how much longer, for its height, a mask may be than its photo
FITS_NONE = tr("it is the mask of no photo here")


def is_mask_file(path: Path) -> bool:
    """Return whether a file is the mask of a photo beside it by its name."""
    return path.stem.lower().endswith(MASK_ENDING)


def open_masked(files: Sequence[Path], handles: Sequence[str]) -> tuple[list[Photo], list[Refusal]]:
    """Return the usable photos with captions and masks of these handles, and the refusals of the others.

    Masks that fit no photo are among the refusals. A text file that is no photo's caption is passed over:
    folders hold other notes as well.

    Raises StudioError for a mask that cannot be read or has another shape than its photo.
    """
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    for path in files:
        if is_mask_file(path) or is_caption_file(path):
            continue
        opened, refused = open_photos([path], photos)
        captions = [
            file for file in (path.with_suffix(SUFFIX), path.with_suffix(SUFFIX.upper())) if exists(file)
        ]
        captioned, unread = with_captions(opened, captions[:1])
        photos += [_masked(photo, path, handles) for photo in captioned]
        refusals += [*refused, *(unread if opened else ())]
    folders = dict.fromkeys(path.parent for path in files)
    return photos, [*refusals, *(refusal for folder in folders for refusal in _unfitting(folder, handles))]


def with_mask_files(photos: Sequence[Photo], files: Sequence[Path]) -> tuple[list[Photo], list[Refusal]]:
    """Return the photos with masks of the first subject: `dog-masklabel.png` is that of `dog.jpg`.

    Those that fit no photo or cannot be read are refused.
    """
    masked, refusals = list(photos), []
    for file in files:
        fitting = [n for n, photo in enumerate(masked) if _photo_name(file) in _names_of(photo.name)]
        if not fitting:
            refusals.append(Refusal(file.name, FITS_NONE, "mask"))
        for number in fitting:
            try:
                mask = _fitted(file, masked[number])
            except StudioError as error:
                refusals.append(Refusal(file.name, f"{error.message}. {error.hint}", "mask"))
            else:
                photo = masked[number]
                masked[number] = dataclasses.replace(photo, masks={**photo.masks, 0: mask})
    return masked, refusals


def _masked(photo: Photo, path: Path, handles: Sequence[str]) -> Photo:
    """Return the photo that was read from `path` with its masks."""
    masks = {}
    for number, handle in enumerate(handles):
        name = handle.strip("<>")
        folders = [inner for outer in _named(path.parent, (MASKS,)) for inner in _named(outer, (name,))]
        found = [file for folder in folders for file in _pictures(folder, *_names_of(path.name))]
        if number == 0 and not found:
            found = _pictures(path.parent, *(f"{name}{MASK_ENDING}" for name in _names_of(path.name)))
        if not found:
            continue
        try:
            masks[number] = _fitted(found[0], photo)
        except StudioError as error:
            message = tr("The mask {file} cannot be used: {reason}.", file=found[0], reason=error.message)
            raise StudioError(message, error.hint) from error
    if 0 in photo.masks and 0 not in masks:  # a cut-out may show the other subjects as well
        masks[0] = subtract(photo.masks[0], list(masks.values()))
    return dataclasses.replace(photo, masks=masks)


def _fitted(file: Path, photo: Photo) -> Image.Image:
    """Return the mask in a file at the photo's size. Raises StudioError, the message a part of a sentence."""
    mask = read_mask(file)
    wide, high = mask.width * photo.image.height, mask.height * photo.image.width
    if max(wide, high) > MAX_SHAPE_RATIO * min(wide, high):
        hint = "Paint it over the whole photo, white where the subject is."
        raise StudioError("it has another shape than its photo", hint)
    return mask.resize(photo.image.size, Image.Resampling.NEAREST)


def _unfitting(folder: Path, handles: Sequence[str]) -> list[Refusal]:
    """Return the refusals of the masks in a folder of photos that fit no file in it, or no subject."""
    entries = sorted(entry for entry in folder.iterdir() if not is_side_file(entry))
    known = {
        name.lower()
        for entry in entries
        if entry.is_file() and not is_mask_file(entry) and not is_caption_file(entry)
        for name in _names_of(entry.name)
    }
    refusals = [
        Refusal(entry.name, FITS_NONE)
        for entry in entries
        if entry.is_file() and is_mask_file(entry) and _photo_name(entry).lower() not in known
    ]
    subjects = {handle.strip("<>").lower() for handle in handles}
    place = ""
    if handles:
        folder_of_first = f"{MASKS}/{handles[0].strip('<>')}"
        text = "masks of {handle} belong into {folder}"
        place = tr(text, handle=handles[0], folder=folder_of_first)
    for masks in (entry for entry in entries if entry.is_dir() and entry.name.lower() == MASKS):
        for entry in sorted(entry for entry in masks.iterdir() if not is_side_file(entry)):
            name = f"{masks.name}/{entry.name}"
            if entry.is_file():
                refusals.append(Refusal(name, tr("it is in no subject's folder; {place}", place=place)))
            elif entry.name.lower() not in subjects:
                refusals.append(Refusal(name, tr("no subject has this name; {place}", place=place)))
            else:
                refusals += [
                    Refusal(f"{name}/{file.name}", FITS_NONE)
                    for file in sorted(entry.iterdir())
                    if not is_side_file(file) and file.is_file() and file.stem.lower() not in known
                ]
    return refusals


def _names_of(name: str) -> tuple[str, str]:
    """Return what the mask of a photo may be called, without its own ending: "dog" and "dog.jpg"."""
    return Path(name).stem, name


def _photo_name(file: Path) -> str:
    """Return the name of the photo that a mask beside it belongs to."""
    return file.stem[: -len(MASK_ENDING)]


def _pictures(folder: Path, *names: str) -> list[Path]:
    """Return the pictures in `folder` with one of these names, those in the likeliest format first."""
    return _named(folder, [f"{name}{suffix}" for name in names for suffix in SUFFIXES])


def _named(folder: Path, names: Sequence[str]) -> list[Path]:
    """Return what is in `folder` under these names, in their order; exactly so written before otherwise."""
    ranks = {name.lower(): rank for rank, name in enumerate(names)}
    found = folder.iterdir() if folder.is_dir() else ()
    matching = [path for path in found if path.name.lower() in ranks]
    return sorted(matching, key=lambda path: (ranks[path.name.lower()], path.name not in names, path.name))
