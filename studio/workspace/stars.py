"""The stars that a person gave to pictures: the names of the pictures in one small file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.documents import FileName
from studio.errors import StudioError, shortened
from studio.limits import MAX_STARS
from studio.workspace.kept_document import KeptDocument

WHAT = "The list of stars"


@dataclass(frozen=True)
class StarList:
    """The file: names of starred pictures, also of those in the trash, which come back with their stars."""

    pictures: Annotated[tuple[FileName, ...], MaxLen(MAX_STARS)] = ()


class Stars:
    """The stars in `file`. Any thread may ask; another process may have changed them.

    Args:
        trash: where a damaged file goes, so that nothing is lost.
    """

    def __init__(self, file: Path, trash: Path) -> None:
        self._kept = KeptDocument(file, trash, StarList, WHAT, "Give the stars again.", _text_of)
        self._known: tuple[StarList, frozenset[str]] = (StarList(), frozenset())

    @property
    def trouble(self) -> StudioError | None:
        """Return why stars that were given are not shown, None when all are."""
        return self._kept.trouble

    def names(self) -> frozenset[str]:
        """Return the names of starred pictures. It is the same object for as long as nothing has changed."""
        content, (known, names) = self._kept.content(), self._known
        if content is not known:
            names = frozenset(content.pictures)
            self._known = content, names
        return names

    def give(self, names: Iterable[str], starred: bool = True) -> None:
        """Give a star to pictures, or take it from them. Raises StudioError when it cannot be kept."""

        def changed(before: StarList) -> StarList:
            had = frozenset(before.pictures)
            after = had.union(names) if starred else had.difference(names)
            if len(after) > MAX_STARS:
                hint = "Take the star from some that you no longer need."
                raise StudioError(f"There are {MAX_STARS:,} starred pictures, which is the most.", hint)
            return before if after == had else StarList(tuple(sorted(after)))

        self._kept.change(changed)


def _text_of(stars: StarList) -> bytes:
    """Return the text of the file, a name a line, so that one can read it."""
    kept = [name for name in stars.pictures if shortened(name) == name]
    return json.dumps({"pictures": kept}, indent=0, ensure_ascii=False).encode("utf-8")
