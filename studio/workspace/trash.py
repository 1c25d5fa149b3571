"""The trash of a workspace: deleted concepts and pictures, to be brought back or deleted for good."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from studio.concepts.concept_library import SUFFIX, Library
from studio.documents import is_file_name
from studio.errors import StudioError, disk_errors
from studio.files import PARTIAL, delete_file, move_file
from studio.folder_listing import FolderListing, ListedFile
from studio.workspace.pictures import Gallery
from studio.workspace.presets import SUFFIX as PRESET_SUFFIX
from studio.workspace.presets import Presets

NAME = re.compile(r"(\d{8}-\d{6})(?:\.\d+)?-(.+)", re.DOTALL)  # as `studio.files.move_to_trash` writes it
STAMP = "%Y%m%d-%H%M%S"
KINDS = {SUFFIX: "concept", ".png": "picture", PRESET_SUFFIX: "preset"}
GONE = StudioError("That is no longer in the trash.", "Look at what is there now.")


@dataclass(frozen=True)
class Trashed:
    """One thing in the trash.

    Args:
        file: its name in the trash.
        name: the name that it had.
        kind: "concept", "picture", "preset", or "file" for anything else.
        deleted: when, in seconds since 1970; 0 where the name does not say.
        size: in bytes.
    """

    file: str
    name: str
    kind: str
    deleted: float
    size: int

    @property
    def title(self) -> str:
        """Return what it is called: the handle of a concept, else the name of the file."""
        if self.kind == "concept":
            return f"<{self.name.removesuffix(SUFFIX)}>"
        return self.name.removesuffix(PRESET_SUFFIX)


class Trash:
    """The things in `folder`, which come from a library, a gallery and presets, newest first."""

    def __init__(self, folder: Path, library: Library, gallery: Gallery, presets: Presets) -> None:
        self.folder, self._library = folder, library
        self._homes = {"concept": library.folder, "picture": gallery.folder, "preset": presets.folder}
        self._listing = FolderListing(folder, "")

    def newest(self, limit: int, start: int = 0) -> list[Trashed]:
        """Return `limit` things, deleted last first, without the `start` newest."""
        return [_trashed(file) for file in self._files()[::-1][start : start + limit]]

    def count(self) -> int:
        """Return how many things there are."""
        return len(self._files())

    def size(self) -> int:
        """Return how many bytes they have together."""
        return sum(file.size for file in self._files())

    def find(self, file: str) -> Trashed:
        """Return the thing of this name in the trash. Raises StudioError when there is none."""
        found = next((one for one in self._files() if one.name == file), None) if is_file_name(file) else None
        if found is None or not os.path.lexists(self.folder / file):
            raise GONE
        return _trashed(found)

    def restore(self, file: str) -> Trashed:
        """Put a thing back where it was. Raises StudioError when that cannot be, or its name is taken."""
        thing = self.find(file)
        path = self.folder / file
        if thing.kind == "file":
            raise StudioError(
                "Nobody knows where {thing} was.", "Look into the trash folder.", thing=thing.name
            )
        if thing.kind == "concept" and path.is_file():
            self._library.restore(path)
            return thing
        folder = self._homes[thing.kind]
        if os.path.lexists(folder / thing.name):
            raise StudioError("There is another {thing} by now.", "Delete that one first.", thing=thing.name)
        move_file(path, folder / thing.name)
        return thing

    def delete(self, file: str) -> Trashed:
        """Delete a thing for good. Raises StudioError when it is gone, or the disk does not let it go."""
        thing = self.find(file)
        _delete(self.folder / thing.file)
        return thing

    def empty(self) -> int:
        """Delete everything for good; return how many things that were. Raises StudioError."""
        files = self._files()
        for file in files:
            _delete(self.folder / file.name)
        return len(files)

    def _files(self) -> list[ListedFile]:
        """Return the things, deleted first first."""
        return [file for file in self._listing.files() if not file.name.endswith(PARTIAL)]


def _trashed(file: ListedFile) -> Trashed:
    match = NAME.fullmatch(file.name)
    name, deleted = (match[2], _seconds(match[1])) if match else (file.name, 0.0)
    kind = next((kind for suffix, kind in KINDS.items() if name.endswith(suffix)), "file")
    return Trashed(file.name, name, kind, deleted, file.size)


def _seconds(stamp: str) -> float:
    try:
        return time.mktime(time.strptime(stamp, STAMP))
    except (ValueError, OverflowError):
        return 0.0


def _delete(path: Path) -> None:
    """Delete a file, a folder, or a link without what it leads to."""
    if path.is_dir() and not path.is_symlink():
        with disk_errors(path):
            shutil.rmtree(path)
    else:
        delete_file(path)
