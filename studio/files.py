"""Files: written whole or not at all, and places tried before a long task instead of after it.

Needs only the standard library.
"""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import StudioError
from studio.limits import MAX_LINES_BYTES, MB

if TYPE_CHECKING:
    from PIL.Image import Image

PARTIAL = ".partial"
MAX_NAME_BYTES = 200  # of a name in the trash, which gets the time before it; file systems allow 255


def keep_private() -> None:
    """Let nobody but the user read the files that this process and its children write from now on (POSIX)."""
    os.umask(0o077)


def close_folder(folder: Path) -> None:
    """Let nobody but its owner into a folder (POSIX). One that many share, such as /tmp, stays as it is."""
    if os.name == "posix" and not folder.stat().st_mode & stat.S_ISVTX:
        with contextlib.suppress(PermissionError):  # it belongs to another user, who decides
            folder.chmod(0o700)


def writable_folder(place: Path, hint: str = "Name another with --out.") -> Path:
    """Return `place`, made if it is not there.

    Raises StudioError, with this hint, if nothing can be written there.
    """
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
    """Return `place`, its folder made. Raises StudioError if no file can be written there."""
    writable_folder(place.parent)
    if place.is_dir():
        raise StudioError(f"{place} is a folder.", "Name a file in it.")
    return place


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that `path` is either the old file or the whole new one, even after a power cut.

    File and folder are synced: a rename alone may reach the disk before the content.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the system can (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep_partials(folder: Path, older_than: float = 3600.0) -> int:
    """Delete the unfinished files that killed processes left anywhere in `folder`; return how many.

    Younger ones than `older_than` seconds may belong to a process that is just writing.
    """
    before = time.time() - older_than
    leftovers = [path for path in folder.rglob(f".*{PARTIAL}") if path.stat().st_mtime < before]
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def exists(path: Path) -> bool:
    """Return whether there is something at `path`; nothing is under a name that no file can have."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def read_lines(path: Path) -> list[str]:
    """Return the lines of a text file that are not empty. Raises StudioError when it cannot be read."""
    try:
        if path.is_file() and path.stat().st_size > MAX_LINES_BYTES:
            megabytes = MAX_LINES_BYTES // MB
            raise StudioError(f"{path} is larger than {megabytes} MB.", "Give a shorter text file.")
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise StudioError(f"{path} cannot be read.", "Give a plain text file.") from error
    return [line.strip() for line in lines if line.strip()]


def move_to_trash(path: Path, trash: Path) -> Path:
    """Move a file to `trash`, where it has the time before its name; return its path there."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = os.fsdecode(os.fsencode(path.name)[-MAX_NAME_BYTES:])
    target, number = trash / f"{stamp}-{name}", 1
    while os.path.lexists(target):
        number += 1
        target = trash / f"{stamp}-{number}-{name}"
    return Path(shutil.move(path, target))


def png_bytes(picture: Image, **options: Any) -> bytes:
    """Return a picture as PNG; `options` are those of Pillow."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", **options)
    return buffer.getvalue()
