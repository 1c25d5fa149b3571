"""The checkpoints of a training: what was learned at each preview, and which of them is better than the end.

A checkpoint is a small concept of its own. It is not judged when it is made: its preview says how much of the
photos is found in it. Only where the end was not learned, the best of them is judged as the end was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from studio.concepts.preview import preview_bytes
from studio.concepts.verdict import MAX_STRANGE, SAID, WORDS, Verdict, worst_word
from studio.edits.concept import Concept
from studio.evaluation.part_matching import as_cells, directions, parts_found
from studio.events import Checkpoint, Event, Note
from studio.method import Method
from studio.models.base_features import BaseFeatures
from studio.words import tr
from trainers.kit.training import Training
from trainers.kit.verdict import Judge

MAX_BYTES = 16_000_000  # of one; what is larger is not kept
NEAR_BEST = 0.8  # of the best preview's likeness: an earlier one with so much is less worn


@dataclass(frozen=True)
class Taken:
    """A checkpoint with what its preview shows.

    Args:
        found: how much of the photos is found in it, -1..1.
        error: how wrong the base is about it.
    """

    concept: Concept
    step: int
    found: float
    error: float


class Checkpoints:
    """Collects those of one training."""

    def __init__(self, training: Training) -> None:
        self.training, self.encoder = training, BaseFeatures(training.backbone)
        self.taken: list[Taken] = []
        self._photos: Tensor | None = None
        self._start: tuple[float, float] | None = None  # found and error, before anything was learned

    def start(self, picture: Image.Image) -> None:
        """Note the preview of what the training begins with."""
        self._start = self._measure(picture)

    def take(self, method: Method, picture: Image.Image, step: int) -> Iterator[Checkpoint]:
        """Take what was learned after `step` steps, unless it is too large; `picture` is its preview."""
        header = dataclasses.replace(
            self.training.header(method),
            steps=step,
            dependencies=method.dependencies(),
            preview=preview_bytes(picture),
        )
        concept = Concept(header, tuple(method.edits()))
        if concept.tensor_bytes > MAX_BYTES:
            return
        try:
            copied = concept.copied()
        except ValueError:  # weights that are only made small at the end
            return
        self.taken.append(Taken(copied, step, *self._measure(picture)))
        yield Checkpoint(copied, step)

    def _measure(self, picture: Image.Image) -> tuple[float, float]:
        """Return how much of the photos is found in a picture, and how wrong the base is about it."""
        if self._photos is None:
            latents = self.encoder.latents(self.training.photos.squares)
            self._photos = as_cells(self.encoder.cells_and_errors(latents)[0])
        cells, errors = self.encoder.cells_and_errors(self.encoder.latents([picture]))
        centre = self._photos.mean((0, 1))
        photos, seen = directions([self._photos, as_cells(cells)], centre)
        return parts_found(photos, seen).mean().item(), errors.mean().item()

    def candidate(self) -> Taken | None:
        """Return the earliest checkpoint that is nearly as like the photos as the best; None for none.

        Those that the base would hardly paint are left out.
        """
        found, error = self._start or (0.0, float("inf"))
        sound = [one for one in self.taken if one.error <= MAX_STRANGE * error and one.found > found]
        best = max((one.found for one in sound), default=0.0)
        return next((one for one in sound if one.found - found >= NEAR_BEST * (best - found)), None)

    def better_than(self, verdicts: Mapping[str, Verdict], judge: Judge) -> Generator[Event, None, None]:
        """Judge the best checkpoint where the end was not learned; suggest it where its verdict is better.

        Yields Steps, and for a better one a Note and the Checkpoint with its verdicts.
        """
        one = self.candidate()
        if one is None or not verdicts or all(verdict.learned for verdict in verdicts.values()):
            return
        own = yield from judge.judge(one.concept)
        if _rank(own) <= _rank(verdicts):
            return
        concept = Concept(dataclasses.replace(one.concept.header, verdicts=own), one.concept.edits)
        text = "Step {step} looks better than the end: {verdict}. You may use it in place of the last."
        yield Note(tr(text, step=one.step, verdict=SAID[worst_word(own.values())]))
        yield Checkpoint(concept, one.step, is_suggested=True)


def _rank(verdicts: Mapping[str, Verdict]) -> list[int]:
    """Return how good verdicts are, the worst first: larger is better."""
    return sorted(WORDS.index(verdict.word) for verdict in verdicts.values())
