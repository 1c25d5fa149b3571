"""Which pictures a person wants to see: all, the starred ones, those whose prompt has some words."""

from __future__ import annotations

import operator
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from studio.concepts.concept_library import Library, Shelf
from studio.file_index import FileIndex
from studio.folder_listing import ListedFile
from studio.workspace.picture_summary import PictureSummary, searchable, sought, words_in

MAX_REMEMBERED = 20  # answers, for people who type and delete


@dataclass(frozen=True)
class PictureFilter:
    """What is wanted.

    Args:
        text: words that must all be there, each the beginning of a word of the prompt, of a handle or its
            method, or of the base's name.
        starred: whether only starred pictures are.
    """

    text: str = ""
    starred: bool = False

    @property
    def words(self) -> tuple[str, ...]:
        """The words in lower case."""
        return tuple(words_in(self.text))

    @property
    def is_on(self) -> bool:
        """Whether it leaves anything out."""
        return self.starred or bool(self.words)


class PictureSearch:
    """Answers from the summaries of the pictures in `folder`. Any thread may ask.

    Args:
        concepts: says by which method the concepts of a picture were learned; None where nobody asks.
        index: a file that keeps the summaries for the next start.
    """

    def __init__(self, folder: Path, concepts: Library | None = None, index: Path | None = None) -> None:
        self.concepts = concepts
        self.index = FileIndex(folder, PictureSummary, PictureSummary.of, index)
        self._lock = threading.Lock()
        self._read: Sequence[ListedFile] = ()  # the files that the next three are about
        self._summaries: dict[ListedFile, PictureSummary] = {}
        self._words: dict[ListedFile, str] = {}
        self._names: dict[str, str] = {}  # by the key of a recipe
        self._shelf: Shelf | None = None  # that the methods, by handle, are from
        self._methods: dict[str, str] = {}
        self._asked: tuple[object, ...] = ()  # what the answers depend on
        self._answers: dict[PictureFilter, tuple[ListedFile, ...]] = {}

    def find(
        self, wanted: PictureFilter, files: Sequence[ListedFile], stars: frozenset[str]
    ) -> tuple[ListedFile, ...]:
        """Return those of the files that are wanted, in the order of `files`.

        The answer is remembered for as long as `files`, `stars` and the library are the same objects.
        """
        with self._lock:
            asked = (files, stars, self.concepts.shelf if self.concepts else None)
            if len(self._answers) >= MAX_REMEMBERED or not all(map(operator.is_, asked, self._asked)):
                self._answers.clear()
            self._asked = asked
            if wanted not in self._answers:
                starred = [file for file in files if file.name in stars] if wanted.starred else files
                self._answers[wanted] = self._matching(wanted.words, starred, files)
            return self._answers[wanted]

    def find_same(self, key: str, files: Sequence[ListedFile]) -> str | None:
        """Return the name of a picture whose recipe has this key, the oldest; None when there is none."""
        with self._lock:
            self._read_new(files)
            return self._names.get(key)

    def _matching(
        self, words: Sequence[str], among: Sequence[ListedFile], files: Sequence[ListedFile]
    ) -> tuple[ListedFile, ...]:
        if not words:
            return tuple(among)
        self._read_new(files)
        self._learn_methods()
        found = [file for file in among if file in self._words]
        for word in words:
            text = sought(word)
            handles = {handle for handle, method in self._methods.items() if text in method}
            found = [
                file
                for file in found
                if text in self._words[file]
                or (handles and not handles.isdisjoint(self._summaries[file].handles))
            ]
        return tuple(found)

    def _read_new(self, files: Sequence[ListedFile]) -> None:
        if files is self._read:
            return
        known = self.index.read(files)
        self._summaries = {file: it for file, it in known.items() if isinstance(it, PictureSummary)}
        self._words = {file: self._words.get(file) or it.words for file, it in self._summaries.items()}
        self._names = {}
        for file, summary in self._summaries.items():
            self._names.setdefault(summary.key, file.name)
        self._read = files

    def _learn_methods(self) -> None:
        shelf = self.concepts.shelf if self.concepts else None
        if shelf is None or shelf is self._shelf:
            return
        self._shelf = shelf
        self._methods = {
            handle: searchable(f"{entry.header.method_title} {entry.header.method}")
            for handle, entry in shelf.by_handle.items()
        }
