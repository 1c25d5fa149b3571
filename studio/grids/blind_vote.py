"""A Ballot: a blind vote between two settings of a sheet, over pairs of pictures that differ in nothing else.

Which setting is on the left is drawn anew for every pair, and so is the order of the pairs; both are kept on
disk with the votes, so that a reload changes nothing and nobody, the voter included, is told before the end.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studio.documents import DocumentError, FileName, ShortText, read_document
from studio.errors import StudioError
from studio.files import write_atomic
from studio.intervals import wilson_interval

Vote = Literal["left", "right", "same"]
FILE = "ballot.json"


@dataclass(frozen=True)
class Pair:
    """Two pictures by file name; `swapped` when the second setting stands on the left. `where` says what they
    share, such as "Seed 2"."""

    first: FileName
    second: FileName
    swapped: bool
    where: ShortText = ""

    @property
    def sides(self) -> tuple[str, str]:
        """The pictures as they stand: left, right."""
        return (self.second, self.first) if self.swapped else (self.first, self.second)


@dataclass(frozen=True)
class Tally:
    """How often the first setting was liked better, the second, and neither."""

    first: int
    second: int
    same: int

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the first setting's share among votes that preferred one."""
        return wilson_interval(self.first, self.first + self.second)


@dataclass(frozen=True)
class Ballot:
    """`settings` are the headings of the two, `votes` those cast so far, in the order of `pairs`."""

    settings: tuple[ShortText, ShortText]
    pairs: tuple[Pair, ...]
    votes: tuple[Vote, ...] = ()
    revealed: bool = False

    @classmethod
    def draw(
        cls, settings: tuple[str, str], pictures: Sequence[tuple[str, str, str]], seed: int | None = None
    ) -> Ballot:
        """A ballot over these (first, second, where); the same file twice is no pair. Raises StudioError when
        there is none."""
        chance = random.Random(seed)
        pairs = [
            Pair(first, second, chance.random() < 0.5, where)
            for first, second, where in pictures
            if first != second
        ]
        if not pairs:
            hint = "Let the grid paint both settings, or choose two others."
            raise StudioError(f"There are no pairs of {settings[0]} and {settings[1]}.", hint)
        chance.shuffle(pairs)
        return cls(settings, tuple(pairs))

    @property
    def pair(self) -> Pair | None:
        """The pair to vote on next, None when it is over."""
        over = self.revealed or len(self.votes) == len(self.pairs)
        return None if over else self.pairs[len(self.votes)]

    def cast(self, vote: Vote, number: int) -> Ballot:
        """With a vote on pair `number`. One that is cast already stays: a click may arrive twice. Raises
        StudioError for a vote that is none."""
        if vote not in ("left", "right", "same"):
            raise StudioError(f"{vote!r} is no vote.", "Say left, right or same.")
        if self.pair is None or number != len(self.votes):
            return self
        votes = (*self.votes, vote)
        return dataclasses.replace(self, votes=votes, revealed=len(votes) == len(self.pairs))

    def reveal(self) -> Ballot:
        """Over, with the votes there are."""
        return dataclasses.replace(self, revealed=True)

    def winner(self, number: int) -> int | None:
        """Which setting vote `number` preferred, 0 or 1; None for neither."""
        vote, pair = self.votes[number], self.pairs[number]
        return None if vote == "same" else int((vote == "right") != pair.swapped)

    @property
    def tally(self) -> Tally:
        """The votes so far."""
        winners = [self.winner(number) for number in range(len(self.votes))]
        return Tally(winners.count(0), winners.count(1), winners.count(None))

    def save(self, folder: Path) -> None:
        """Keep it in a sheet's folder; it takes the place of an earlier one."""
        write_atomic(folder / FILE, json.dumps(dataclasses.asdict(self)).encode("utf-8"))

    @staticmethod
    def discard(folder: Path) -> None:
        """Forget the ballot in a sheet's folder."""
        (folder / FILE).unlink(missing_ok=True)

    @classmethod
    def open(cls, folder: Path) -> Ballot | None:
        """The ballot in a sheet's folder, None when there is none."""
        try:
            ballot = read_document(cls, (folder / FILE).read_bytes(), "The blind vote")
        except (OSError, DocumentError):
            return None
        return ballot if ballot.pairs and len(ballot.votes) <= len(ballot.pairs) else None
