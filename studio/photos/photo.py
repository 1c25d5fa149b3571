"""Photos: opened from files, turned upright, cropped square, and refused with a reason.

The squares made here are what the page shows and what the methods train on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.limits import MAX_PHOTO_SIDE, MAX_PHOTOS, MIN_PHOTO_SIDE
from studio.photos.colours import plain_rgb
from studio.photos.cut_out import cut_out_mask
from studio.photos.decoding import DecodingError, decode
from studio.photos.photo_measures import SIDES, Measures, measure
from studio.words import tr

MAX_ZOOM = 4.0  # of a square
SAME_LEVELS = 2.0  # two photos are the same below this mean difference, of 255


@dataclass(frozen=True)
class Crop:
    """A square in the upright photo.

    Args:
        x, y: its position in the room that it has to move, 0 at the left or top, 1 at the right or bottom.
        zoom: the photo's short side divided by the square's side, 1 to 4.
    """

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """Return (left, top, right, bottom) in pixels of a `width` x `height` photo."""
        side = max(1, round(min(width, height) / min(max(self.zoom, 1.0), MAX_ZOOM)))
        left = round((width - side) * min(max(self.x, 0.0), 1.0))
        top = round((height - side) * min(max(self.y, 0.0), 1.0))
        return left, top, left + side, top + side


@dataclass(frozen=True)
class Photo:
    """One usable photo.

    Args:
        image: upright, RGB, at most 1024 px on its short side.
        crop: the square that is used.
        masks: by the subject's number from 0, "L" pictures of the photo's size, 255 = subject.
        caption: what it shows, empty where nobody said (`studio.photos.captions`).
        is_apart: whether it is put aside: scenes that were composed of it are learned in its place.
    """

    name: str
    image: Image.Image
    crop: Crop = Crop()
    masks: Mapping[int, Image.Image] = field(default_factory=dict)
    caption: str = ""
    is_apart: bool = False

    def cropped(self, crop: Crop) -> Photo:
        """Return this photo with another square."""
        return replace(self, crop=crop)

    @property
    def side(self) -> int:
        """Return the side of the square, in pixels of the photo."""
        left, _, right, _ = self.crop.box(*self.image.size)
        return right - left

    @functools.cached_property
    def measures(self) -> Measures:
        """What is measured on the square, once for each."""
        return measure(self.square(min(self.side, max(SIDES))))

    def square(self, side: int) -> Image.Image:
        """Return the square as a `side` x `side` RGB picture."""
        box = self.crop.box(*self.image.size)
        return self.image.resize((side, side), Image.Resampling.LANCZOS, box=box)

    def shows_mask(self, subject: int) -> bool:
        """Return whether the square has anything of the mask of a subject (by number)."""
        mask = self.masks.get(subject)
        return mask is not None and mask.crop(self.crop.box(*self.image.size)).getbbox() is not None

    def square_mask(self, subject: int, side: int) -> Image.Image | None:
        """Return the mask of a subject (by number) in the square, None when the square has nothing of it."""
        box = self.crop.box(*self.image.size)
        if not self.shows_mask(subject):
            return None
        return self.masks[subject].resize((side, side), Image.Resampling.BOX, box=box)

    def with_mask(self, subject: int, mask: Image.Image) -> Photo:
        """Return this photo with another mask of a subject in its square ("L", any size; empty for none)."""
        others = {number: other for number, other in self.masks.items() if number != subject}
        left, top, right, bottom = self.crop.box(*self.image.size)
        whole = self.masks.get(subject, Image.new("L", self.image.size)).copy()
        whole.paste(mask.convert("L").resize((right - left, bottom - top), Image.Resampling.BOX), (left, top))
        return replace(self, masks={**others, subject: whole} if whole.getbbox() else others)

    def without_subject(self, subject: int) -> Photo:
        """Return this photo without a subject; those after it move up by a number."""
        others = {number: mask for number, mask in self.masks.items() if number != subject}
        return replace(self, masks={number - (number > subject): mask for number, mask in others.items()})


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be used.

    Args:
        reason: why, a part of a sentence such as "it is damaged".
        kind: the same for many files at once, a key of `studio.photos.refusals.KINDS`.
    """

    name: str
    reason: str
    kind: str = "other"


def open_photo(path: Path, name: str = "") -> Photo:
    """Open one file. Raises StudioError with the reason when it cannot be a photo.

    The picture is rebuilt from its pixels (`studio.photos.colours`): colour profiles are applied, and like
    location data do not survive. A cut-out brings the mask of the first subject.
    """
    image = decode(path, MAX_PHOTO_SIDE, MIN_PHOTO_SIDE)
    mask = cut_out_mask(image)
    return Photo(name or path.name, plain_rgb(image), masks={} if mask is None else {0: mask})


def _thumbnail(image: Image.Image) -> np.ndarray:
    """Return the picture as (16, 16, 3) float32, in which copies of one photo differ by a level or two."""
    return np.asarray(image.resize((16, 16), Image.Resampling.BOX), dtype=np.float32)


def _spread(image: Image.Image) -> float:
    """Return the standard deviation of the picture in grey, 0 to 127."""
    return float(np.asarray(image.convert("L").resize((64, 64))).std())


def open_photos(paths: Iterable[Path], others: Sequence[Photo] = ()) -> tuple[list[Photo], list[Refusal]]:
    """Return the usable photos among these files and the refusals of the rest.

    `others` are photos there are already: one that shows the same as any of them is refused.
    """
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    thumbnails = [(_thumbnail(photo.image), photo.name) for photo in others]
    for path in map(Path, paths):
        try:
            photo = open_photo(path)
        except StudioError as error:
            kind = error.kind if isinstance(error, DecodingError) else "other"
            refusals.append(Refusal(path.name, f"{error.message}. {error.hint}", kind))
            continue
        thumbnail = _thumbnail(photo.image)
        same = (name for one, name in thumbnails if np.abs(thumbnail - one).mean() < SAME_LEVELS)
        twin = next(same, "")
        if twin:
            refusals.append(Refusal(path.name, tr("it shows the same as {photo}", photo=twin), "same"))
        elif _spread(photo.image) < 1.0:
            refusals.append(Refusal(path.name, tr("it is one flat colour"), "flat"))
        elif len(others) + len(photos) >= MAX_PHOTOS:
            reason = tr("{most} photos are the most that can be used at once", most=MAX_PHOTOS)
            refusals.append(Refusal(path.name, reason, "many"))
        else:
            photos.append(photo)
            thumbnails.append((thumbnail, photo.name))
    return photos, refusals
