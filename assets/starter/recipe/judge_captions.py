"""Captions of the judge's training pictures, tokenised beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from .captions import with_article
from .drawings import world
from .judge_backgrounds import ANYTHING, Backgrounds, pick
from .judge_drawings import DrawingBank
from .vocabulary import MAX_TOKENS

CAPTIONS = 5  # per drawing
SUBJECTS = ("{a_noun}", "{a_noun}", "the {noun}", "{noun}", "one {noun}", "my {noun}")
PICTURED = (
    "a photo of {}",
    "a picture of {}",
    "a rendering of {}",
    "a close-up photo of {}",
    "a good photo of {}",
    "a rendition of {}",
)
STYLED = ("a {style} of {subject}", "{subject} as a {style}", "{subject}, {style}")
ON_COLOUR = ("on a", "on a", "in front of a", "with a")


def describe(noun: str, style: str, colour: str, random: np.random.Generator) -> str:
    """Return a caption of one object, in half of the cases with its style or its background colour."""
    a_noun = with_article(noun)
    subject = pick(SUBJECTS, random).format(a_noun=a_noun, noun=noun)
    if random.random() < 0.3:
        subject = pick(STYLED, random).format(subject=a_noun, style=style)
    elif random.random() < 0.7:
        subject = pick(PICTURED, random).format(subject)
    return f"{subject} {pick(ON_COLOUR, random)} {colour} background" if colour else subject


class CaptionTable:
    """Captions of every drawing.

    `tokens` (drawings, CAPTIONS, MAX_TOKENS). `styled` (drawings, CAPTIONS): whether the caption names the
    style. `places`, `times` (drawings, CAPTIONS): the background that it names, or ANYTHING; arrays.
    """

    def __init__(self, bank: DrawingBank, backgrounds: Backgrounds, merges: Path, seed: int = 0) -> None:
        random = np.random.default_rng(seed)
        tokenizer = SimpleTokenizer(str(merges), context_length=MAX_TOKENS)
        shape = len(bank.drawings), CAPTIONS
        self.places, self.times = (np.full(shape, ANYTHING) for _ in range(2))
        styled = np.zeros(shape, bool)
        self.texts: list[str] = []
        for index, drawing in enumerate(bank.drawings):
            noun, style = bank.words[index].strip("#"), world()["styles"][drawing.source]
            for number in range(CAPTIONS):
                kind = random.random()
                colour = pick(backgrounds.places[: backgrounds.colours], random) if kind < 0.4 else ""
                text = describe(noun, style, colour, random)
                styled[index, number] = style in text
                if colour:
                    self.places[index, number] = backgrounds.places.index(colour)
                elif kind < 0.75 and backgrounds.phrases:
                    place, time = self._pick(backgrounds, random)
                    self.places[index, number] = backgrounds.places.index(place)
                    text = f"{text} {pick(backgrounds.phrases['places'][place], random)}"
                    if random.random() < 0.5:
                        self.times[index, number] = backgrounds.times.index(time)
                        text = f"{text} {pick(backgrounds.phrases['times'][time], random)}"
                self.texts.append(text)
        tokens = tokenizer(self.texts).view(*shape, MAX_TOKENS).int()
        self.tokens, self.styled = tokens.to(bank.device), torch.from_numpy(styled).to(bank.device)

    @staticmethod
    def _pick(backgrounds: Backgrounds, random: np.random.Generator) -> tuple[str, str]:
        """Return a drawn place and one of its times."""
        pairs = [key for key in backgrounds.rows if key[1] != ANYTHING]
        place, time = pairs[random.integers(len(pairs))]
        return backgrounds.places[place], backgrounds.times[time]

    def draw(
        self, indices: np.ndarray, random: np.random.Generator
    ) -> tuple[Tensor, Tensor, np.ndarray, np.ndarray]:
        """Draw a caption of each drawing: its tokens, whether it names the style, its place and its time."""
        numbers = random.integers(CAPTIONS, size=len(indices))
        rows = (torch.from_numpy(each).to(self.tokens.device) for each in (indices, numbers))
        index, number = rows
        return (
            self.tokens[index, number].long(),
            self.styled[index, number],
            self.places[indices, numbers],
            self.times[indices, numbers],
        )


def true_of(
    nouns: Tensor,
    sources: Tensor,
    styled: Tensor,
    places: tuple[Tensor, Tensor],
    times: tuple[Tensor, Tensor],
) -> Tensor:
    """Return (captions, pictures) bool: whether each caption is true of each picture.

    Pictures are the captions' own drawings, once or several times over: `nouns`, `sources` (pictures,);
    `styled` (captions,). `places`, `times`: what captions name, or ANYTHING, and what pictures show.
    """
    captions = len(styled)
    matches = nouns[:captions, None] == nouns
    matches &= ~styled[:, None] | (sources[:captions, None] == sources)
    for named, shown in (places, times):
        matches &= (named[:, None] == ANYTHING) | (named[:, None] == shown)
    return matches
