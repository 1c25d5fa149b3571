"""What the files of a folder say, kept in one file so that a start need not open ten thousand.

Only a copy: without it, or where a file has changed, the file itself is read.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from studio.documents import Count, DocumentError, FileName, read_documents, write_documents
from studio.errors import DiskError, StudioError, shortened
from studio.files import write_atomic
from studio.folder_listing import ListedFile
from studio.limits import MAX_FILE_NAME_LETTERS, MAX_INDEX_BYTES
from studio.words import tr

MAX_UNSAVED = 100  # files that are read again at the next start rather than saved now

T = TypeVar("T")


@dataclass(frozen=True)
class IndexLine(Generic[T]):
    """What the index keeps of a file."""

    name: FileName
    changed: Count
    size: Count
    content: T


class FileIndex(Generic[T]):
    """Reads files in `folder`, each once. Any thread may ask.

    Args:
        kind: the dataclass of what is kept of a file.
        read: returns it; raises StudioError for a file that cannot be used.
        file: keeps everything for the next start; None keeps nothing.
    """

    def __init__(
        self, folder: Path, kind: type[T], read: Callable[[Path], T], file: Path | None = None
    ) -> None:
        self.folder, self.file = folder, file
        self._kind, self._read_file = kind, read
        self._known: dict[ListedFile, T | StudioError] = {}
        self._unsaved = 0
        self._is_loaded = file is None
        self._lock = threading.Lock()

    def read(self, files: Iterable[ListedFile]) -> dict[ListedFile, T | StudioError]:
        """Return what each file of the folder says, or why it cannot be used. Others are forgotten."""
        with self._lock:
            known = self._of(files)
            self._known = known
            if self._unsaved > MAX_UNSAVED:
                self._save()
            return dict(known)

    def some(self, files: Iterable[ListedFile]) -> dict[ListedFile, T | StudioError]:
        """Return what some files of the folder say, without forgetting others."""
        with self._lock:
            return self._of(files)

    def _of(self, files: Iterable[ListedFile]) -> dict[ListedFile, T | StudioError]:
        self._load()
        found: dict[ListedFile, T | StudioError] = {}
        for file in files:
            if file not in self._known:
                self._unsaved += 1
                try:
                    self._known[file] = self._read_file(self.folder / file.name)
                except StudioError as error:
                    self._known[file] = error
            found[file] = self._known[file]
        return found

    def _load(self) -> None:
        if self._is_loaded or self.file is None:
            return
        self._is_loaded = True
        try:
            if self.file.stat().st_size > MAX_INDEX_BYTES:
                return
            lines = read_documents(IndexLine[self._kind], self.file.read_bytes(), tr("The index"))  # type: ignore[name-defined]
        except (OSError, DocumentError):
            return
        self._known = {ListedFile(one.name, one.changed, one.size): one.content for one in lines}

    def _save(self) -> None:
        if self.file is None:
            return
        lines: list[IndexLine[T]] = [
            IndexLine(*file, content)
            for file, content in self._known.items()
            if not isinstance(content, StudioError)
            and shortened(file.name, MAX_FILE_NAME_LETTERS) == file.name
        ]
        try:
            write_atomic(self.file, write_documents(IndexLine[self._kind], lines))  # type: ignore[name-defined]
        except DiskError:
            return  # it only saves time
        self._unsaved = 0
