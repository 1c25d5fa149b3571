"""Photos: open what people really have, turn it upright, crop it square, and say why one cannot be used.

The squares made here are what the page shows and what the methods train on.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageOps

from studio.errors import StudioError

FORMATS = ("PNG", "JPEG", "WEBP", "HEIF", "AVIF", "GIF", "BMP", "TIFF")
MAX_PIXELS = 100_000_000
MIN_SIDE = 32
MAX_ASPECT = 5.0
MAX_SHORT_SIDE = 1024
MAX_PHOTOS = 30
SAME_LEVELS = 2.0

pillow_heif.register_heif_opener()


@dataclass(frozen=True)
class Crop:
    """A square in the upright photo, in fractions: `x` and `y` place it (0 left/top, 1 right/bottom) in
    the room it has, `zoom` is the short side divided by the square's side (1 to 4)."""

    x: float = 0.5
    y: float = 0.5
    zoom: float = 1.0

    def box(self, width: int, height: int) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in pixels of a `width` x `height` photo."""
        side = max(1, round(min(width, height) / min(max(self.zoom, 1.0), 4.0)))
        left = round((width - side) * min(max(self.x, 0.0), 1.0))
        top = round((height - side) * min(max(self.y, 0.0), 1.0))
        return left, top, left + side, top + side


@dataclass(frozen=True)
class Photo:
    """One usable photo: upright, RGB, at most 1024 px on its short side, with the square that is used.

    `masks` are "L" pictures of the photo's size, 255 where a subject is, by the subject's number (0 is the
    first); they stay where they are when the square moves.
    """

    name: str
    image: Image.Image
    crop: Crop = Crop()
    masks: Mapping[int, Image.Image] = field(default_factory=dict)

    def cropped(self, crop: Crop) -> Photo:
        """The same photo with another square."""
        return replace(self, crop=crop)

    @property
    def side(self) -> int:
        """The side of the square, in pixels of the photo."""
        left, _, right, _ = self.crop.box(*self.image.size)
        return right - left

    def square(self, side: int) -> Image.Image:
        """The square as a `side` x `side` RGB picture."""
        box = self.crop.box(*self.image.size)
        return self.image.resize((side, side), Image.Resampling.LANCZOS, box=box)

    def square_mask(self, subject: int, side: int) -> Image.Image | None:
        """The mask of a subject (by number) in the square, or None when nothing of it is in the square."""
        box = self.crop.box(*self.image.size)
        if subject not in self.masks or not self.masks[subject].crop(box).getbbox():
            return None
        return self.masks[subject].resize((side, side), Image.Resampling.BOX, box=box)

    def with_mask(self, subject: int, mask: Image.Image) -> Photo:
        """The same photo with another mask of a subject in its square ("L", any size). A mask of nothing is
        none."""
        others = {number: other for number, other in self.masks.items() if number != subject}
        left, top, right, bottom = self.crop.box(*self.image.size)
        whole = self.masks.get(subject, Image.new("L", self.image.size)).copy()
        whole.paste(mask.convert("L").resize((right - left, bottom - top), Image.Resampling.BOX), (left, top))
        return replace(self, masks={**others, subject: whole} if whole.getbbox() else others)

    def without_subject(self, subject: int) -> Photo:
        """The same photo when a subject is learned no more: the later ones move up by a number."""
        kept = {number: mask for number, mask in self.masks.items() if number != subject}
        return replace(self, masks={number - (number > subject): mask for number, mask in kept.items()})


@dataclass(frozen=True)
class Refusal:
    """A file that cannot be used, and why, in words."""

    name: str
    reason: str


def files_in(places: Sequence[Path]) -> list[Path]:
    """The files that these are or hold, in order. Raises StudioError when there is nothing there."""
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise StudioError(f"There is no {place}.", "Name photos, or a folder with photos in it.")
        files += sorted(path for path in place.iterdir() if path.is_file()) if place.is_dir() else [place]
    return files


def open_photo(path: Path, name: str = "") -> Photo:
    """Open one file. Raises StudioError with the reason when it cannot be a photo.

    Colour profiles and location data do not survive: the picture is rebuilt from its pixels. Transparent
    parts become white; sixteen-bit grey is scaled, not clipped.
    """
    name = name or path.name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as opened:
                width, height = opened.size
                if width * height > MAX_PIXELS:
                    raise StudioError(
                        f"it has {width * height // 1_000_000} million pixels", "Make it smaller."
                    )
                if min(width, height) < MIN_SIDE:
                    raise StudioError(f"it is only {width} x {height} pixels", "Choose a larger photo.")
                if max(width, height) > MAX_ASPECT * min(width, height):
                    raise StudioError("it is too long and narrow", "Cut it closer to a square.")
                opened.draft("RGB", (2 * MAX_SHORT_SIDE, 2 * MAX_SHORT_SIDE))
                image = _rgb(ImageOps.exif_transpose(opened))
    except StudioError:
        raise
    except Image.DecompressionBombError as error:
        raise StudioError("it claims to have far too many pixels", "Choose another file.") from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        unknown = isinstance(error, Image.UnidentifiedImageError)
        reason = (
            "it is not a picture in a format this studio reads" if unknown else "it is damaged or cut short"
        )
        raise StudioError(reason, "Open it in an image program and save it as PNG or JPEG.") from error
    scale = MAX_SHORT_SIDE / min(image.size)
    if scale < 1:
        image = image.resize(
            (round(image.width * scale), round(image.height * scale)), Image.Resampling.LANCZOS
        )
    return Photo(name, image)


def _rgb(image: Image.Image) -> Image.Image:
    """`image` as plain RGB, with nothing but pixels."""
    if image.mode.startswith("I;16") or image.mode == "I":
        grey = np.asarray(image).astype(np.uint32)
        image = Image.fromarray((grey >> 8).clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    return Image.fromarray(np.asarray(image.convert("RGB")))


def _glance(image: Image.Image) -> np.ndarray:
    """The picture at a glance, (16, 16, 3): copies of one photo differ here by a grey level or two."""
    return np.asarray(image.resize((16, 16), Image.Resampling.BOX), dtype=np.float32)


def _spread(image: Image.Image) -> float:
    """How much the picture varies at all: its grey standard deviation, 0 to 127."""
    return float(np.asarray(image.convert("L").resize((64, 64))).std())


def open_photos(paths: Iterable[Path], kept: Sequence[Photo] = ()) -> tuple[list[Photo], list[Refusal]]:
    """Open files beside those already `kept`: the usable ones, and every other one with its reason."""
    photos: list[Photo] = []
    refusals: list[Refusal] = []
    glances = [(_glance(photo.image), photo.name) for photo in kept]
    for path in map(Path, paths):
        try:
            photo = open_photo(path)
        except StudioError as error:
            refusals.append(Refusal(path.name, f"{error.message}. {error.hint}"))
            continue
        glance = _glance(photo.image)
        twin = next((name for other, name in glances if np.abs(glance - other).mean() < SAME_LEVELS), "")
        if twin:
            refusals.append(Refusal(path.name, f"it shows the same as {twin}"))
        elif _spread(photo.image) < 1.0:
            refusals.append(Refusal(path.name, "it is one flat colour"))
        elif len(kept) + len(photos) >= MAX_PHOTOS:
            refusals.append(Refusal(path.name, f"{MAX_PHOTOS} photos are the most that can be used at once"))
        else:
            photos.append(photo)
            glances.append((glance, photo.name))
    return photos, refusals
