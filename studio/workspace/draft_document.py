"""A draft as it is in memory, and as it lies on disk."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.documents import FileName, Number, Scalar, ShortText
from studio.errors import StudioError
from studio.limits import MAX_CAPTION_LETTERS, MAX_DRAFT_FIELDS, MAX_PHOTO_SIDE, MAX_PHOTOS
from studio.photos.decoding import decode
from studio.photos.photo import Crop, Photo, open_photo
from studio.photos.swap import Naming, Swap

MAX_WITH_APART = 2 * MAX_PHOTOS  # photos, and those that were put aside for scenes

log = logging.getLogger("likeness.page")


@dataclass(frozen=True)
class Draft:
    """What one browser has filled in.

    Args:
        form: by the name of a control, its value, where it is not the default.
        photos: those of the next training, and those put aside for scenes.
        swap: the photos that those are in the place of.
    """

    form: Mapping[str, Scalar] = field(default_factory=dict)
    photos: tuple[Photo, ...] = ()
    swap: Swap | None = None


@dataclass(frozen=True)
class DraftPhoto:
    """A photo of a draft on disk.

    Args:
        file: its pixels.
        crop: x, y and zoom of its square.
        masks: by the subject's number, the file of its mask.
        is_apart: as of a Photo.
    """

    name: ShortText
    file: FileName
    crop: tuple[Number, Number, Number] = (0.5, 0.5, 1.0)
    masks: Annotated[dict[ShortText, FileName], MaxLen(MAX_PHOTOS)] = field(default_factory=dict)
    caption: Annotated[str, MaxLen(MAX_CAPTION_LETTERS)] = ""
    is_apart: bool = False


DraftPhotos = Annotated[tuple[DraftPhoto, ...], MaxLen(MAX_WITH_APART)]


@dataclass(frozen=True)
class DraftSwap:
    """A Swap of a draft on disk.

    Args:
        photos: those that made room.
        others: the files of the draft's photos that came in their place.
        subjects, name, noun: the naming of those that made room.
    """

    photos: DraftPhotos
    others: Annotated[tuple[FileName, ...], MaxLen(MAX_WITH_APART)]
    subjects: int
    name: ShortText
    noun: ShortText


@dataclass(frozen=True)
class DraftDocument:
    """A draft on disk. Those of earlier versions have no swap."""

    form: Annotated[dict[ShortText, Scalar], MaxLen(MAX_DRAFT_FIELDS)] = field(default_factory=dict)
    photos: DraftPhotos = ()
    swap: DraftSwap | None = None

    @property
    def files(self) -> set[str]:
        """The names of the files of all pictures."""
        photos = (*self.photos, *(self.swap.photos if self.swap else ()))
        return {name for photo in photos for name in (photo.file, *photo.masks.values())}

    def opened(self, folder: Path) -> Draft:
        """Return the draft with its pictures from a folder, without photos whose file cannot be used."""
        photos, swap = _opened(folder, self.photos), None
        if self.swap is not None and (made_room := _opened(folder, self.swap.photos)):
            others = tuple(photo.image for file, photo in photos if file in self.swap.others)
            naming = Naming(self.swap.subjects, self.swap.name, self.swap.noun)
            swap = Swap(tuple(photo for _, photo in made_room), others, naming)
        return Draft(self.form, tuple(photo for _, photo in photos), swap)


def _opened(folder: Path, kept: Sequence[DraftPhoto]) -> list[tuple[str, Photo]]:
    """Return the photos whose file can be used, with its name."""
    photos = ((one.file, _opened_photo(folder, one)) for one in kept)
    return [(file, photo) for file, photo in photos if photo is not None]


def _opened_photo(folder: Path, kept: DraftPhoto) -> Photo | None:
    """Return a photo of a draft, None when its file cannot be used. A mask that does not fit is left out."""
    try:
        photo = open_photo(folder / kept.file, kept.name)
        masks = {}
        for number, file in kept.masks.items():
            mask = decode(folder / file, MAX_PHOTO_SIDE).convert("L")
            if number.isdecimal() and len(number) == 1 and mask.size == photo.image.size:
                masks[int(number)] = mask
    except StudioError as error:
        log.warning("a photo of a draft is left out: %s", error)
        return None
    crop = Crop(*map(float, kept.crop))
    return Photo(kept.name, photo.image, crop, masks, kept.caption, kept.is_apart)
