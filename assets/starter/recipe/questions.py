"""What the starter is asked when it is measured: prompts, and what has to be seen in the pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from .drawings import Drawing, world
from .scenes import with_article


@dataclass(frozen=True)
class Asked:
    """A prompt and what has to be seen: nouns from left to right, and the background's colour."""

    prompt: str
    nouns: tuple[str, ...]
    colour: str


def spread(values: Sequence, count: int, random: np.random.Generator) -> list:
    """`count` of the values, each in turn, in a random order."""
    order = random.permutation(len(values))
    return [values[order[number % len(values)]] for number in range(count)]


def plain(count: int, seed: int = 0) -> list[Asked]:
    """A noun on a colour: every noun in turn, every colour equally often."""
    nouns = spread(list(world()["nouns"]), count, np.random.default_rng(seed))
    return [
        Asked(f"{with_article(noun)} on a {colour} background", (noun,), colour)
        for noun, colour in zip(nouns, cycle(world()["colours"]), strict=False)
    ]


def styled(drawings: Sequence[Drawing], count: int, seed: int = 1) -> list[Asked]:
    """A style of a noun on a colour, for the styles and nouns of `drawings`."""
    styles = world()["styles"]
    known = [drawing for drawing in drawings if drawing.source in styles]
    chosen = spread(known, count if known else 0, np.random.default_rng(seed))
    return [
        Asked(
            f"a {styles[drawing.source]} of {with_article(drawing.noun)} on a {colour} background",
            (drawing.noun,),
            colour,
        )
        for drawing, colour in zip(chosen, cycle(world()["colours"]), strict=False)
    ]


def pairs(count: int, seed: int = 2) -> list[Asked]:
    """Two nouns side by side on a colour."""
    random = np.random.default_rng(seed)
    left, right = (spread(list(world()["nouns"]), count, random) for _ in range(2))
    return [
        Asked(f"{with_article(a)} and {with_article(b)} on a {colour} background", (a, b), colour)
        for a, b, colour in zip(left, right, cycle(world()["colours"]), strict=False)
        if a != b
    ]
