"""The base models of this machine that a person can choose from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.bases.base_files import INDEX, BaseFiles, look_at
from studio.bases.family_card import FamilyCard, family_of
from studio.documents import DocumentError, ShortText, read_document
from studio.errors import StudioError
from studio.files import write_atomic
from studio.starter import STARTER
from studio.words import tr

FILE = "bases.json"  # in the workspace
STARTER_WORD = "starter"  # stands for its folder
MAX_RECENT = 8
MAX_LISTED = 200  # entries of a folder that are looked at


@dataclass(frozen=True)
class Base:
    """A base as it is named to the program.

    Args:
        path: a folder, a file, or a name on the hub.
        prediction: what it predicts, where its files do not say so.
    """

    path: ShortText
    prediction: ShortText = ""


@dataclass(frozen=True)
class KnownBase:
    """A base that can be chosen, or the reason why it cannot.

    Args:
        files: None for one that is not on this machine yet, or cannot be used.
        reason: why it cannot be used, empty if it can.
        family: what it belongs to; None as long as nobody has said which families there are.
    """

    base: Base
    name: str
    files: BaseFiles | None = None
    reason: str = ""
    family: FamilyCard | None = None

    @property
    def needs_prediction(self) -> bool:
        """Return whether a person has to say what it predicts."""
        return self.files is not None and self.files.needs_prediction

    @property
    def untrainable(self) -> str:
        """Return why nothing can be learned on it; empty if something can, or nothing is known."""
        if self.files is None or self.family is None or not self.files.is_distilled:
            return ""
        return tr(self.family.distilled)


@dataclass(frozen=True)
class Recent:
    """The bases that were used, the last one first."""

    bases: Annotated[tuple[Base, ...], MaxLen(MAX_RECENT)] = ()


class KnownBases:
    """The starter, the bases in some folders, and those that were used before.

    Args:
        workspace: the folder in which the recent ones are kept.
        folders: where to look for checkpoints and diffusers folders.
        families: those that can be opened; empty for not knowing.
    """

    def __init__(
        self, workspace: Path, folders: Sequence[Path] = (), families: Sequence[FamilyCard] = ()
    ) -> None:
        self._file = workspace / FILE
        self.folders, self.families = tuple(folders), tuple(families)
        self._seen: dict[tuple[str, float], BaseFiles] = {}  # by path and time of change

    def recent(self) -> tuple[Base, ...]:
        """Return the bases that were used, the last one first."""
        try:
            bases = read_document(Recent, self._file.read_bytes(), tr("The list of recent bases")).bases
        except (OSError, DocumentError):
            return ()
        return tuple(Base(str(STARTER)) if base.path == STARTER_WORD else base for base in bases)

    def last(self) -> KnownBase:
        """Return the base that was used last, with the reason if it cannot be now; at first the starter."""
        return self._look(next(iter(self.recent()), Base(str(STARTER))))

    def remember(self, base: Base) -> None:
        """Put a base in front of the recent ones."""
        others = [other for other in self.recent() if other.path != base.path]
        recent = [base, *others][:MAX_RECENT]
        # the starter of this program, wherever a later version lies
        named = (replace(one, path=STARTER_WORD) if one.path == str(STARTER) else one for one in recent)
        values = {"bases": [{"path": one.path, "prediction": one.prediction} for one in named]}
        write_atomic(self._file, json.dumps(values).encode("utf-8"))

    def all(self) -> list[KnownBase]:
        """Return every base once: the starter, the recent ones, and those of the folders by name."""
        found = [Base(str(STARTER)), *self.recent()]
        for folder in self.folders:
            found += [Base(str(path)) for path in _candidates(folder)]
        unique = {base.path: base for base in reversed(found) if base.path}
        order = dict.fromkeys(base.path for base in found)
        return [self._look(unique[path]) for path in order if path in unique]

    def find(self, path: str) -> KnownBase:
        """Return a base of the list. Raises StudioError for others: the page may not open what it likes."""
        for known in self.all():
            if known.base.path == path:
                return known
        raise StudioError("That base is not in the list any more.", "Choose one of those shown.")

    def _look(self, base: Base) -> KnownBase:
        """Return what a base is, from memory unless it has changed."""
        path = Path(base.path).expanduser()
        try:
            changed = path.stat().st_mtime
        except OSError:
            is_name = not path.is_absolute() and base.path.count("/") == 1
            reason = "" if is_name else tr("It is not there any more.")
            return KnownBase(base, base.path if is_name else path.name, reason=reason)
        if (base.path, changed) not in self._seen:
            try:
                self._seen[base.path, changed] = look_at(path)
            except StudioError as error:  # not kept: what is missing in a folder may come
                return KnownBase(base, path.name, reason=error.message)
        files = self._seen[base.path, changed]
        family = family_of(files, self.families)
        if family or not self.families:
            return KnownBase(base, path.name, files, family=family)
        reason = tr("It is a {kind}, which cannot be opened here.", kind=files.title)
        return KnownBase(base, path.name, files, reason, family)


def _candidates(folder: Path) -> list[Path]:
    """Return what in a folder may be a base: checkpoints, and diffusers folders."""
    try:
        entries = sorted(folder.iterdir(), key=lambda path: path.name.lower())
    except OSError:
        return []
    wanted = (path for path in entries if path.suffix == ".safetensors" or (path / INDEX).is_file())
    return [path for _, path in zip(range(MAX_LISTED), wanted, strict=False)]
