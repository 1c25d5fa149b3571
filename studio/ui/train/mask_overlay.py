"""The veil: the masks of a photo shown as colours over it, one colour for each subject."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from studio.photos.photo import Photo

# Four of the eight colours that Okabe and Ito (2008) chose to be told apart by everybody.
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7")
DENSITY = 0.55


@dataclass(frozen=True)
class Subjects:
    """What is to be seen in the photos, by the names it has so far, and whether the chosen method cannot do
    without masks."""

    names: tuple[str, ...] = ("",)
    needed: bool = False

    def title(self, number: int) -> str:
        """The name of a subject, or what stands for it while it has none."""
        return self.names[number] or ("it" if len(self.names) == 1 else f"Thing {number + 1}")


def veiled(photo: Photo, side: int, subjects: Subjects) -> Image.Image:
    """The square, `side` x `side` RGB, with the masks of these subjects over it."""
    picture = photo.square(side)
    for number, colour in zip(range(len(subjects.names)), COLOURS, strict=False):
        mask = photo.square_mask(number, side)
        if mask is not None:
            veil = Image.blend(picture, Image.new("RGB", picture.size, colour), DENSITY)
            picture = Image.composite(veil, picture, mask)
    return picture


def dot(number: int) -> str:
    """The colour of a subject, as a dot."""
    return f'<i class="dot" style="background:{COLOURS[number]}"></i>'
