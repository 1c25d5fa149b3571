"""The score card of a concept: every measure beside the plain noun's, with its interval and protocol.

Numbers are comparable only between cards of one protocol, so the protocol is part of the card: the encoders
with hashes of their weights, base, prompts, seeds, sampling, and which photos were held out from training.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from PIL import Image

from studio.intervals import Estimate
from studio.words import tr, trn

TITLES = {  # of the columns, by the measure
    "likeness": tr("likeness"),
    "subject": tr("subject by patches"),
    "cleanliness": tr("cleanliness"),
    "structure": tr("structure"),
    "agreement": tr("prompt agreement"),
    "copying": tr("nearest training photo"),
    "copied": tr("copied"),
    "diversity": tr("diversity"),
    "bleed": tr("bleed"),
    "drift": tr("class drift"),
}


@dataclass(frozen=True)
class References:
    """Photos to compare with. Likeness is to the unseen ones; without any, to those trained on.

    Args:
        unseen: held out from training.
        trained: trained on.
        absent: of something that no prompt names.
    """

    unseen: tuple[Image.Image, ...]
    trained: tuple[Image.Image, ...] = ()
    absent: tuple[Image.Image, ...] = ()

    @property
    def words(self) -> str:
        """Return what likeness is measured against, in words."""
        count = len(self.unseen or self.trained)
        if self.unseen:
            return trn("{count} photo held out from training", "{count} photos held out from training", count)
        return trn("{count} photo that it was trained on", "{count} photos that it was trained on", count)


@dataclass(frozen=True)
class ScoreCard:
    """What was measured of a concept.

    Args:
        rows: by row ("<lily>", "plain noun") and measure (a key of `TITLES`), the mean with its interval.
        protocol: everything that the numbers depend on, by name.
    """

    rows: dict[str, dict[str, Estimate]]
    protocol: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary."""
        return dataclasses.asdict(self)

    def table(self) -> str:
        """Return Markdown: a row for the concept, a row for the plain noun, and the protocol in words."""
        columns = [name for name in TITLES if any(name in row for row in self.rows.values())]
        lines = [f"| | {' | '.join(TITLES[name] for name in columns)} |", f"|---|{'---|' * len(columns)}"]
        for title, row in self.rows.items():
            lines.append(f"| {tr(title)} | {' | '.join(str(row.get(name, '')) for name in columns)} |")
        protocol = self.protocol
        lines += [
            "",
            tr(
                "{prompts} prompts x {seeds} seeds, {sampling}, on {base}; likeness to {photos}; mean and "
                "95 % interval over pictures.",
                prompts=len(protocol["prompts"]),
                seeds=len(protocol["seeds"]),
                sampling=protocol["sampling"],
                base=protocol["base"],
                photos=protocol["photos"],
            ),
            *(
                tr("{measure} by {encoder}.", measure=tr(title)[:1].upper() + tr(title)[1:], encoder=name)
                for title, name in protocol["encoders"].items()
            ),
        ]
        return "\n".join(lines)
