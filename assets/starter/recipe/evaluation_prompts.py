"""The prompts of the evaluation, each with what its picture has to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from .captions import with_article
from .drawings import Drawing, world
from .sceneries import SCENERIES


@dataclass(frozen=True)
class EvaluationPrompt:
    """A prompt and its expected picture.

    `nouns`: from left to right. `colour`: of the background, or empty where it is a `place`.
    """

    prompt: str
    nouns: tuple[str, ...]
    colour: str = ""
    place: str = ""


def sample_evenly(values: Sequence, count: int, random: np.random.Generator) -> list:
    """Return `count` values in random order, cycling through all of them before one is repeated."""
    order = random.permutation(len(values))
    return [values[order[number % len(values)]] for number in range(count)]


def one_object_prompts(count: int, seed: int = 0) -> list[EvaluationPrompt]:
    """Return prompts "a NOUN on a COLOUR background", all nouns and colours equally often."""
    nouns = sample_evenly(list(world()["nouns"]), count, np.random.default_rng(seed))
    return [
        EvaluationPrompt(f"{with_article(noun)} on a {colour} background", (noun,), colour)
        for noun, colour in zip(nouns, cycle(world()["colours"]), strict=False)
    ]


def styled_prompts(drawings: Sequence[Drawing], count: int, seed: int = 1) -> list[EvaluationPrompt]:
    """Return prompts "a STYLE of a NOUN on a COLOUR background", for the styles and nouns of `drawings`.

    Drawings whose style the starter does not know are skipped; without any, the list is empty.
    """
    styles = world()["styles"]
    known = [drawing for drawing in drawings if drawing.source in styles]
    chosen = sample_evenly(known, count if known else 0, np.random.default_rng(seed))
    return [
        EvaluationPrompt(
            f"a {styles[drawing.source]} of {with_article(drawing.noun)} on a {colour} background",
            (drawing.noun,),
            colour,
        )
        for drawing, colour in zip(chosen, cycle(world()["colours"]), strict=False)
    ]


def two_object_prompts(count: int, seed: int = 2) -> list[EvaluationPrompt]:
    """Return prompts "a NOUN and a NOUN on a COLOUR background"; pairs of equal nouns are dropped."""
    random = np.random.default_rng(seed)
    left, right = (sample_evenly(list(world()["nouns"]), count, random) for _ in range(2))
    return [
        EvaluationPrompt(f"{with_article(a)} and {with_article(b)} on a {colour} background", (a, b), colour)
        for a, b, colour in zip(left, right, cycle(world()["colours"]), strict=False)
        if a != b
    ]


def scenery_prompts(count: int, seed: int = 3) -> list[EvaluationPrompt]:
    """Return prompts "a NOUN PLACE", all nouns and places equally often."""
    random = np.random.default_rng(seed)
    nouns, places = (
        sample_evenly(values, count, random) for values in (list(world()["nouns"]), list(SCENERIES.values()))
    )
    return [
        EvaluationPrompt(f"{with_article(noun)} {place.phrases[0]}", (noun,), place=place.name)
        for noun, place in zip(nouns, places, strict=True)
    ]
