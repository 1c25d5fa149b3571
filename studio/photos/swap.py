"""Photos that made room for others, such as those of a demo subject, until they come back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from studio.photos.photo import Photo


class Naming(NamedTuple):
    """What the form says of photos: how many subjects they show, and the name and noun of the first."""

    subjects: int
    name: str
    noun: str


@dataclass(frozen=True)
class Swap:
    """Photos that made room for others.

    Args:
        photos: those that made room, also those that were put aside for scenes.
        others: the pictures of those that came in their place.
        naming: what the form said of those that made room.
    """

    photos: tuple[Photo, ...]
    others: tuple[Image.Image, ...]
    naming: Naming

    def brought(self, photo: Photo) -> bool:
        """Return whether a photo is one of the others, also when it was changed since: its picture stays."""
        return any(photo.image is other for other in self.others)
