"""The headers of a library's files, each read once."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from studio.concepts.header import Header, read_header
from studio.file_index import FileIndex


def header_index(folder: Path, file: Path | None = None) -> FileIndex[Header]:
    """Return the index of the concept files in `folder`. It keeps headers without their previews.

    Args:
        file: keeps them for the next start; None keeps nothing.
    """
    return FileIndex(folder, Header, _read, file)


def _read(path: Path) -> Header:
    """Return the header of a concept file. Raises StudioError when it is none."""
    return dataclasses.replace(read_header(path), preview=b"")
