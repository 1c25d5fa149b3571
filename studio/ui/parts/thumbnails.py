"""Small pictures of concepts, as files that the page may serve."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from html import escape
from pathlib import Path

from PIL import Image

from studio.concepts.concept_library import Entry
from studio.concepts.preview import open_preview
from studio.errors import StudioError, disk_errors
from studio.files import png_bytes, write_atomic
from studio.ui.parts.markup import file_url
from studio.workspace.workspace import Workspace

SIDE = 256


def thumbnail_folder(workspace: Workspace) -> Path:
    """Return the folder of the thumbnails."""
    return workspace.cache / "thumbnails"


def thumbnail(workspace: Workspace, entry: Entry) -> Path | None:
    """Return a concept's preview as a PNG file, None when it has none."""
    about = f"{entry.path.name} {entry.changed} {entry.size_bytes}"
    return small_picture(workspace, about, lambda: open_preview(entry.read_preview()))


def small_picture(workspace: Workspace, about: str, read: Callable[[], Image.Image | None]) -> Path | None:
    """Return a small picture as a PNG file, None when there is none; it is read only if there is no file yet.

    What is read may come from anybody, so only pixels that Pillow read are written.

    Args:
        about: differs for each picture and each of its versions.
    """
    # the name says what is in the file, so that none is opened to find it
    path = thumbnail_folder(workspace) / f"{hashlib.sha256(os.fsencode(about)).hexdigest()[:24]}.png"
    if path.exists():
        return path
    try:
        small = read()
        if small is None:
            return None
        small.thumbnail((SIDE, SIDE))
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, png_bytes(small))
    except (StudioError, OSError):
        return None
    return path


def small_file(workspace: Workspace, path: Path) -> Path | None:
    """Return a small copy of a PNG of the workspace, None when it is gone or cannot be shown."""
    try:
        state = path.stat()
    except OSError:
        return None
    about = f"{path} {state.st_mtime_ns} {state.st_size}"
    return small_picture(workspace, about, lambda: open_preview(path.read_bytes()))


def portrait(workspace: Workspace, entry: Entry) -> str:
    """Return a concept's cover or preview as HTML, or its first letter when it has none."""
    cover = workspace.marks.of(entry.header).cover
    path = small_file(workspace, workspace.pictures / cover) if cover else None
    path = path or thumbnail(workspace, entry)
    if path is None:
        letter = escape(entry.header.handle[1].upper())
        return f'<span class="portrait letter" aria-hidden="true">{letter}</span>'
    return f'<img class="portrait" src="{escape(file_url(path))}" alt="" loading="lazy">'
