"""Files: written whole or not at all, and places tried before a long task instead of after it.

Needs only the standard library.
"""

from __future__ import annotations

import errno
import io
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.errors import StudioError, disk_errors
from studio.limits import MAX_LINES_BYTES, MB
from studio.words import tr

if TYPE_CHECKING:
    from PIL.Image import Image

PARTIAL = ".partial"
PARTIAL_SECONDS = 3600.0  # how long what a running process has not finished is left alone
WAITS = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds between tries of what the system forbids for a while
MAX_NAME_BYTES = 200  # of a name in the trash, which gets the time before it; file systems allow 255


def keep_private() -> None:
    """Let nobody but the user read the files that this process and its children write from now on (POSIX)."""
    os.umask(0o077)


def close_folder(folder: Path) -> None:
    """Let nobody but its owner into a folder (POSIX). One that many share, such as /tmp, stays as it is."""
    if os.name == "posix" and not folder.stat().st_mode & stat.S_ISVTX:
        with suppress(PermissionError):  # it belongs to another user, who decides
            folder.chmod(0o700)


def writable_folder(place: Path, hint: str = tr("Name another with --out.")) -> Path:
    """Return `place`, made if it is not there.

    Raises StudioError, with this hint, if nothing can be written there.
    """
    probe = place / f".{os.getpid()}"
    try:
        place.mkdir(parents=True, exist_ok=True)
        probe.touch()
        _patiently(probe.unlink)
    except OSError as error:
        reason = error.strerror or tr("it cannot be a folder")
        message = tr("The folder {folder} cannot be written to: {reason}.", folder=place, reason=reason)
        raise StudioError(message, hint) from error
    return place


def writable_file(place: Path) -> Path:
    """Return `place`, its folder made. Raises StudioError if no file can be written there."""
    writable_folder(place.parent)
    if place.is_dir():
        raise StudioError("{folder} is a folder.", "Name a file in it.", folder=place)
    return place


def write_atomic(path: Path, content: bytes) -> None:
    """Write a file so that `path` is either the old file or the whole new one, even after a power cut.

    File and folder are synced: a rename alone may reach the disk before the content.

    Raises DiskError when it cannot be written; nothing is left of it then.
    """
    partial = _partial_of(path)
    with disk_errors(path):
        try:
            with partial.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            _patiently(lambda: partial.replace(path))
        except BaseException:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder that becomes `path` at the end of the block; after an error nothing is left of it.

    Raises DiskError when the disk does not take it, or `path` exists.
    """
    partial = _partial_of(path)
    with disk_errors(path):
        partial.mkdir(parents=True)
    try:
        yield partial
        with disk_errors(path):
            _patiently(lambda: partial.rename(path))
            _sync_folder(path.parent)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def other_folders() -> list[Path]:
    """Return folders outside the workspace that may take a file for which it has no room."""
    folders = []
    with suppress(RuntimeError):
        folders.append(Path.home())
    with suppress(OSError):
        folders.append(Path(tempfile.gettempdir()))
    return folders


def move_file(path: Path, target: Path) -> Path:
    """Move a file, to another disk as well; return `target`. Raises DiskError when that cannot be done."""
    with disk_errors(target):
        try:
            _patiently(lambda: path.replace(target))
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            write_atomic(target, path.read_bytes())
            _patiently(path.unlink)
        _sync_folder(target.parent)
    return target


def delete_file(path: Path) -> None:
    """Delete a file, if it is there. Raises DiskError when that cannot be done."""
    with disk_errors(path):
        _patiently(lambda: path.unlink(missing_ok=True))


def _patiently(change: Callable[[], object]) -> None:
    """Rename or delete something; while the system forbids it, try a few times more.

    Windows forbids it for as long as another process has the file open, a virus scanner or a reader.
    """
    for seconds in WAITS:
        try:
            change()
        except PermissionError:
            time.sleep(seconds)
        else:
            return
    change()


def _partial_of(path: Path) -> Path:
    """Return a name beside `path` that no other thread or process uses, for what is not whole yet."""
    return path.with_name(f".{path.name[:100]}.{os.getpid()}-{secrets.token_hex(4)}{PARTIAL}")


def _sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable, where the system can (not on Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sweep_partials(folder: Path) -> int:
    """Delete the unfinished files and folders that ended processes left anywhere in `folder`.

    Those of a running process are kept for an hour, since it may be just writing them. Returns how many were
    deleted.
    """
    before, count = time.time() - PARTIAL_SECONDS, 0
    for path in list(folder.rglob(f".*{PARTIAL}")):
        with suppress(OSError):  # gone by now, or not ours to delete
            if _is_running(path) and path.stat().st_mtime >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            count += 1
    return count


def sweep_folders(folder: Path, older_than: float) -> None:
    """Delete the folders in `folder`, which may not exist, that are older than so many seconds."""
    before = time.time() - older_than
    for path in folder.glob("*/"):
        with suppress(OSError):  # gone by now
            if path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)


def _is_running(partial: Path) -> bool:
    """Return whether the process that began an unfinished file may still run; True where nobody can tell."""
    number = partial.name.removesuffix(PARTIAL).rpartition(".")[2].partition("-")[0]
    if os.name != "posix" or not number.isdecimal():
        return True
    try:
        os.kill(int(number), 0)  # asks only; on Windows it would end the process
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True  # it is another user's
    return True


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
            raise StudioError(
                "{file} is larger than {megabytes} MB.",
                "Give a shorter text file.",
                file=path,
                megabytes=megabytes,
            )
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise StudioError("{file} cannot be read.", "Give a plain text file.", file=path) from error
    return [line.strip() for line in lines if line.strip()]


def move_to_trash(path: Path, trash: Path) -> Path:
    """Move a file to `trash`, where it has the time before its name; return its path there.

    Raises DiskError when that cannot be done.
    """
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = os.fsdecode(os.fsencode(path.name)[-MAX_NAME_BYTES:])
    target, number = trash / f"{stamp}-{name}", 1
    while os.path.lexists(target):
        number += 1
        target = trash / f"{stamp}.{number}-{name}"
    return move_file(path, target)


def png_bytes(picture: Image, **options: Any) -> bytes:
    """Return a picture as PNG; `options` are those of Pillow."""
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", **options)
    return buffer.getvalue()
