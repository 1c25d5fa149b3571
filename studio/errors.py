"""The error that a user reads, and what the system says of a disk or a device put as one."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.limits import MAX_MESSAGE_LETTERS
from studio.words import tr

FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))  # the disk, or one's share of it


def shortened(text: str, letters: int = MAX_MESSAGE_LETTERS) -> str:
    """Return a text that can be shown anywhere: the middle of a long one is left out.

    Half of a character, which file names may hold and no page can show, becomes an escape.
    """
    if len(text) > letters:
        text = f"{text[: letters // 2]} … {text[len(text) - letters // 2 :]}"
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


class StudioError(Exception):
    """An error that the user can correct: what happened, and what to do about it, in the user's language.

    Args:
        message, hint: English, with places for the values as in `tr`.
        values: what stands in these places. It may be what somebody sent, so the sentences are shortened.

    Every other exception is a fault of the program; it
    ends a job as failed and its traceback goes to the job's log, never to the page.
    """

    def __init__(self, __message: str, __hint: str = "", **values: object) -> None:
        self.message = shortened(tr(__message, **values))
        self.hint = shortened(tr(__hint, **values))
        super().__init__(self.message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()


class BrokenPictureError(StudioError):
    """A picture whose pixels are no numbers, which would be shown as black."""


class DiskError(StudioError):
    """Something that the disk does not take: it is full, read-only or broken."""


def disk_error(path: Path, error: OSError) -> DiskError:
    """Return the sentence for an error of the system at writing `path`."""
    if error.errno in FULL:
        hint = "Free some space, then try again."
        return DiskError("There is no room left on the disk for {file}.", hint, file=path.name)
    reason = error.strerror or tr("the system gives no reason")
    return DiskError(
        "{file} cannot be written: {reason}.",
        "Mend that, or choose another folder.",
        file=path,
        reason=reason,
    )


def disk_trouble(error: OSError) -> DiskError | None:
    """Return the sentence for an error that says the disk is full or read-only, None for any other."""
    if error.errno not in (*FULL, errno.EROFS):
        return None
    return disk_error(Path(str(error.filename or tr("this file"))), error)


def out_of_memory() -> StudioError:
    """Return the sentence for a device that ran out of memory."""
    return StudioError(
        "The device ran out of memory.",
        "Close other programs that use the device, or choose fewer photos per step or a smaller resolution, "
        "then try again.",
    )


def machine_trouble(error: Exception) -> StudioError | None:
    """Return the sentence for an error of a disk or of a device's memory, None for any other."""
    if isinstance(error, OSError):
        return disk_trouble(error)
    torch = sys.modules.get("torch")  # its errors are met only where it was imported
    return out_of_memory() if torch is not None and isinstance(error, torch.OutOfMemoryError) else None


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Raise DiskError for `path` in place of an OSError of the block."""
    try:
        yield
    except OSError as error:
        raise disk_error(path, error) from error
