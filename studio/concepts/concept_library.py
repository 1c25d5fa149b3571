"""The Library: a folder of concept files, known by their handles."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

from studio.concepts.header import Header, read_header, rename_handle
from studio.concepts.header_index import header_index
from studio.errors import DiskError, StudioError, disk_errors, shortened
from studio.files import delete_file, exists, move_file, move_to_trash, write_atomic
from studio.folder_listing import FolderListing, ListedFile
from studio.handles import to_handle

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Entry:
    """One concept of the Library.

    Args:
        header: without the preview, of which ten thousand would fill the memory.
        changed: when the file was last changed, in nanoseconds since 1970.
    """

    path: Path
    header: Header
    changed: int
    size_bytes: int

    @classmethod
    def of(cls, path: Path) -> Entry:
        """Return the concept in a file. Raises StudioError when it is none."""
        header, state = read_header(path), path.stat()
        return cls(path, replace(header, preview=b""), state.st_mtime_ns, state.st_size)

    def read_preview(self) -> bytes:
        """Return the preview in the file, a small PNG; empty when there is none, or the file is gone."""
        try:
            return read_header(self.path).preview
        except StudioError:
            return b""

    def has_changed(self) -> bool:
        """Return whether the file is another now, or gone."""
        try:
            state = self.path.stat()
        except OSError:
            return True
        return (state.st_mtime_ns, state.st_size) != (self.changed, self.size_bytes)


@dataclass(frozen=True)
class Shelf:
    """What a folder of concepts holds: the concepts, newest first, also by handle.

    Args:
        unreadable: by file name, why the other files are no concepts.
    """

    entries: tuple[Entry, ...] = ()
    by_handle: dict[str, Entry] = field(default_factory=dict)
    unreadable: dict[str, StudioError] = field(default_factory=dict)


@lru_cache(maxsize=4096)
def _hash(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _holds(path: Path, handle: str) -> bool:
    """Return whether the file is a concept with this handle."""
    try:
        return handle in read_header(path).handles
    except StudioError:
        return False


class Library:
    """The concept files in `folder`; deleted ones are moved to `trash`.

    Args:
        index: a file that keeps their headers for the next start; without one they are read again.

    Attributes:
        coming: returns the handles of concepts that are still being learned or imported. No other concept
            may take one of them meanwhile, or the one that comes would replace it.
    """

    def __init__(self, folder: Path, trash: Path, index: Path | None = None) -> None:
        self.folder = folder
        self.trash = trash
        self.borrowed: list[Entry] = []
        self.coming: Callable[[], Collection[str]] = frozenset
        for one in (folder, trash):
            with disk_errors(one):
                one.mkdir(parents=True, exist_ok=True)
        self._listing, self._index = FolderListing(folder, SUFFIX), header_index(folder, index)
        self._listed: tuple[ListedFile, ...] = ()
        self._shelf, self._lock = Shelf(), threading.Lock()

    def _contents(self) -> Shelf:
        """Return what the folder holds now; it is read only when it has changed."""
        files = self._listing.files()
        with self._lock:
            if files is not self._listed:
                self._shelf, self._listed = self._read(files), files
            return self._shelf

    def _read(self, files: Sequence[ListedFile]) -> Shelf:
        entries: list[Entry] = []
        known = self._index.read(files)
        for file in sorted(files, key=lambda file: (file.changed, file.name), reverse=True):
            header = known[file]
            if isinstance(header, Header):
                entries.append(Entry(self.folder / file.name, header, file.changed, file.size))
        errors = {file.name: header for file, header in known.items() if isinstance(header, StudioError)}
        by_handle: dict[str, Entry] = {}
        for entry in entries:
            for handle in entry.header.handles:
                by_handle.setdefault(handle, entry)
        return Shelf(tuple(entries), by_handle, errors)

    @property
    def shelf(self) -> Shelf:
        """What the folder holds; the same object for as long as nothing has changed."""
        return self._contents()

    def entries(self) -> list[Entry]:
        """Return the concepts, newest first, without files that are none (see `unreadable`)."""
        return list(self._contents().entries)

    def unreadable(self) -> dict[str, StudioError]:
        """Return by file name why files in the folder are no concepts."""
        return dict(self._contents().unreadable)

    def discard(self, name: str) -> Path:
        """Move a file that is no concept to the trash; return its path there. Raises StudioError."""
        found = [path for path in self.unreadable() if shortened(path) == name]
        if not found:
            raise StudioError(
                "{name} is no longer there, or is a concept by now.", "Look at the Library.", name=name
            )
        return move_to_trash(self.folder / found[0], self.trash)

    def find(self, handle: str) -> Entry:
        """Return the concept with this handle. Raises StudioError when there is none."""
        handle = handle.lower()
        for entry in self.borrowed:
            if handle in entry.header.handles:
                return entry
        found = self._contents().by_handle.get(handle)
        if found is not None and found.has_changed():
            self._listing.forget()
            found = self._contents().by_handle.get(handle)
        if found is not None:
            return found
        raise StudioError(
            "There is no concept called {handle}.",
            "Train it, or import its file in the Library.",
            handle=handle,
        )

    def headers(self) -> dict[str, Header]:
        """Return the headers of all concepts by handle; of two with one handle, of the one `find` returns."""
        known: dict[str, Header] = {}
        for entry in self.borrowed:
            for handle in entry.header.handles:
                known.setdefault(handle, entry.header)
        for handle, entry in self._contents().by_handle.items():
            known.setdefault(handle, entry.header)
        return known

    def has(self, handle: str) -> bool:
        """Return whether a concept has this handle."""
        return handle.lower() in self._contents().by_handle

    def hash(self, entry: Entry) -> str:
        """Return the SHA-256 of the concept's file, in hexadecimal."""
        return _hash(entry.path, entry.path.stat().st_mtime_ns)

    def unused_handle(self, handle: str) -> str:
        """Return `handle`, or the first of "<lily-2>", "<lily-3>" ... that no concept has or will have."""
        coming, number, free = self.coming(), 1, handle
        while self.has(free) or free in coming:
            number += 1
            free = f"{handle[:-1]}-{number}>"
        return free

    def _check_is_not_coming(self, handle: str) -> None:
        """Raise StudioError when a concept will have the handle."""
        if handle in self.coming():
            raise StudioError(
                "{handle} is the name of a concept that is being learned or imported.",
                "Choose another name, or wait until that has ended.",
                handle=handle,
            )

    def path(self, handle: str) -> Path:
        """Return the path of the concept `handle`, whether it exists or not.

        Its file has another name when something else has that one, such as a damaged file.
        """
        name = handle.strip("<>")
        path, number = self.folder / f"{name}{SUFFIX}", 1
        while os.path.lexists(path) and not _holds(path, handle):
            number += 1
            path = self.folder / f"{name}.{number}{SUFFIX}"
        return path

    def borrow(self, path: Path) -> Entry:
        """Use a concept file from anywhere for as long as this process runs; `find` prefers it.

        Raises StudioError when it is no concept.
        """
        entry = Entry.of(path)
        self.borrowed.insert(0, entry)
        return entry

    def resolve(self, name: str) -> Entry:
        """Return the concept in the file `name`, or of that name. Raises StudioError when there is none."""
        path = Path(name)
        return self.borrow(path) if exists(path) and path.is_file() else self.find(to_handle(name))

    def rename(self, handle: str, name: str) -> Entry:
        """Give a concept another name.

        Raises StudioError when the name is taken or cannot be used, and DiskError when its file stays.
        """
        entry, new = self.find(handle), to_handle(name)
        if new == handle:
            return entry
        if self.has(new):
            raise StudioError("{name} is already the name of a concept.", "Choose another name.", name=new)
        self._check_is_not_coming(new)
        target = self.path(new)
        rename_handle(entry.path, handle, new, target)
        if target != entry.path:
            try:
                delete_file(entry.path)
            except DiskError:
                with suppress(DiskError):  # otherwise there would be two of it
                    delete_file(target)
                raise
        return self.find(new)

    def delete(self, handle: str) -> Path:
        """Move a concept to the trash; return its path there."""
        entry = self.find(handle)
        return move_to_trash(entry.path, self.trash)

    def replace(self, before: Entry, source: Path) -> Entry:
        """Move a concept to the trash and copy the file `source` to its place; after an error it is back."""
        trashed = self.delete(before.header.handle)
        try:
            return self.add(source)
        except BaseException:
            with suppress(StudioError):  # what went wrong first is what is told
                move_file(trashed, before.path)
            raise

    def restore(self, trashed: Path) -> Entry:
        """Move a deleted concept back. Raises StudioError when its name is taken by now."""
        entry = self.add(trashed)
        delete_file(trashed)
        return entry

    def add(self, path: Path) -> Entry:
        """Copy a concept file into the Library. Raises StudioError when it is none or its handle is taken."""
        header = read_header(path)
        for handle in header.handles:
            if self.has(handle):
                hint = "Rename the one in the Library first, then import again."
                raise StudioError("The Library already has a concept called {handle}.", hint, handle=handle)
            self._check_is_not_coming(handle)
        target = self.path(header.handle)
        write_atomic(target, path.read_bytes())
        return Entry.of(target)
