"""Masks drawn over a photo, one colour for each subject."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from studio.photos.photo import Photo
from studio.words import tr

# Four of the eight colours of Okabe and Ito (2008), which people with colour blindness can tell apart.
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7")
OPACITY = 0.55


@dataclass(frozen=True)
class Subjects:
    """The subjects in the photos.

    Args:
        names: as far as they have been typed, empty otherwise.
        needed: whether the method needs a mask of each.
        sorted: whether the caption of each photo is its category.
        max_scenes: how many scenes may be composed of them; 0 where the method learns one subject, or none
            by its masks.
    """

    names: tuple[str, ...] = ("",)
    needed: bool = False
    max_scenes: int = 0
    sorted: bool = False

    @property
    def titles(self) -> list[str]:
        """The name of every subject, or a word for it."""
        return [self.title(number) for number in range(len(self.names))]

    def title(self, number: int) -> str:
        """Return the name of a subject, or a word for it while it has none."""
        unnamed = tr("The thing") if len(self.names) == 1 else tr("Thing {number}", number=number + 1)
        return self.names[number] or unnamed


def with_mask_overlay(photo: Photo, side: int, subjects: Subjects) -> Image.Image:
    """Return the photo's square, `side` x `side` RGB, with the masks of the subjects over it."""
    picture = photo.square(side)
    for number, colour in zip(range(len(subjects.names)), COLOURS, strict=False):
        mask = photo.square_mask(number, side)
        if mask is not None:
            tinted = Image.blend(picture, Image.new("RGB", picture.size, colour), OPACITY)
            picture = Image.composite(tinted, picture, mask)
    return picture


def dot(number: int) -> str:
    """Return a dot in the colour of a subject."""
    return f'<i class="dot" style="background:{COLOURS[number]}"></i>'
