"""Marks: what the judge says of the cells of a sheet, kept beside its pictures."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studio.files import write_atomic
from studio.grids.grid_folder import SCORES


@dataclass(frozen=True)
class PictureScore:
    """One picture, each -1..1: its mean cosine with the photos of the concepts it names, its cosine with its
    prompt, and with the nearest of the photos. None where there are no photos to compare with."""

    likeness: float | None
    agreement: float
    copying: float | None = None


@dataclass(frozen=True)
class GridScores:
    """`cells` maps the name of a cell's picture to its mark, `photos` a handle to how many photos its
    likeness is measured against, 0 where there are none here. `judge` names who looked."""

    judge: str
    cells: Mapping[str, PictureScore] = field(default_factory=dict)
    photos: Mapping[str, int] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Keep them with the sheet in `folder`."""
        write_atomic(folder / SCORES, json.dumps(dataclasses.asdict(self)).encode("utf-8"))

    @classmethod
    def open(cls, folder: Path) -> GridScores | None:
        """The marks of the sheet in `folder`, None before it was judged."""
        try:
            values: dict[str, Any] = json.loads((folder / SCORES).read_text(encoding="utf-8"))
            cells = {name: PictureScore(**mark) for name, mark in values["cells"].items()}
            return cls(values["judge"], cells, values["photos"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
