"""The Library: a folder of concept files, known by their handles."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from studio.errors import StudioError, disk_errors
from studio.files import move_file, write_atomic
from studio.handles import to_handle
from studio.library.header import Header, read_header, rename_handle

SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Entry:
    """One concept of the Library."""

    path: Path
    header: Header

    @property
    def size_bytes(self) -> int:
        """Return the size of the file."""
        return self.path.stat().st_size


@lru_cache(maxsize=4096)
def _header(path: Path, changed: int) -> Header:
    return read_header(path)


@lru_cache(maxsize=4096)
def _hash(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Library:
    """The concept files in `folder`; deleted ones are moved to `trash`."""

    def __init__(self, folder: Path, trash: Path) -> None:
        self.folder = folder
        self.trash = trash
        self.borrowed: list[Entry] = []
        for one in (folder, trash):
            with disk_errors(one):
                one.mkdir(parents=True, exist_ok=True)

    def entries(self) -> list[Entry]:
        """Return the concepts, newest first, without files that are none (see `unreadable`)."""
        found = [(path.stat().st_mtime_ns, path) for path in self.folder.glob(f"*{SUFFIX}")]
        entries = []
        for changed, path in sorted(found, reverse=True):
            try:
                entries.append(Entry(path, _header(path, changed)))
            except StudioError:
                continue
        return entries

    def unreadable(self) -> list[StudioError]:
        """Return an error for each file in the folder that is no concept."""
        errors = []
        for path in self.folder.glob(f"*{SUFFIX}"):
            try:
                _header(path, path.stat().st_mtime_ns)
            except StudioError as error:
                errors.append(error)
        return errors

    def find(self, handle: str) -> Entry:
        """Return the concept with this handle. Raises StudioError when there is none."""
        for entry in (*self.borrowed, *self.entries()):
            if handle.lower() in entry.header.handles:
                return entry
        raise StudioError(
            f"There is no concept called {handle}.", "Train it, or import its file in the Library."
        )

    def headers(self) -> dict[str, Header]:
        """Return the headers of all concepts by handle; of two with one handle, of the one `find` returns."""
        known: dict[str, Header] = {}
        for entry in (*self.borrowed, *self.entries()):
            for handle in entry.header.handles:
                known.setdefault(handle, entry.header)
        return known

    def has(self, handle: str) -> bool:
        """Return whether a concept has this handle."""
        return any(handle.lower() in entry.header.handles for entry in self.entries())

    def hash(self, entry: Entry) -> str:
        """Return the SHA-256 of the concept's file, in hexadecimal."""
        return _hash(entry.path, entry.path.stat().st_mtime_ns)

    def unused_handle(self, handle: str) -> str:
        """Return `handle`, or the first of "<lily-2>", "<lily-3>" ... that no concept has."""
        if not self.has(handle):
            return handle
        number = 2
        while self.has(numbered := f"{handle[:-1]}-{number}>"):
            number += 1
        return numbered

    def path(self, handle: str) -> Path:
        """Return the path of the concept `handle`, whether it exists or not."""
        return self.folder / f"{handle.strip('<>')}{SUFFIX}"

    def borrow(self, path: Path) -> Entry:
        """Use a concept file from anywhere for as long as this process runs; `find` prefers it.

        Raises StudioError when it is no concept.
        """
        entry = Entry(path, read_header(path))
        self.borrowed.insert(0, entry)
        return entry

    def resolve(self, name: str) -> Entry:
        """Return the concept in the file `name`, or of that name. Raises StudioError when there is none."""
        return self.borrow(Path(name)) if Path(name).is_file() else self.find(to_handle(name))

    def rename(self, handle: str, name: str) -> Entry:
        """Give a concept another name. Raises StudioError when the name is taken or cannot be used."""
        entry, new = self.find(handle), to_handle(name)
        if new == handle:
            return entry
        if self.has(new):
            raise StudioError(f"{new} is already the name of a concept.", "Choose another name.")
        target = self.path(new)
        rename_handle(entry.path, handle, new, target)
        if target != entry.path:
            with disk_errors(entry.path):
                entry.path.unlink()
        return self.find(new)

    def delete(self, handle: str) -> Path:
        """Move a concept to the trash; return its path there."""
        entry = self.find(handle)
        return move_file(entry.path, self.trash / f"{time.strftime('%Y%m%d-%H%M%S')}-{entry.path.name}")

    def restore(self, trashed: Path) -> Entry:
        """Move a deleted concept back. Raises StudioError when its name is taken by now."""
        entry = self.add(trashed)
        trashed.unlink()
        return entry

    def add(self, path: Path) -> Entry:
        """Copy a concept file into the Library. Raises StudioError when it is none or its handle is taken."""
        header = read_header(path)
        for handle in header.handles:
            if self.has(handle):
                hint = "Rename the one in the Library first, then import again."
                raise StudioError(f"The Library already has a concept called {handle}.", hint)
        target = self.path(header.handle)
        write_atomic(target, path.read_bytes())
        return Entry(target, header)
