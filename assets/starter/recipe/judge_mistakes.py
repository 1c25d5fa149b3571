"""Show the judge's mistakes: drawings that it misnames, each beside a drawing of the noun that it guessed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from studio.models.clip import Clip

from .drawings import Drawing
from .judge_evaluation import guess_nouns, one_scene_each

PICTURE_SIDE, LINE_HEIGHT, COLUMNS = 64, 15, 6


@dataclass(frozen=True)
class Mistake:
    """A picture that the judge misnames.

    `group`: the split that its drawing belongs to, for example "left_out". `noun`: what it shows.
    `guess`: the judge's answer.
    """

    group: str
    picture: Image.Image
    noun: str
    guess: str


def find_mistakes(judge: Clip, groups: Mapping[str, Sequence[Drawing]], per_group: int = 18) -> list[Mistake]:
    """Return up to `per_group` mistakes of the judge in each group of drawings, evenly spaced among all."""
    chosen = []
    for group, drawings in groups.items():
        pictures = one_scene_each(list(drawings), 101)
        guesses = [guess for (guess,) in guess_nouns(judge, pictures, 1)]
        mistakes = [
            Mistake(group, picture, drawing.noun, guess)
            for drawing, picture, guess in zip(drawings, pictures, guesses, strict=True)
            if guess != drawing.noun
        ]
        indices = np.linspace(0, len(mistakes) - 1, min(per_group, len(mistakes))).round().astype(int)
        chosen += [mistakes[index] for index in indices]
    return chosen


def mistakes_sheet(mistakes: Sequence[Mistake], trained: Sequence[Drawing]) -> Image.Image:
    """Draw each mistake beside a drawing of the noun that was guessed, with both nouns below.

    `trained`: the drawings to choose the second from.
    """
    examples = {drawing.noun: drawing for drawing in trained}
    width, height = 2 * PICTURE_SIDE + 12, PICTURE_SIDE + 2 * LINE_HEIGHT + 6
    rows = max(1, -(-len(mistakes) // COLUMNS))
    page = Image.new("RGB", (COLUMNS * width, rows * height), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(11)
    for number, mistake in enumerate(mistakes):
        left, top = number % COLUMNS * width, number // COLUMNS * height
        page.paste(mistake.picture.resize((PICTURE_SIDE, PICTURE_SIDE)), (left, top))
        if mistake.guess in examples:
            (example,) = one_scene_each([examples[mistake.guess]], 101)
            page.paste(example.resize((PICTURE_SIDE, PICTURE_SIDE)), (left + PICTURE_SIDE, top))
        title = f"{mistake.noun}, {mistake.group.replace('_', ' ')}"
        pen.text((left + 2, top + PICTURE_SIDE), title, "black", font)
        pen.text((left + 2, top + PICTURE_SIDE + LINE_HEIGHT), f"read as {mistake.guess}", "#a03020", font)
    return page.quantize(128)
