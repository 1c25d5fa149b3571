"""Leaving out what a prompt should not bring along (DECOR, Jang et al., arXiv 2412.09169).

Encodings of few photos carry more than the subject: a background, the object of a style picture. With X
(L, D) the encoded prompt and X~ (m, D) that of an unwanted text,

    X~ = U S V^T        X' = X - alpha X V V^T

takes the directions of X~ out of every token: V V^T works on the features, from the right. It learns nothing.

Differences: the paper's text and code were not at hand; its abstract and summaries give the two equations.
Which rows make up X~ is our choice: those of words, without start, end, padding and words as small as "a",
and of every part between commas by itself. Directions below a thousandth of the largest singular value are
left out. The start token of the prompt stays as it is: it is a large constant, and without it all attention
changes. The negative prompt and pooled encodings (SDXL) stay too. What a language model encodes (Z-Image,
FLUX.2) is treated alike, which no paper has tried.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.errors import StudioError
from studio.events import Event
from studio.generation.painting import Painting
from studio.generation.refinement import Refinement
from studio.handles import handles_in
from studio.models.text_reader import Amendment, TextReader
from studio.models.words import Tokens, Words
from studio.settings import setting
from studio.words import tr

RANK_CUT = 1e-3  # of the largest singular value
SMALL_WORDS = {"a", "an", "and", "at", "in", "of", "on", "the", "to", "with"}  # they mean no thing
WORD = re.compile(r"<[^<>]+>|\w+")


@dataclass(frozen=True)
class Settings:
    """Nothing is left out by default."""

    leave_out: str = setting(
        "", "What the picture should not bring along, such as: red background. Commas part several."
    )
    leave_out_strength: float = setting(
        1.0, "How much of it is taken out; 1 is all.", 0.0, 1.0, source="paper: alpha in 0..1"
    )


class Decor(Refinement):
    """Projects the directions of an unwanted text out of the encoded prompt."""

    id = "decor"
    title = "Leave out"
    summary = "Takes what a text says out of everything that the prompt says."
    paper = "Jang et al. 2024, arXiv 2412.09169"
    settings_class = Settings
    settings: Settings

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._known: dict[tuple[float, ...], Tensor] = {}

    @property
    def phrases(self) -> list[str]:
        """Return the unwanted texts."""
        return [part.strip() for part in self.settings.leave_out.split(",") if part.strip()]

    def check(self, painting: Painting) -> None:
        """Raise StudioError when there are only commas."""
        if self.settings.leave_out and not self.phrases:
            raise StudioError("Nothing is named that could be left out.", "Name it, such as: red background.")

    def notes(self, painting: Painting) -> Sequence[str]:
        """Return a sentence about words that are wanted and unwanted."""
        if not self.settings.leave_out_strength:
            return ()
        wanted, unwanted = (
            dict.fromkeys(WORD.findall(text.lower()))
            for text in (painting.prompts.prompt, self.settings.leave_out)
        )
        both = [word for word in unwanted if word in wanted and word not in SMALL_WORDS]
        if not both:
            return ()
        named = ", ".join(f"“{word}”" for word in both)
        text = "The prompt asks for {words}, which is also to be left out: there it is weakened."
        return [tr(text, words=named)]

    def refine(self, painting: Painting) -> Generator[Event, None, Painting]:
        """Return the painting with the projection among the changes of what is encoded."""
        if not self.phrases or not self.settings.leave_out_strength:
            return painting
        change = self.amendment(painting)
        prompts = replace(painting.prompts, amendments=(*painting.prompts.amendments, change))
        return replace(painting, prompts=prompts)
        yield  # it takes no step

    @torch.no_grad()
    def amendment(self, painting: Painting) -> tuple[Amendment, bool]:
        """Return the projection, and whether it depends on the timestep, as learned words may."""
        text, recipe = painting.backbone.text, painting.recipe
        reading = text.reading(clip_skip=painting.prompts.clip_skip)
        with text.on_device(), reading, attach(painting.backbone, self._edits(painting)):
            is_timed = text.is_timed
            times = torch.zeros(1)
            if is_timed:
                shape = painting.backbone.shape_of(recipe.width, recipe.height)
                times = painting.backbone.sampler(recipe.steps, recipe.sampler, [0], shape).timesteps
            key = tuple(times.tolist())
            if key not in self._known:
                found = [directions_of(text, self.phrases, t if is_timed else None) for t in times]
                self._known[key] = torch.nn.utils.rnn.pad_sequence(found, batch_first=True)
        directions, strength = self._known[key], self.settings.leave_out_strength

        def change(words: Words, t: Tensor | None) -> Words:
            if t is None or not is_timed:
                return without(words, directions[0], strength, text.chunks)
            nearest = (times - t).abs().argmin(keepdim=True)
            return without(words, directions[nearest][0], strength, text.chunks)

        return change, is_timed

    def _edits(self, painting: Painting) -> list[ActiveEdit]:
        """Return the edits with which the unwanted texts are read: no words but those that they name."""
        named = handles_in(self.settings.leave_out)
        edits = (*painting.edits, *painting.lent)
        return [each for each in edits if each.edit.word_vectors is None or each.edit.handle in named]


def directions_of(text: TextReader, phrases: Sequence[str], t: Tensor | None = None) -> Tensor:
    """Return orthonormal directions (r, D) of texts, on the device, float32; call it with edits attached."""
    words = text.read(phrases, t)
    rows = [words.hidden[row, content(text, tokens)] for row, tokens in enumerate(words.tokens)]
    return orthonormal(torch.cat(rows).float().cpu()).to(words.hidden.device)


def content(text: TextReader, tokens: Tokens) -> list[int]:
    """Return the positions of a text's words: without small ones and signs, unless there is nothing else."""
    written = list(tokens.written[:-1])
    names = dict(zip(written, text.names_of(tokens), strict=True))
    learned = {position for span in tokens.spans.values() for position in span}
    kept = [
        position
        for position, name in names.items()
        if position in learned
        or (name.lower() not in SMALL_WORDS and any(letter.isalnum() for letter in name))
    ]
    return kept or written


def orthonormal(rows: Tensor) -> Tensor:
    """Return an orthonormal basis (r, D) of the space that rows (m, D) span: V^T of their SVD."""
    _, sizes, directions = torch.linalg.svd(rows, full_matrices=False)
    return directions[sizes > RANK_CUT * sizes[:1]]


def without(words: Words, directions: Tensor, strength: float, chunks: int = 1) -> Words:
    """Return the encodings of a negative prompt and a prompt, this one without these directions (r, D).

    Args:
        chunks: how many the prompt is read in; each begins with a start token.
    """
    hidden = words.hidden.clone()
    rows = hidden[-1].float().unflatten(0, (chunks, -1))  # (chunks, L, D)
    first = words.tokens[-1].written[0]  # after the start token, or what a template puts before the prompt
    said = rows[:, first:]
    kept = said - strength * (said @ directions.T) @ directions
    hidden[-1] = torch.cat([rows[:, :first], kept], dim=1).flatten(0, 1).to(hidden.dtype)
    return replace(words, hidden=hidden)
