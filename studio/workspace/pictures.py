"""The folder of painted pictures: those that can be shown, starred and searched, and why others cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from studio.concepts.concept_library import Library
from studio.documents import is_file_name
from studio.errors import DiskError, StudioError, shortened
from studio.files import exists, move_file, move_to_trash
from studio.folder_listing import FolderListing, ListedFile
from studio.recipes.recipe import Recipe
from studio.words import tr
from studio.workspace.picture_search import PictureFilter, PictureSearch
from studio.workspace.picture_summary import PictureSummary, recipe_key
from studio.workspace.stars import Stars

PNG_START = b"\x89PNG\r\n\x1a\n"
OF_A_JOB = re.compile(  # "00012-01.png", in the trash after a time
    r"(?:\d{8}-\d{6}(?:\.\d+)?-)?(\d{5,12})-\d{2,3}\.png"
)
GONE = StudioError("That picture is no longer there.", "Select another one.")


READ_AT_ONCE = 200  # summaries, so that whoever asks meanwhile does not wait for thousands
EVERYTHING = PictureFilter()


@dataclass(frozen=True)
class PicturePage:
    """Some pictures, newest first.

    Args:
        count: how many there are in all, on other pages too.
        prompts: by file name, what each shows, where its recipe can be read.
        starred: the file names of those with a star.
    """

    paths: Sequence[Path] = ()
    count: int = 0
    prompts: dict[str, str] = field(default_factory=dict)
    starred: frozenset[str] = frozenset()
    unreadable: dict[str, StudioError] = field(default_factory=dict)


class Gallery:
    """The pictures in `folder`, newest first; deleted ones are moved to `trash`.

    Args:
        stars: the file of the stars.
        library, index: see `PictureSearch`.
    """

    def __init__(
        self,
        folder: Path,
        trash: Path,
        stars: Path,
        library: Library | None = None,
        index: Path | None = None,
    ) -> None:
        self.folder, self.trash = folder, trash
        self.stars = Stars(stars, trash)
        self._search = PictureSearch(folder, library, index)
        self._listing = FolderListing(folder, ".png")

    def newest(self, limit: int = 60, start: int = 0) -> list[Path]:
        """Return the pictures among `limit` files, newest first, without the `start` newest."""
        return sort_out(self._paths(limit, start))[0]

    def unreadable(self, limit: int = 60, start: int = 0) -> dict[str, StudioError]:
        """Return by file name why others among the files of `newest` cannot be shown."""
        return sort_out(self._paths(limit, start))[1]

    def count(self, wanted: PictureFilter = EVERYTHING) -> int:
        """Return how many files there are."""
        return len(self._wanted(wanted))

    def page(self, limit: int, start: int = 0, wanted: PictureFilter = EVERYTHING) -> PicturePage:
        """Return at most `limit` of the wanted pictures, newest first, without the `start` newest."""
        files = self._files(limit, start, wanted)
        paths, unreadable = sort_out(self.folder / file.name for file in files)
        summaries = self._search.index.some(files)
        prompts = {file.name: it.prompt for file, it in summaries.items() if isinstance(it, PictureSummary)}
        return PicturePage(paths, self.count(wanted), prompts, self.stars.names(), unreadable)

    def _wanted(self, wanted: PictureFilter) -> Sequence[ListedFile]:
        files = self._listing.files()
        return self._search.find(wanted, files, self.stars.names()) if wanted.is_on else files

    def _files(self, limit: int, start: int, wanted: PictureFilter) -> list[ListedFile]:
        files = self._wanted(wanted)
        end = len(files) - start
        return [file for file in reversed(files[max(0, end - limit) : max(0, end)])]

    def _paths(self, limit: int, start: int) -> list[Path]:
        return [self.folder / file.name for file in self._files(limit, start, EVERYTHING)]

    def last_number(self) -> int:
        """Return the largest number of a job in the names of pictures, deleted ones too; 0 without any."""
        files = [file.name for file in self._listing.files()]
        files += [path.name for path in self.trash.glob("*.png")]
        return max((int(found[1]) for name in files if (found := OF_A_JOB.fullmatch(name))), default=0)

    def read_ahead(self) -> None:
        """Read what the pictures say, so that the first search does not wait for thousands."""
        files = self._listing.files()
        for start in range(0, len(files), READ_AT_ONCE):
            self._search.index.some(files[start : start + READ_AT_ONCE])
        self._search.index.read(files)

    def recent_prompts(self, limit: int) -> list[str]:
        """Return at most `limit` prompts of pictures, each once, the one that was painted last first."""
        files = self._listing.files()
        prompts: dict[str, None] = {}
        for end in range(len(files), 0, -READ_AT_ONCE):
            chunk = files[max(0, end - READ_AT_ONCE) : end]
            said = self._search.index.some(chunk)
            newest_first = (said[file] for file in reversed(chunk))
            prompts |= {one.prompt: None for one in newest_first if isinstance(one, PictureSummary)}
            if len(prompts) >= limit:
                break
        return list(prompts)[:limit]

    def find_painted(self, recipe: Recipe) -> Path | None:
        """Return a picture of exactly this recipe, None when there is none."""
        name = self._search.find_same(recipe_key(recipe), self._listing.files())
        path = self.folder / name if name else None
        return path if path and path.is_file() else None

    def find(self, name: str) -> Path:
        """Return the picture of this name. Raises StudioError when there is none."""
        if is_file_name(name) and (path := self.folder / name).suffix == ".png" and path.is_file():
            return path
        raise GONE

    def find_all(self, names: Iterable[str]) -> list[Path]:
        """Return the pictures of these names, without those that are gone. Raises StudioError for none."""
        found = []
        for name in names:
            with suppress(StudioError):
                found.append(self.find(name))
        if not found:
            raise GONE
        return found

    def delete(self, name: str) -> Path:
        """Move a picture to the trash; return its path there. Raises StudioError when there is none."""
        return move_to_trash(self.find(name), self.trash)

    def delete_all(self, names: Iterable[str]) -> dict[str, Path]:
        """Move pictures to the trash; return by name their paths there. Those that are gone are left out.

        On a disk that takes no more, returns those that were moved. Raises StudioError when none was.
        """
        trashed: dict[str, Path] = {}
        trouble: StudioError = GONE
        for name in names:
            try:
                trashed[name] = self.delete(name)
            except DiskError as error:
                trouble = error
                break
            except StudioError:
                continue
        if not trashed:
            raise trouble
        return trashed

    def restore(self, trashed: Path, name: str) -> Path:
        """Move a deleted picture back under its old name; return its path. Raises StudioError."""
        if not exists(trashed):
            raise StudioError("That picture is no longer in the trash.", "Paint it again from its recipe.")
        if exists(self.folder / name):
            raise StudioError(
                "There is another {name} by now.", "Look into the workspace's trash folder.", name=name
            )
        return move_file(trashed, self.folder / name)

    def restore_all(self, trashed: dict[str, Path]) -> None:
        """Move deleted pictures back. Raises the StudioError of the first that cannot be, at the end."""
        troubles = []
        for name, path in trashed.items():
            try:
                self.restore(path, name)
            except StudioError as error:
                troubles.append(error)
        if troubles:
            raise troubles[0]

    def discard(self, name: str) -> Path:
        """Move a file that cannot be shown to the trash; return its path there. Raises StudioError."""
        named = [self.folder / file.name for file in self._listing.files() if shortened(file.name) == name]
        unreadable = sort_out(named)[1]
        if not unreadable:
            raise StudioError(
                "{name} is no longer there, or can be shown.", "Look at the pictures.", name=name
            )
        return move_to_trash(self.folder / next(iter(unreadable)), self.trash)


def sort_out(paths: Iterable[Path]) -> tuple[list[Path], dict[str, StudioError]]:
    """Return those of the files that can be shown, and by file name why the others cannot."""
    shown: list[Path] = []
    unreadable: dict[str, StudioError] = {}
    for path in paths:
        try:
            reason = _reason(path, path.stat().st_mtime_ns)
        except OSError as error:
            reason = error.strerror or tr("it is gone")
        if reason:
            unreadable[path.name] = StudioError(
                "{file} cannot be shown: {reason}.", file=path.name, reason=reason
            )
        else:
            shown.append(path)
    return shown, unreadable


@lru_cache(maxsize=4096)
def _reason(path: Path, changed: int) -> str:
    """Return why a file cannot be shown, empty when it can. Raises OSError."""
    if not path.is_file():
        return tr("it is no file")
    with path.open("rb") as file:
        return "" if file.read(len(PNG_START)) == PNG_START else tr("it is no PNG")
