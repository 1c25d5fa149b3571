"""The folder of painted pictures: those that can be shown, and why the other files cannot."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from studio.errors import StudioError

PNG_START = b"\x89PNG\r\n\x1a\n"


def sort_out(paths: Iterable[Path]) -> tuple[list[Path], dict[str, StudioError]]:
    """Return those of the files that can be shown, and by file name why the others cannot."""
    shown: list[Path] = []
    unreadable: dict[str, StudioError] = {}
    for path in paths:
        try:
            reason = _reason(path, path.stat().st_mtime_ns)
        except OSError as error:
            reason = error.strerror or "it is gone"
        if reason:
            unreadable[path.name] = StudioError(f"{path.name} cannot be shown: {reason}.")
        else:
            shown.append(path)
    return shown, unreadable


@lru_cache(maxsize=4096)
def _reason(path: Path, changed: int) -> str:
    """Return why a file cannot be shown, empty when it can. Raises OSError."""
    if not path.is_file():
        return "it is no file"
    with path.open("rb") as file:
        return "" if file.read(len(PNG_START)) == PNG_START else "it is no PNG"
