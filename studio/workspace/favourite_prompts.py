"""The prompts that a person has kept, in one small file of the workspace."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from annotated_types import MaxLen

from studio.documents import read_document
from studio.errors import StudioError
from studio.limits import MAX_FAVOURITE_PROMPTS, MAX_PROMPT_LETTERS
from studio.words import tr
from studio.workspace.kept_file import KeptFile

WHAT = tr("The list of favourite prompts")
Prompts = tuple[str, ...]


@dataclass(frozen=True)
class PromptList:
    """The file: prompts, the one that was kept last first."""

    prompts: Annotated[
        tuple[Annotated[str, MaxLen(MAX_PROMPT_LETTERS)], ...], MaxLen(MAX_FAVOURITE_PROMPTS)
    ] = ()


class FavouritePrompts:
    """The favourites in `file`; a damaged one goes to `trash`. Any thread may ask."""

    def __init__(self, file: Path, trash: Path) -> None:
        empty: Prompts = ()
        self._file = KeptFile(file, trash, empty, _prompts_in, _text_of, WHAT, tr("Keep them again."))

    @property
    def trouble(self) -> StudioError | None:
        """Why prompts that were kept are not shown, None when all are."""
        return self._file.trouble

    def all(self) -> Prompts:
        """Return the prompts, the one that was kept last first."""
        return self._file.read()

    def keep(self, prompt: str, kept: bool = True) -> None:
        """Keep a prompt, or let it go. Raises StudioError when that cannot be written."""
        prompt = prompt.strip()
        if not prompt:
            raise StudioError("There is no prompt to keep.", "Write one first.")

        def changed(before: Prompts) -> Prompts:
            if kept and prompt in before:
                return before
            after = (prompt, *before) if kept else tuple(one for one in before if one != prompt)
            if len(after) > MAX_FAVOURITE_PROMPTS:
                hint = "Take the star from some that you no longer need."
                raise StudioError(
                    "There are {most} favourite prompts, the most.",
                    hint,
                    most=MAX_FAVOURITE_PROMPTS,
                )
            return after

        self._file.change(changed)


def _prompts_in(text: bytes) -> Prompts:
    return read_document(PromptList, text, WHAT).prompts


def _text_of(prompts: Prompts) -> bytes:
    """Return the text of the file, a prompt a line."""
    return json.dumps({"prompts": prompts}, indent=0, ensure_ascii=False).encode("utf-8", "replace")
