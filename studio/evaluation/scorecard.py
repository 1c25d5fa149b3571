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

TITLES = {  # of the columns, by the measure
    "likeness": "likeness",
    "subject": "subject by patches",
    "cleanliness": "cleanliness",
    "structure": "structure",
    "agreement": "prompt agreement",
    "copying": "nearest training photo",
    "copied": "copied",
    "diversity": "diversity",
    "bleed": "bleed",
    "drift": "class drift",
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
        kind = "held out from training" if self.unseen else "that it was trained on"
        return f"{count} photo{'s' * (count > 1)} {kind}"


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
            lines.append(f"| {title} | {' | '.join(str(row.get(name, '')) for name in columns)} |")
        protocol = self.protocol
        lines += [
            "",
            f"{len(protocol['prompts'])} prompts x {len(protocol['seeds'])} seeds, {protocol['sampling']}, "
            f"on {protocol['base']}; likeness to {protocol['photos']}; mean and 95 % interval over pictures.",
            *(f"{title.capitalize()} by {name}." for title, name in protocol["encoders"].items()),
        ]
        return "\n".join(lines)
