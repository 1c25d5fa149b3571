"""The files that a command line names: photos, and folders of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from studio.errors import StudioError
from studio.files import exists
from studio.photos.photo_set import MASKS

SIDE_FILES = {"thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r"}  # what systems put into folders of photos
MAX_NAMED = 5  # folders in one sentence


def is_side_file(path: Path) -> bool:
    """Return whether a file or folder is one that a system keeps for itself, such as `._dog.jpg`."""
    return path.name.startswith(".") or path.name.lower() in SIDE_FILES


def files_in(paths: Sequence[Path]) -> list[Path]:
    """Return these files, and those in these folders but for the side files of systems.

    Raises StudioError when one does not exist, or is a folder with nothing in it but other folders.
    """
    files: list[Path] = []
    for path in paths:
        if not exists(path):
            raise StudioError("There is no {path}.", "Name photos, or a folder with photos in it.", path=path)
        files += _files_of(path) if path.is_dir() else [path]
    return files


def _files_of(folder: Path) -> list[Path]:
    """Return the files of a folder, sorted. Raises StudioError when there are only folders."""
    entries = sorted(entry for entry in folder.iterdir() if not is_side_file(entry))
    files = [entry for entry in entries if entry.is_file()]
    inner = [entry for entry in entries if entry.is_dir() and entry.name.lower() != MASKS]
    if files or not (inner or entries):
        return files
    if not inner:
        raise StudioError(
            "There are only masks in {folder}.", "Put the photos beside the folder of masks.", folder=folder
        )
    few = "There are no photos in {folder}, only folders: {names}."
    many = "There are no photos in {folder}, only folders: {names} and {count} more."
    raise StudioError(
        many if len(inner) > MAX_NAMED else few,
        "Name one of them, such as {example}.",
        folder=folder,
        names=", ".join(entry.name for entry in inner[:MAX_NAMED]),
        count=len(inner) - MAX_NAMED,
        example=inner[0],
    )
