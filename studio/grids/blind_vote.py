"""A blind vote between two settings of a grid, over pairs of pictures that differ in nothing else.

Side and order are random for each pair and stored with the votes, so that reloading the page changes nothing.
Which side was which setting is revealed only when the vote ends.
"""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from studio.documents import DocumentError, FileName, ShortText, read_document
from studio.errors import StudioError
from studio.files import delete_file, write_atomic
from studio.intervals import wilson_interval
from studio.words import tr

Vote = Literal["left", "right", "same"]
FILE = "ballot.json"


@dataclass(frozen=True)
class Pair:
    """Two pictures to choose between.

    Args:
        first, second: file names of the pictures by the first and by the second setting.
        swapped: whether the second setting is shown on the left.
        where: what both share, such as "Seed 2".
    """

    first: FileName
    second: FileName
    swapped: bool
    where: ShortText = ""

    @property
    def sides(self) -> tuple[str, str]:
        """Return the file names as they are shown: left, right."""
        return (self.second, self.first) if self.swapped else (self.first, self.second)


@dataclass(frozen=True)
class Tally:
    """Counts how often the first setting was preferred, the second, and neither."""

    first: int
    second: int
    same: int

    @property
    def interval(self) -> tuple[float, float]:
        """Return the 95 % interval of the first setting's share among votes that preferred one."""
        return wilson_interval(self.first, self.first + self.second)


@dataclass(frozen=True)
class Ballot:
    """A blind vote and how far it is.

    Args:
        settings: the labels of the two settings.
        votes: those cast so far, in the order of `pairs`.
        revealed: whether the vote has ended.
    """

    settings: tuple[ShortText, ShortText]
    pairs: tuple[Pair, ...]
    votes: tuple[Vote, ...] = ()
    revealed: bool = False

    @classmethod
    def draw(
        cls, settings: tuple[str, str], pictures: Sequence[tuple[str, str, str]], seed: int | None = None
    ) -> Ballot:
        """Return a new vote with sides and order drawn at random.

        Args:
            pictures: (first, second, where) of each pair; one of the same picture twice is left out.

        Raises:
            StudioError: there is no pair.
        """
        chance = random.Random(seed)
        pairs = [
            Pair(first, second, chance.random() < 0.5, where)
            for first, second, where in pictures
            if first != second
        ]
        if not pairs:
            hint = "Let the grid paint both settings, or choose two others."
            raise StudioError(
                "There are no pairs of {one} and {other}.",
                hint,
                one=settings[0],
                other=settings[1],
            )
        chance.shuffle(pairs)
        return cls(settings, tuple(pairs))

    @property
    def pair(self) -> Pair | None:
        """Return the pair to vote on next, None when the vote has ended."""
        over = self.revealed or len(self.votes) == len(self.pairs)
        return None if over else self.pairs[len(self.votes)]

    def cast(self, vote: Vote, number: int) -> Ballot:
        """Return this with a vote on pair `number`, or unchanged when that pair is not the next.

        Raises StudioError for a vote that is none.
        """
        if vote not in ("left", "right", "same"):
            raise StudioError("{vote!r} is no vote.", "Say left, right or same.", vote=vote)
        if self.pair is None or number != len(self.votes):  # a click may arrive twice
            return self
        votes = (*self.votes, vote)
        return dataclasses.replace(self, votes=votes, revealed=len(votes) == len(self.pairs))

    def reveal(self) -> Ballot:
        """Return this ended, with the votes that have been cast."""
        return dataclasses.replace(self, revealed=True)

    def winner(self, number: int) -> int | None:
        """Return which setting vote `number` preferred, 0 or 1; None for neither."""
        vote, pair = self.votes[number], self.pairs[number]
        return None if vote == "same" else int((vote == "right") != pair.swapped)

    @property
    def tally(self) -> Tally:
        """Count the votes so far."""
        winners = [self.winner(number) for number in range(len(self.votes))]
        return Tally(winners.count(0), winners.count(1), winners.count(None))

    def renamed(self, files: Mapping[str, str], text: Callable[[str], str]) -> Ballot:
        """Return this of pictures that have other names by now, `files` old to new, its words as `text`."""
        pairs = [
            dataclasses.replace(
                pair,
                first=files.get(pair.first, pair.first),
                second=files.get(pair.second, pair.second),
                where=text(pair.where),
            )
            for pair in self.pairs
        ]
        settings = text(self.settings[0]), text(self.settings[1])
        return dataclasses.replace(self, settings=settings, pairs=tuple(pairs))

    def is_whole(self, folder: Path) -> bool:
        """Return whether the pictures that are still to be voted on are in the grid's folder."""
        left = () if self.revealed else self.pairs[len(self.votes) :]
        return all((folder / name).is_file() for pair in left for name in pair.sides)

    def save(self, folder: Path) -> None:
        """Write it to a grid's folder; it replaces an earlier one."""
        write_atomic(folder / FILE, json.dumps(dataclasses.asdict(self)).encode("utf-8"))

    @staticmethod
    def discard(folder: Path) -> None:
        """Delete the vote in a grid's folder. Raises DiskError."""
        delete_file(folder / FILE)

    @classmethod
    def open(cls, folder: Path) -> Ballot | None:
        """Return the vote in a grid's folder, None when there is none that can be read."""
        try:
            ballot = read_document(cls, (folder / FILE).read_bytes(), tr("The blind vote"))
        except (OSError, DocumentError):
            return None
        return ballot if ballot.pairs and len(ballot.votes) <= len(ballot.pairs) else None
