"""Which concepts of the Library are shown, and in which order; remembered while nothing changes."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from studio.concepts.concept_library import Entry, Shelf
from studio.concepts.header import Header
from studio.workspace.concept_marks import ConceptMarks, Mark, MarksDocument, concept_key
from studio.workspace.picture_summary import searchable, sought, words_in

MAX_REMEMBERED = 32
NEWEST, NAME, SCORE = "newest", "name", "score"


@dataclass(frozen=True)
class ConceptFilter:
    """What is wanted.

    Args:
        text: words that must all be there, each the beginning of a word of a handle, a noun, the method, the
            base or the note.
        starred: whether only starred concepts are.
        order: by `NEWEST`, `NAME` or `SCORE`.
    """

    text: str = ""
    starred: bool = False
    order: str = NEWEST

    @property
    def words(self) -> tuple[str, ...]:
        """The words in lower case."""
        return tuple(words_in(self.text))


def score_of(header: Header) -> float | None:
    """Return how well a concept was learned, the mean over its handles: more is better, 1 is like the photos.

    None where no verdict was given.
    """
    found = [verdict.score for verdict in header.verdicts.values()]
    return sum(found) / len(found) if found else None


class ConceptSearch:
    """Answers about the concepts on a shelf with their `marks`. Any thread may ask."""

    def __init__(self, marks: ConceptMarks) -> None:
        self.marks = marks
        self._lock = threading.Lock()
        self._shelf, self._marks = Shelf(), MarksDocument()  # what the answers are about
        self._words: dict[int, str] = {}  # by id() of an entry of the shelf
        self._answers: dict[ConceptFilter, tuple[Entry, ...]] = {}

    def find(self, shelf: Shelf, wanted: ConceptFilter) -> tuple[Entry, ...]:
        """Return the wanted concepts in their order."""
        document = self.marks.content()
        with self._lock:
            if shelf is not self._shelf or document is not self._marks:
                self._answers, self._words = {}, {}
            elif len(self._answers) >= MAX_REMEMBERED:
                self._answers = {}
            self._shelf, self._marks = shelf, document
            if wanted not in self._answers:
                self._answers[wanted] = self._sorted(self._matching(wanted), wanted.order)
            return self._answers[wanted]

    def _matching(self, wanted: ConceptFilter) -> list[Entry]:
        found = list(self._shelf.entries)
        if wanted.starred:
            stars = {key for key, mark in self._marks.concepts.items() if mark.starred}
            found = [entry for entry in found if stars and concept_key(entry.header) in stars]
        for word in wanted.words:
            text = sought(word)
            found = [entry for entry in found if text in self._words_of(entry)]
        return found

    def _words_of(self, entry: Entry) -> str:
        known = self._words.get(id(entry))
        if known is None:
            header = entry.header
            mark = self._marks.concepts.get(concept_key(header), Mark()) if self._marks.concepts else Mark()
            note = header.note if mark.note is None else mark.note
            names = [*header.handles, *header.handles.values(), header.method_title, header.method]
            known = self._words[id(entry)] = searchable(" ".join([*names, header.base, note]))
        return known

    def _sorted(self, entries: list[Entry], order: str) -> tuple[Entry, ...]:
        if order == NAME:
            return tuple(sorted(entries, key=lambda entry: entry.header.handle))
        if order == SCORE:
            return tuple(sorted(entries, key=lambda entry: _rank(entry.header), reverse=True))
        return tuple(entries)


def _rank(header: Header) -> float:
    """Return a number to sort by: concepts without a verdict come last."""
    score = score_of(header)
    return float("-inf") if score is None else score
