"""The folder of painted pictures: those that can be shown, and why the other files cannot."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from studio.documents import is_file_name
from studio.errors import StudioError, shortened
from studio.files import exists, move_file, move_to_trash
from studio.folder_listing import FolderListing

PNG_START = b"\x89PNG\r\n\x1a\n"
GONE = StudioError("That picture is no longer there.", "Select another one.")


class Gallery:
    """The pictures in `folder`, newest first; deleted ones are moved to `trash`."""

    def __init__(self, folder: Path, trash: Path) -> None:
        self.folder, self.trash = folder, trash
        self._listing = FolderListing(folder, ".png")

    def newest(self, limit: int = 60, start: int = 0) -> list[Path]:
        """Return the pictures among `limit` files, newest first, without the `start` newest."""
        return sort_out(self._files(limit, start))[0]

    def unreadable(self, limit: int = 60, start: int = 0) -> dict[str, StudioError]:
        """Return by file name why others among the files of `newest` cannot be shown."""
        return sort_out(self._files(limit, start))[1]

    def count(self) -> int:
        """Return how many files there are."""
        return len(self._listing.files())

    def _files(self, limit: int, start: int) -> list[Path]:
        files = self._listing.files()
        end = len(files) - start
        return [self.folder / file.name for file in reversed(files[max(0, end - limit) : max(0, end)])]

    def find(self, name: str) -> Path:
        """Return the picture of this name. Raises StudioError when there is none."""
        if is_file_name(name) and (path := self.folder / name).suffix == ".png" and path.is_file():
            return path
        raise GONE

    def delete(self, name: str) -> Path:
        """Move a picture to the trash; return its path there. Raises StudioError when there is none."""
        return move_to_trash(self.find(name), self.trash)

    def restore(self, trashed: Path, name: str) -> Path:
        """Move a deleted picture back under its old name; return its path. Raises StudioError."""
        if not exists(trashed):
            raise StudioError("That picture is no longer in the trash.", "Paint it again from its recipe.")
        if exists(self.folder / name):
            raise StudioError(f"There is another {name} by now.", "Look into the workspace's trash folder.")
        return move_file(trashed, self.folder / name)

    def discard(self, name: str) -> Path:
        """Move a file that cannot be shown to the trash; return its path there. Raises StudioError."""
        named = [self.folder / file.name for file in self._listing.files() if shortened(file.name) == name]
        unreadable = sort_out(named)[1]
        if not unreadable:
            raise StudioError(f"{name} is no longer there, or can be shown.", "Look at the pictures.")
        return move_to_trash(self.folder / next(iter(unreadable)), self.trash)


def sort_out(paths: Iterable[Path]) -> tuple[list[Path], dict[str, StudioError]]:
    """Return those of the files that can be shown, and by file name why the others cannot."""
    shown: list[Path] = []
    unreadable: dict[str, StudioError] = {}
    for path in paths:
        try:
            reason = _reason(path, path.stat().st_mtime_ns)
        except OSError as error:
            reason = error.strerror or "it is gone"
        if reason:
            unreadable[path.name] = StudioError(f"{path.name} cannot be shown: {reason}.")
        else:
            shown.append(path)
    return shown, unreadable


@lru_cache(maxsize=4096)
def _reason(path: Path, changed: int) -> str:
    """Return why a file cannot be shown, empty when it can. Raises OSError."""
    if not path.is_file():
        return "it is no file"
    with path.open("rb") as file:
        return "" if file.read(len(PNG_START)) == PNG_START else "it is no PNG"
