"""The scores of a grid's pictures, kept beside them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from studio.documents import Count, DocumentError, FileName, Measured, ShortText, read_document
from studio.files import write_atomic
from studio.grids.grid_folder import SCORES
from studio.words import tr


@dataclass(frozen=True)
class PictureScore:
    """Holds the scores of one picture, cosines in -1..1; None where there are no photos to compare with.

    Args:
        likeness: with the photos of the concepts that its prompt names, the mean.
        agreement: with its prompt.
        copying: with the nearest of the photos.
    """

    likeness: Measured | None
    agreement: Measured
    copying: Measured | None = None


@dataclass(frozen=True)
class GridScores:
    """Holds the scores of a grid.

    Args:
        judge: the name of the image encoder.
        cells: by file name of a picture.
        photos: by handle, how many photos its likeness is measured against; 0 where there are none here.
    """

    judge: ShortText
    cells: Mapping[FileName, PictureScore] = field(default_factory=dict)
    photos: Mapping[ShortText, Count] = field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write them to the folder of the grid."""
        write_atomic(folder / SCORES, json.dumps(dataclasses.asdict(self)).encode("utf-8"))

    @classmethod
    def open(cls, folder: Path) -> GridScores | None:
        """Return the scores of the grid in `folder`, None before it was scored."""
        try:
            return read_document(cls, (folder / SCORES).read_bytes(), tr("The scores of the grid"))
        except (OSError, DocumentError):
            return None
