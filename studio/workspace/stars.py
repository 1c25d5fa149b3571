"""The stars that a person gave to pictures: the names of the pictures in one small file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.documents import FileName, read_document
from studio.errors import StudioError, shortened
from studio.limits import MAX_STARS
from studio.words import tr
from studio.workspace.kept_file import KeptFile

WHAT = tr("The list of stars")


@dataclass(frozen=True)
class StarList:
    """The file: names of starred pictures, also of those in the trash, which come back with their stars."""

    pictures: Annotated[tuple[FileName, ...], MaxLen(MAX_STARS)] = ()


class Stars:
    """The stars in `file`; a damaged one goes to `trash`. Any thread may ask."""

    def __init__(self, file: Path, trash: Path) -> None:
        empty: frozenset[str] = frozenset()
        self._file = KeptFile(file, trash, empty, _names_in, _text_of, WHAT, tr("Give the stars again."))

    @property
    def trouble(self) -> StudioError | None:
        """Why stars that were given are not shown, None when all are."""
        return self._file.trouble

    def names(self) -> frozenset[str]:
        """Return the names of starred pictures. It is the same object for as long as nothing has changed."""
        return self._file.read()

    def give(self, names: Iterable[str], starred: bool = True) -> None:
        """Give a star to pictures, or take it from them. Raises StudioError when it cannot be kept."""

        def changed(before: frozenset[str]) -> frozenset[str]:
            after = before.union(names) if starred else before.difference(names)
            if len(after) > MAX_STARS:
                hint = "Take the star from some that you no longer need."
                raise StudioError(
                    "There are {most:,} starred pictures, which is the most.", hint, most=MAX_STARS
                )
            return after

        self._file.change(changed)


def _names_in(text: bytes) -> frozenset[str]:
    return frozenset(read_document(StarList, text, WHAT).pictures)


def _text_of(names: frozenset[str]) -> bytes:
    """Return the text of the file, a name a line, so that one can read it."""
    kept = sorted(name for name in names if shortened(name) == name)
    return json.dumps({"pictures": kept}, indent=0, ensure_ascii=False).encode("utf-8")
