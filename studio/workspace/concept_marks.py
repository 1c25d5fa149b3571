"""What a person adds to a concept: a star, a note and a cover, in one document of the workspace.

They are not in the concept's file: that would change its hash, by which the recipes of pictures know it, and
write hundreds of megabytes for a star. They are known by what never changes in a concept, so they survive
renaming, the trash and a second import, and another concept of the same name does not get them. What more
steps or fewer make of a concept gets them from it (`pass_on`). A note goes into the header of a copy that
leaves the workspace (`with_note`), and comes back with it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from annotated_types import MaxLen

from studio.concepts.concept_library import Entry
from studio.concepts.header import Header, read_header, write_with_header
from studio.documents import FileName, ShortText, read_document
from studio.errors import StudioError, disk_errors
from studio.files import sweep_folders
from studio.limits import MAX_MARKED, MAX_NOTE_LETTERS
from studio.words import tr
from studio.workspace.kept_file import KeptFile

WHAT = tr("The list of stars and notes of concepts")
KEY_LETTERS = 24
COPY_SECONDS = 24 * 3600.0  # for who downloads a concept from a card that was drawn a while ago


@dataclass(frozen=True)
class Mark:
    """What was added to one concept.

    Args:
        note: None where nobody wrote one here; the one in its header counts then.
        cover: the file name of a painted picture that stands for it, empty for its preview.
    """

    starred: bool = False
    note: Annotated[str, MaxLen(MAX_NOTE_LETTERS)] | None = None
    cover: FileName | None = None


@dataclass(frozen=True)
class MarksDocument:
    """The file: marks by `concept_key`, also of concepts in the trash."""

    concepts: Annotated[dict[ShortText, Mark], MaxLen(MAX_MARKED)] = field(default_factory=dict)


def concept_key(header: Header) -> str:
    """Return a text that is the same for a concept whatever it is called, and for no other."""
    about = [header.created, header.method, header.seed, header.fingerprint, header.final_loss]
    text = json.dumps([*about, header.steps, header.photos, list(header.handles.values())])
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:KEY_LETTERS]


def _training(header: Header) -> list[Any]:
    """Return what all concepts of one training have in common, whatever they are called."""
    return [header.method, header.seed, header.photos, list(header.handles.values())]


class ConceptMarks:
    """The marks in `file`; see `KeptFile`."""

    def __init__(self, file: Path, trash: Path) -> None:
        hint = tr("Give stars, notes and covers again.")
        self._kept = KeptFile(file, trash, MarksDocument(), _marks_in, _text_of, WHAT, hint)

    @property
    def trouble(self) -> StudioError | None:
        """Return why marks are not shown, None when all are."""
        return self._kept.trouble

    def content(self) -> MarksDocument:
        """Return all marks. It is the same object for as long as nothing has changed."""
        return self._kept.read()

    def of(self, header: Header) -> Mark:
        """Return what was added to a concept."""
        return self._kept.read().concepts.get(concept_key(header), Mark())

    def note(self, header: Header) -> str:
        """Return the note on a concept: the one written here, else the one that its file brought."""
        note = self.of(header).note
        return header.note if note is None else note

    def change(self, header: Header, **changes: Any) -> None:
        """Change the fields of a concept's mark. Raises StudioError when that cannot be kept."""
        key = concept_key(header)

        def changed(before: MarksDocument) -> MarksDocument:
            mark = dataclasses.replace(before.concepts.get(key, Mark()), **changes)
            others = {name: one for name, one in before.concepts.items() if name != key}
            after = others if mark == Mark() else {**others, key: mark}
            if len(after) > MAX_MARKED:
                hint = "Take the star from some that you no longer need."
                raise StudioError(
                    "There are {most:,} concepts with a star or a note, which is the most.",
                    hint,
                    most=MAX_MARKED,
                )
            return MarksDocument(after)

        self._kept.change(changed)

    def pass_on(self, before: Header, after: Header, stays: bool = False) -> None:
        """Give a concept's mark to the one that takes its place, unless that is of another training.

        Args:
            stays: whether the one before is kept, in the trash, and its mark with it.

        Raises StudioError when that cannot be kept.
        """
        old, new = concept_key(before), concept_key(after)
        if _training(before) != _training(after) or old == new:
            return

        def changed(known: MarksDocument) -> MarksDocument:
            concepts = {key: mark for key, mark in known.concepts.items() if key != new}
            if mark := concepts.get(old):
                if not stays or len(concepts) >= MAX_MARKED:
                    del concepts[old]
                concepts[new] = mark
            return MarksDocument(concepts)

        self._kept.change(changed)

    def write_note(self, header: Header, text: str) -> None:
        """Keep a note on a concept. Raises StudioError for one that is too long."""
        if len(text := text.strip()) > MAX_NOTE_LETTERS:
            raise StudioError(
                "The note has {count} letters.",
                "{most} are the most.",
                count=len(text),
                most=MAX_NOTE_LETTERS,
            )
        self.change(header, note=None if text == header.note else text)

    def with_note(self, entry: Entry, folder: Path) -> Path:
        """Return the concept's file with its note in the header: the file itself where it is there already.

        Otherwise a copy of the same name is written into `folder`, in a folder for this concept and note. The
        one with another note on it is deleted, and so are those of all concepts after a day.

        Raises DiskError when the disk does not take it.
        """
        sweep_folders(folder, COPY_SECONDS)
        note = self.note(entry.header)
        if note == entry.header.note:
            return entry.path
        about = f"{concept_key(entry.header)} {entry.changed} {entry.path.name} {note}"
        digest = hashlib.sha256(about.encode("utf-8", "replace")).hexdigest()[:KEY_LETTERS]
        copies = folder / concept_key(entry.header)
        target = copies / digest / entry.path.name
        if not target.exists():
            shutil.rmtree(copies, ignore_errors=True)
            with disk_errors(target):
                target.parent.mkdir(parents=True, exist_ok=True)
            write_with_header(entry.path, dataclasses.replace(read_header(entry.path), note=note), target)
        return target


def _marks_in(text: bytes) -> MarksDocument:
    return read_document(MarksDocument, text, WHAT)


def _text_of(marks: MarksDocument) -> bytes:
    """Return the text of the file, without what is as it comes."""
    concepts = {
        key: {name: value for name, value in dataclasses.asdict(mark).items() if value not in (None, False)}
        for key, mark in marks.concepts.items()
    }
    return json.dumps({"concepts": concepts}, indent=0, ensure_ascii=False).encode("utf-8")
