"""The former names of concepts, so that the recipes of old pictures still find them.

A concept's name is a part of its file, so renaming changes the file's hash. Each renaming is noted with both
hashes, in renamed.json of the workspace; a recipe has the hash of every concept it was painted with.
"""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.concepts.concept_library import Library
from studio.documents import DocumentError, Handle, ShortText, read_document
from studio.files import write_atomic
from studio.grids.grid_folder import GridFolder
from studio.recipes.recipe import Recipe
from studio.recipes.renaming import Renaming, renamed_recipe
from studio.words import tr

MAX_RENAMINGS = 5000  # the oldest are forgotten first


@dataclass(frozen=True)
class FormerName:
    """A renaming on disk; the fields are those of `Renaming`."""

    old: Handle
    new: Handle
    before: ShortText
    after: ShortText


@dataclass(frozen=True)
class RenamingsDocument:
    """All renamings of a workspace, oldest first."""

    renamed: Annotated[tuple[FormerName, ...], MaxLen(MAX_RENAMINGS)] = ()


class FormerNames:
    """The renamings of the concepts in a library, in a file that is made with the first."""

    def __init__(self, file: Path, library: Library) -> None:
        self.file, self._library, self._lock = file, library, threading.Lock()

    def add(self, renaming: Renaming) -> None:
        """Note a renaming. Raises DiskError."""
        with self._lock:
            now = FormerName(renaming.old, renaming.new, renaming.before, renaming.after)
            # a name that was given back makes an earlier hash the present one
            others = [one for one in self._read() if one.before not in (now.before, now.after)]
            document = RenamingsDocument((*others[1 - MAX_RENAMINGS :], now))
            write_atomic(self.file, json.dumps(asdict(document)).encode("utf-8"))

    def _read(self) -> tuple[FormerName, ...]:
        try:
            return read_document(
                RenamingsDocument, self.file.read_bytes(), tr("The list of renamings")
            ).renamed
        except (OSError, DocumentError):
            return ()

    def present(self, recipe: Recipe) -> tuple[Recipe, list[str]]:
        """Return a recipe with the present names of its concepts, and a sentence for each that has another.

        A concept that is in the library as it was is left alone, and so is one that was renamed and is gone.
        """
        steps = {one.before: one for one in self._read()} if recipe.concepts else {}
        present: dict[str, tuple[str, str]] = {}
        for handle, then in recipe.concepts.items():
            if then not in steps or self._is_there(handle, then):
                continue
            name, now = handle, then
            for _ in range(len(steps)):  # no longer than the chain can be
                if (step := steps.get(now)) is None:
                    break
                name, now = step.new if step.old == name else name, step.after
            if self._library.has(name):
                present[handle] = (name, now)
        # a name that something else in the recipe has by now would make one of two concepts
        staying = set(recipe.handles) - present.keys()
        present = {old: it for old, it in present.items() if it[0] not in staying}
        names = {old: name for old, (name, _) in present.items()}
        hashes = {recipe.concepts[old]: now for old, (_, now) in present.items()}
        notes = [
            tr("Painted with {old}, now called {new}.", old=old, new=new)
            for old, new in names.items()
            if old != new
        ]
        return (renamed_recipe(recipe, names, hashes) if names else recipe), notes

    def present_grid(self, grid: GridFolder) -> GridFolder:
        """Return a grid with the present names of its concepts; its file and pictures are changed with it.

        Raises DiskError, and StudioError for a picture that cannot be read.
        """
        used = {it for cell in grid.cells for it in cell.recipe.concepts.values()}
        for one in self._read():  # in the order in which it was done, since names may change places
            if one.before in used and not self._is_there(one.old, one.before):
                grid = grid.rename(Renaming(one.old, one.new, one.before, one.after))
                used = used - {one.before} | {one.after}
        return grid

    def _is_there(self, handle: str, hash: str) -> bool:
        return self._library.has(handle) and self._library.hash(self._library.find(handle)) == hash
