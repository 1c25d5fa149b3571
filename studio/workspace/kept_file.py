"""A small file of what a person has marked, such as stars: read again when it has changed on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from studio.documents import DocumentError
from studio.errors import DiskError, StudioError
from studio.files import move_to_trash, write_atomic
from studio.limits import MAX_DOCUMENT_BYTES
from studio.words import tr

T = TypeVar("T")
IN_THE_TRASH = tr("The file is in the trash folder.")


class KeptFile(Generic[T]):
    """What `file` holds. Any thread may ask; another process may have changed it.

    Args:
        trash: where a damaged file goes, so that nothing is lost.
        empty: what there is without a file.
        parse: returns what the bytes of the file say; raises DocumentError.
        text: returns the bytes for it.
        what: its name for people, such as "The list of stars".
        hint: what to do when it was damaged.

    Attributes:
        trouble: why what was marked is not shown, None when all is.
    """

    def __init__(
        self,
        file: Path,
        trash: Path,
        empty: T,
        parse: Callable[[bytes], T],
        text: Callable[[T], bytes],
        what: str,
        hint: str,
    ) -> None:
        self.file, self.trash, self.what, self.hint = file, trash, what, hint
        self.trouble: StudioError | None = None
        self._empty, self._parse, self._text = empty, parse, text
        self._value = empty
        self._known: tuple[int, int, int] | None = None  # inode, time of change and size of the file
        self._lock = threading.Lock()

    def read(self) -> T:
        """Return what is kept. It is the same object for as long as nothing has changed."""
        with self._lock:
            return self._current()

    def change(self, changed: Callable[[T], T]) -> None:
        """Keep what `changed` makes of what is kept. Raises StudioError when it cannot be written."""
        with self._lock:
            before = self._current()
            if self.trouble is not None and self._state():
                raise self.trouble  # else the file that nobody could read would be written over
            after = changed(before)
            if after == before:
                return
            text = self._text(after)
            if len(text) > MAX_DOCUMENT_BYTES:
                raise StudioError(
                    "{what} would become too large.", "Delete some of it first.", what=self.what
                )
            write_atomic(self.file, text)
            self._value, self._known, self.trouble = after, self._state(), None

    def _current(self) -> T:
        state = self._state()
        if state != self._known:
            self._value = self._read() if state else self._empty
            self._known = self._state()
        return self._value

    def _read(self) -> T:
        try:
            value = self._parse(self.file.read_bytes())
        except DocumentError as error:
            hint = f"{IN_THE_TRASH} {self.hint}"
            self.trouble = StudioError(error.message, hint)
            with suppress(DiskError):
                move_to_trash(self.file, self.trash)
            return self._empty
        except OSError as error:
            reason = error.strerror or tr("the system gives no reason")
            self.trouble = StudioError(
                "{what} cannot be read: {reason}.",
                "Look at {file}.",
                what=self.what,
                reason=reason,
                file=self.file,
            )
            return self._empty
        self.trouble = None
        return value

    def _state(self) -> tuple[int, int, int] | None:
        try:
            state = self.file.stat()
        except OSError:
            return None
        return state.st_ino, state.st_mtime_ns, state.st_size
