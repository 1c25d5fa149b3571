"""Where the judge goes wrong, as a picture: drawings beside one of what it takes them for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from studio.models.clip import Clip

from .drawings import Drawing
from .measure import guessed, placed

SIDE, LINE, COLUMNS = 64, 15, 6


@dataclass(frozen=True)
class Mistake:
    """A drawing of a noun, from a group such as "left_out", and the noun that it was `read` as."""

    group: str
    picture: Image.Image
    noun: str
    read: str


def mistakes(judge: Clip, groups: Mapping[str, Sequence[Drawing]], each: int = 18) -> list[Mistake]:
    """Up to `each` of the drawings of every group that the judge misnames, taken evenly from all of them."""
    found = []
    for group, drawings in groups.items():
        pictures = placed(list(drawings), 101)
        read = [guess for (guess,) in guessed(judge, pictures, 1)]
        every = [
            Mistake(group, picture, drawing.noun, guess)
            for drawing, picture, guess in zip(drawings, pictures, read, strict=True)
            if guess != drawing.noun
        ]
        places = np.linspace(0, len(every) - 1, min(each, len(every))).round().astype(int)
        found += [every[place] for place in places]
    return found


def mistakes_sheet(found: Sequence[Mistake], trained: Sequence[Drawing]) -> Image.Image:
    """Each mistake beside a trained drawing of what it was read as, with both nouns below."""
    examples = {drawing.noun: drawing for drawing in trained}
    width, height = 2 * SIDE + 12, SIDE + 2 * LINE + 6
    rows = max(1, -(-len(found) // COLUMNS))
    page = Image.new("RGB", (COLUMNS * width, rows * height), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for number, mistake in enumerate(found):
        left, top = number % COLUMNS * width, number // COLUMNS * height
        page.paste(mistake.picture.resize((SIDE, SIDE)), (left, top))
        if mistake.read in examples:
            (example,) = placed([examples[mistake.read]], 101)
            page.paste(example.resize((SIDE, SIDE)), (left + SIDE, top))
        pen.text((left + 2, top + SIDE), f"{mistake.noun}, {mistake.group.replace('_', ' ')}", "black", font)
        pen.text((left + 2, top + SIDE + LINE), f"read as {mistake.read}", "#a03020", font)
    return page.quantize(128)
