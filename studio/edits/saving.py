"""Saves a learned concept so that a full disk does not lose it: where it belongs, else in another folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from studio.errors import DiskError
from studio.words import tr

RETRY_SECONDS = 5.0


Save = Callable[[Path], object]  # writes the concept to a file, or raises DiskError


def save_anywhere(
    handle: str, save: Save, path: Path, others: Sequence[Path], say: Callable[[str], object] = print
) -> Path:
    """Save a concept as `path`, or in the first of the folders `others` that takes it; return where it is.

    When no folder takes it, this tries again every few seconds, since a training of hours would be lost.

    Args:
        say: gets a sentence, once, when there is nothing to do but wait.
    """
    said = False
    while True:
        for place in (path, *(_unused(folder / path.name) for folder in others)):
            try:
                save(place)
                return place
            except DiskError as error:
                if place == path:
                    reason = error
        if not said:
            say(tr("{handle} is learned, and waits to be saved. {reason}", handle=handle, reason=reason))
            said = True
        time.sleep(RETRY_SECONDS)


def save_and_say(handle: str, save: Save, path: Path, others: Sequence[Path]) -> None:
    """Save a concept as `path`, or elsewhere when there is no room for it, and print where it is."""
    saved = save_anywhere(handle, save, path, others)
    size = saved.stat().st_size / 1000
    words = "" if saved == path else " " + tr("There was no room for {file}.", file=path)
    print(tr("Saved as {file} ({kilobytes:.0f} kB).", file=saved, kilobytes=size) + words)


def _unused(path: Path) -> Path:
    """Return `path`, or with the first number behind its name that no file has."""
    number, free = 2, path
    while free.exists():
        free = path.with_stem(f"{path.stem}-{number}")
        number += 1
    return free
