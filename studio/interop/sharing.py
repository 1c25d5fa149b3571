"""A concept's own file for others: without what its maker may want to keep."""

from __future__ import annotations

import dataclasses
import json
import struct
from pathlib import Path

from studio.concepts.header import METADATA_KEY, read_header, read_table
from studio.files import write_atomic

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
    table, start = read_table(path)
    bare = dataclasses.replace(header, preview=b"", photos=0, settings=kept, note="")
    entries = {name: entry for name, entry in table.items() if name != "__metadata__"}
    head = json.dumps({"__metadata__": {METADATA_KEY: bare.to_text()}, **entries}).encode("utf-8")
    head += b" " * (-len(head) % 8)
    write_atomic(target, struct.pack("<Q", len(head)) + head + path.read_bytes()[start:])
