"""A concept's own file for others: without what its maker may want to keep."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from studio.concepts.header import read_header, write_with_header

SHARED = "sharing"
PROMPTS = ("prompt", "rare_word")  # how the names of settings end that a person writes


def write_without_traces(path: Path, target: Path) -> None:
    """Write a copy of a concept without preview, prompts, note and the number of photos.

    The numbers stay as they are, so that it paints the same. Its name, nouns and the settings that are no
    texts of a person stay too.
    """
    header = read_header(path)
    texts = {
        name
        for name, value in header.settings.items()
        if isinstance(value, str) and (" " in value or name.endswith(PROMPTS))
    }
    kept = {name: value for name, value in header.settings.items() if name not in texts}
    bare = dataclasses.replace(header, preview=b"", photos=0, settings=kept, note="")
    write_with_header(path, bare, target, alone=True)
