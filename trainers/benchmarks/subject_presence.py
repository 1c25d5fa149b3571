"""What is there in a picture of several concepts: each of them, one of them twice, or something in between.

Two kinds of cut-outs are shown to a judge, beside an unseen photo of each of the k subjects:

`parts`    the whole picture and a grid of windows of about half its side: whatever is anywhere, one holds it
`places`   for each handle the square that its word looks at in the finished picture, by the cross-attention
           of the base with every edit acting (`studio.models.attention`), whichever mode it was painted in
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

WINDOW, STEPS = 0.54, 3  # side of a window, as a share of the picture's, and windows along each side
ATTENDED = 0.5  # of the largest attention: what counts as the place
FRAME = 3.8  # a filled square has a side of sqrt(12) standard deviations; the rest is margin
SIDE_LOW = 0.3


@dataclass(frozen=True)
class Seen:
    """The judge's cosines in one picture: of its parts (w, k) and of the handles' places (k, k, by handle and
    subject) with the subjects; and of the picture with its prompt in plain nouns."""

    parts: list[list[float]]
    places: list[list[float]]
    agreement: float

    def likeness(self, subject: int) -> float:
        """The likeness of the part that is most like a subject."""
        return max(part[subject] for part in self.parts)

    def present(self, subject: int, bar: float) -> bool:
        """Whether some part is more like this subject than like any other, and more than `bar`."""
        return any(part[subject] == max(part) and part[subject] > bar for part in self.parts)

    def all_present(self, bars: Sequence[float]) -> bool:
        """Whether every subject is present."""
        return all(self.present(subject, bar) for subject, bar in enumerate(bars))

    @property
    def nearest(self) -> list[int]:
        """The subject that each handle's place is most like."""
        return [place.index(max(place)) for place in self.places]

    @property
    def swapped(self) -> bool:
        """Whether two handles have each other's subject."""
        nearest = self.nearest
        return any(nearest[other] == mine != other for mine, other in enumerate(nearest))

    @property
    def dominated(self) -> bool:
        """Whether all places are most like one and the same subject."""
        return len(self.nearest) > 1 and len(set(self.nearest)) == 1

    def blended(self, bars: Sequence[float]) -> bool:
        """Whether a place is over the bars of two subjects at once."""
        return any(sum(c > bar for c, bar in zip(place, bars, strict=True)) > 1 for place in self.places)


def windows(picture: Image.Image) -> list[Image.Image]:
    """The parts: the whole picture, then the grid row by row, each of the picture's own size."""
    side, cut = picture.width, round(WINDOW * picture.width)
    starts = [round((side - cut) * step / (STEPS - 1)) for step in range(STEPS)]
    boxes = [(left, top, left + cut, top + cut) for top in starts for left in starts]
    return [picture, *(_cut(picture, box) for box in boxes)]


def place(picture: Image.Image, attention: Tensor) -> Image.Image:
    """The square of a picture that a word looks at, `attention` (s, s)."""
    peaks = torch.where(attention >= ATTENDED * attention.max(), attention, 0.0).double().cpu().numpy()
    size = len(peaks)
    cells = (np.arange(size) + 0.5) / size
    middles, spreads = [], []
    for shares in (peaks.sum(0) / peaks.sum(), peaks.sum(1) / peaks.sum()):
        middle = (shares * cells).sum()
        middles.append(middle)
        spreads.append(np.sqrt((shares * (cells - middle) ** 2).sum() + 1 / (12 * size**2)))
    side = min(1.0, max(SIDE_LOW, FRAME * max(spreads)))
    left, top = (min(max(middle - side / 2, 0.0), 1 - side) for middle in middles)
    corners = (round(picture.width * share) for share in (left, top, left + side, top + side))
    x0, y0, x1, y1 = corners
    return _cut(picture, (x0, y0, x1, y1))


def _cut(picture: Image.Image, box: tuple[int, int, int, int]) -> Image.Image:
    return picture.crop(box).resize(picture.size, Image.Resampling.BICUBIC)
