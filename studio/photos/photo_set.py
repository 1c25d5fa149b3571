"""The training images with their masks and captions, and the folder in which they are kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.limits import MAX_PHOTO_SIDE
from studio.photos.captions import SUFFIX as CAPTION_SUFFIX
from studio.photos.captions import read_caption
from studio.photos.colours import plain_rgb
from studio.photos.decoding import decode
from studio.photos.photo import Photo

MASKS = "masks"
Kept = TypeVar("Kept")


@dataclass(frozen=True)
class PhotoSet:
    """The training images, masks and captions.

    Args:
        squares: n square RGB pictures.
        masks: by handle, n masks ("L", of the square's size, 255 = subject), None where the user made none.
        captions: n texts, empty for a photo without one; or none at all.
    """

    squares: tuple[Image.Image, ...]
    masks: Mapping[str, tuple[Image.Image | None, ...]] = field(default_factory=dict)
    captions: tuple[str, ...] = ()

    @classmethod
    def of(cls, photos: Sequence[Photo], handles: Sequence[str] = ()) -> PhotoSet:
        """Return the squares of these photos, none enlarged. Mask number i of a photo is that of handle i."""
        sides = [min(MAX_PHOTO_SIDE, photo.side) for photo in photos]
        squares = tuple(photo.square(side) for photo, side in zip(photos, sides, strict=True))
        masks = {}
        for number, handle in enumerate(handles):
            cut = tuple(photo.square_mask(number, side) for photo, side in zip(photos, sides, strict=True))
            if any(mask is not None for mask in cut):
                masks[handle] = cut
        captions = tuple(photo.caption for photo in photos)
        return cls(squares, masks, captions if any(captions) else ())

    def save(self, folder: Path) -> None:
        """Write the squares as 01.png, ..., their captions as 01.txt and the masks as masks/NAME/01.png."""
        folder.mkdir(parents=True, exist_ok=True)
        for number, square in enumerate(self.squares, 1):
            write_atomic(folder / f"{number:02d}.png", png_bytes(square))
        for number, caption in enumerate(self.captions, 1):
            if caption:
                write_atomic(folder / f"{number:02d}{CAPTION_SUFFIX}", caption.encode())
        for handle, masks in self.masks.items():
            subfolder = folder / MASKS / handle.strip("<>")
            subfolder.mkdir(parents=True, exist_ok=True)
            for number, mask in enumerate(masks, 1):
                if mask is not None:
                    write_atomic(subfolder / f"{number:02d}.png", png_bytes(mask))

    @classmethod
    def load(cls, folder: Path) -> PhotoSet:
        """Return the photos that `save` wrote. Raises StudioError when they are gone."""
        paths = sorted(folder.glob("*.png"))
        if not paths:
            raise StudioError(
                "The photos of this job are gone.", "Drop them in again and start a new training."
            )
        masks = {}
        for subfolder in sorted((folder / MASKS).glob("*/")):
            files = [subfolder / path.name for path in paths]
            masks[f"<{subfolder.name}>"] = tuple(
                _kept(file, _kept_mask) if file.exists() else None for file in files
            )
        texts = [path.with_suffix(CAPTION_SUFFIX) for path in paths]
        captions = tuple(_kept(text, read_caption) if text.exists() else "" for text in texts)
        squares = tuple(_kept(path, _kept_square) for path in paths)
        return cls(squares, masks, captions if any(captions) else ())

    def mask(self, handle: str, number: int, side: int) -> np.ndarray | None:
        """Return the mask of `handle` in square `number` (from 0), (side, side) float32 in 0..1, or None."""
        masks = self.masks.get(handle, ())
        mask = masks[number] if number < len(masks) else None
        if mask is None:
            return None
        return np.asarray(mask.resize((side, side), Image.Resampling.BOX), dtype=np.float32) / 255

    def pixels(self, side: int) -> np.ndarray:
        """Return the squares as (n, side, side, 3) uint8."""
        resized = (square.resize((side, side), Image.Resampling.LANCZOS) for square in self.squares)
        return np.stack([np.asarray(square) for square in resized])

    @property
    def digest(self) -> str:
        """Return a hash of all pixels of photos and masks, and of the captions."""
        digest = hashlib.sha256()
        masks = (mask for handle in sorted(self.masks) for mask in self.masks[handle])
        for picture in (*self.squares, *masks):
            digest.update(repr(picture.size).encode() + picture.tobytes() if picture else b"none")
        for caption in self.captions:
            digest.update(caption.encode() + b"\0")
        return digest.hexdigest()

    def __len__(self) -> int:
        return len(self.squares)


def _kept_square(path: Path) -> Image.Image:
    """Return a square; one that was cropped from a small photo may be smaller than any photo may be."""
    return plain_rgb(decode(path, MAX_PHOTO_SIDE))


def _kept_mask(path: Path) -> Image.Image:
    return decode(path, MAX_PHOTO_SIDE).convert("L")


def _kept(path: Path, read: Callable[[Path], Kept]) -> Kept:
    """Return what `read` makes of a file of `PhotoSet.save`. Raises StudioError with the file's name."""
    try:
        return read(path)
    except StudioError as error:
        hint = "Drop the photos in again and start a new training."
        raise StudioError(
            "{file} of this job cannot be used: {reason}.",
            hint,
            file=path.name,
            reason=error.message.rstrip("."),
        ) from error
