"""The headers of a library's files, kept in one file so that a start need not open ten thousand.

Only a copy of what the files say: without it, or where a file has changed, the file itself is read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from studio.concepts.header import Header, read_header
from studio.documents import Count, DocumentError, FileName, read_documents, write_documents
from studio.errors import DiskError, StudioError, shortened
from studio.files import write_atomic
from studio.folder_listing import ListedFile
from studio.limits import MAX_FILE_NAME_LETTERS, MAX_INDEX_BYTES

MAX_UNSAVED = 100  # headers that are read again at the next start rather than saved now


@dataclass(frozen=True)
class IndexLine:
    """What the index keeps of a file; the preview is left out of the header."""

    name: FileName
    changed: Count
    size: Count
    header: Header


class HeaderIndex:
    """Reads headers of files in `folder`, each once.

    Args:
        file: keeps them for the next start; None keeps nothing.
    """

    def __init__(self, folder: Path, file: Path | None = None) -> None:
        self.folder, self.file = folder, file
        self._known: dict[ListedFile, Header | StudioError] = {}
        self._unsaved = 0
        self._is_loaded = file is None

    def read(self, files: Iterable[ListedFile]) -> dict[ListedFile, Header | StudioError]:
        """Return the header of each file without its preview, or why it is no concept."""
        self._load()
        known: dict[ListedFile, Header | StudioError] = {}
        for file in files:
            if file not in self._known:
                self._unsaved += 1
                try:
                    header = read_header(self.folder / file.name)
                    self._known[file] = dataclasses.replace(header, preview=b"")
                except StudioError as error:
                    self._known[file] = error
            known[file] = self._known[file]
        self._known = known
        if self._unsaved > MAX_UNSAVED:
            self._save()
        return known

    def _load(self) -> None:
        if self._is_loaded or self.file is None:
            return
        self._is_loaded = True
        try:
            if self.file.stat().st_size > MAX_INDEX_BYTES:
                return
            lines = read_documents(IndexLine, self.file.read_bytes(), "The index of the library")
        except (OSError, DocumentError):
            return
        self._known = {ListedFile(one.name, one.changed, one.size): one.header for one in lines}

    def _save(self) -> None:
        if self.file is None:
            return
        lines = [
            IndexLine(*file, header)
            for file, header in self._known.items()
            if isinstance(header, Header) and shortened(file.name, MAX_FILE_NAME_LETTERS) == file.name
        ]
        try:
            write_atomic(self.file, write_documents(IndexLine, lines))
        except DiskError:
            return  # it only saves time
        self._unsaved = 0
