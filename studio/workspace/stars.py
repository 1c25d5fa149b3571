"""The stars that a person gave to pictures: the names of the pictures in one small file."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.documents import DocumentError, FileName, read_document
from studio.errors import DiskError, StudioError, shortened
from studio.files import move_to_trash, write_atomic
from studio.limits import MAX_STARS

WHAT = "The list of stars"


@dataclass(frozen=True)
class StarList:
    """The file: names of starred pictures, also of those in the trash, which come back with their stars."""

    pictures: Annotated[tuple[FileName, ...], MaxLen(MAX_STARS)] = ()


class Stars:
    """The stars in `file`. Any thread may ask; another process may have changed them.

    Args:
        trash: where a damaged file goes, so that nothing is lost.

    Attributes:
        trouble: why stars that were given are not shown, None when all are.
    """

    def __init__(self, file: Path, trash: Path) -> None:
        self.file, self.trash = file, trash
        self.trouble: StudioError | None = None
        self._names: frozenset[str] = frozenset()
        self._known: tuple[int, int, int] | None = None  # inode, time of change and size of the file
        self._lock = threading.Lock()

    def names(self) -> frozenset[str]:
        """Return the names of starred pictures. It is the same object for as long as nothing has changed."""
        with self._lock:
            return self._current()

    def give(self, names: Iterable[str], starred: bool = True) -> None:
        """Give a star to pictures, or take it from them. Raises StudioError when it cannot be kept."""
        with self._lock:
            before = self._current()
            if self.trouble is not None and self._state():
                raise self.trouble  # else the file that nobody could read would be written over
            after = before.union(names) if starred else before.difference(names)
            if len(after) > MAX_STARS:
                hint = "Take the star from some that you no longer need."
                raise StudioError(f"There are {MAX_STARS:,} starred pictures, which is the most.", hint)
            if after == before:
                return
            write_atomic(self.file, _text_of(after))
            self._names, self._known, self.trouble = after, self._state(), None

    def _current(self) -> frozenset[str]:
        state = self._state()
        if state != self._known:
            names = self._read() if state else frozenset()
            self._names, self._known = names, self._state()
        return self._names

    def _read(self) -> frozenset[str]:
        try:
            names = read_document(StarList, self.file.read_bytes(), WHAT).pictures
        except DocumentError as error:
            hint = "The file is in the trash folder. Give the stars again."
            self.trouble = StudioError(error.message, hint)
            with suppress(DiskError):
                move_to_trash(self.file, self.trash)
            return frozenset()
        except OSError as error:
            reason = error.strerror or "the system gives no reason"
            self.trouble = StudioError(f"{WHAT} cannot be read: {reason}.", f"Look at {self.file}.")
            return frozenset()
        self.trouble = None
        return frozenset(names)

    def _state(self) -> tuple[int, int, int] | None:
        try:
            state = self.file.stat()
        except OSError:
            return None
        return state.st_ino, state.st_mtime_ns, state.st_size


def _text_of(names: frozenset[str]) -> bytes:
    """Return the text of the file, a name a line, so that one can read it."""
    kept = sorted(name for name in names if shortened(name) == name)
    return json.dumps({"pictures": kept}, indent=0, ensure_ascii=False).encode("utf-8")
