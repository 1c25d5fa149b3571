"""A folder's files, listed once for every change of the folder."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

YOUNG_NS = 2_000_000_000  # clocks of disks are coarse: a folder that changed a moment ago may change unseen


class ListedFile(NamedTuple):
    """A file of a folder.

    Args:
        changed: when it was last changed, in nanoseconds since 1970; 0 when the system does not tell.
    """

    name: str
    changed: int
    size: int


class FolderListing:
    """The files of `folder` whose names end in `suffix`. Any thread may ask for them."""

    def __init__(self, folder: Path, suffix: str) -> None:
        self.folder, self.suffix = folder, suffix
        self._files: tuple[ListedFile, ...] = ()
        self._known: tuple[int, int] | None = None  # inode and time of change of the folder
        self._lock = threading.Lock()

    def files(self) -> tuple[ListedFile, ...]:
        """Return the files by name. It is the same object for as long as nothing has changed.

        A file that another program writes over in place changes nothing in its folder, and is not noticed;
        see `forget`.
        """
        with self._lock:
            state = self.folder.stat()
            now = (state.st_ino, state.st_mtime_ns)
            if now != self._known:
                fresh = tuple(sorted(self._scan()))
                if fresh != self._files:
                    self._files = fresh
                self._known = now if time.time_ns() - state.st_mtime_ns > YOUNG_NS else None
            return self._files

    def forget(self) -> None:
        """Let the next question list the folder again."""
        self._known = None

    def _scan(self) -> list[ListedFile]:
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                if not entry.name.endswith(self.suffix):
                    continue
                try:
                    state = entry.stat()
                    found.append(ListedFile(entry.name, state.st_mtime_ns, state.st_size))
                except OSError:  # a link to nowhere, or gone by now
                    found.append(ListedFile(entry.name, 0, 0))
        return found
