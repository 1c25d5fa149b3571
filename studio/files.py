"""Places to write to, made and tried before a long task, not after it. Needs only the standard library."""

from __future__ import annotations

import os
from pathlib import Path

from studio.errors import StudioError


def writable_folder(place: Path, hint: str = "Name another with --out.") -> Path:
    """A folder to write to, made where there is none. Raises StudioError, with this hint, when nothing can
    be written there."""
    probe = place / f".{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        reason = error.strerror or "it cannot be a folder"
        raise StudioError(f"The folder {place} cannot be written to: {reason}.", hint) from error
    return place


def writable_file(place: Path) -> Path:
    """A file to write, likewise."""
    writable_folder(place.parent)
    if place.is_dir():
        raise StudioError(f"{place} is a folder.", "Name a file in it.")
    return place


def write_atomic(path: Path, content: bytes) -> None:
    """Write `content` so that `path` is either the old file or the whole new one, whatever happens."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
