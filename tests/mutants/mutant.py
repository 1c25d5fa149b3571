"""A planted mistake: one change of the source that the tests must notice."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
AREAS = {  # the file with the list of each area, and what the table calls it
    "edits": "edits",
    "kit": "trainers/kit",
    "preparing": "photos, class pictures, trials",
    "models": "models",
    "files": "library, recipes",
    "methods": "trainers",
    "systems": "newer methods and refinements",
    "composing": "composing, regions, attention",
    "photos": "photos, masks",
    "refinements": "refinements, context",
    "scores": "scores, grids",
    "sampling": "generation, sampling",
    "workspace": "workspace, worker",
    "page": "ui, launcher, commands",
    "answers": "what the page asks and is answered",
    "keeping": "drafts, stars, names, crews, shared trainings",
}


class MutantError(Exception):
    """The list of planted mistakes no longer fits the source."""


@dataclass(frozen=True)
class Mutant:
    """One planted mistake.

    Args:
        what: what goes wrong, in words.
        file: the source file, below the root.
        old, new: the text that is replaced, which the file has exactly once, and what replaces it.
        tests: the tests that should notice, below `tests/`: files, or `file::test` for one of them.
        severe: whether it loses or spoils what a person made, or lets others in, without a word.
    """

    what: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
    severe: bool = False

    def applied_to(self, source: str) -> str:
        """Return the source with the mistake. Raises MutantError unless it has `old` exactly once."""
        count = source.count(self.old)
        if count != 1:
            raise MutantError(f"{self.file} has {count} times, not once: {self.old!r} ({self.what})")
        return source.replace(self.old, self.new)


def planted(what: str, file: str, old: str, new: str, *tests: str, severe: bool = False) -> Mutant:
    """Return a planted mistake; see `Mutant` for the arguments."""
    return Mutant(what, file, old, new, tests, severe)


def all_mutants() -> dict[str, list[Mutant]]:
    """Return the planted mistakes of every area, by the name of its file in `tests/mutants/lists/`."""
    return {area: importlib.import_module(f"tests.mutants.lists.{area}").MUTANTS for area in AREAS}
