"""A small document of the workspace that is written whole with every change, and read when it has changed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

from studio.documents import DocumentError, read_document
from studio.errors import DiskError, StudioError
from studio.files import move_to_trash, write_atomic
from studio.limits import MAX_DOCUMENT_BYTES

T = TypeVar("T")


class KeptDocument(Generic[T]):
    """The document in `file`. Any thread may ask; another process may have changed it.

    Args:
        trash: where a damaged file goes, so that nothing is lost.
        kind: its dataclass, which can be made without arguments.
        what: the document in a sentence, such as "The list of stars".
        hint: what to do when it was damaged.
        text_of: returns the text of the file.

    Attributes:
        trouble: why what was kept is not there, None when it is.
    """

    def __init__(
        self, file: Path, trash: Path, kind: type[T], what: str, hint: str, text_of: Callable[[T], bytes]
    ) -> None:
        self.file, self.trash = file, trash
        self.trouble: StudioError | None = None
        self._kind, self._what, self._hint, self._text_of = kind, what, hint, text_of
        self._content = kind()
        self._known: tuple[int, int, int] | None = None  # inode, time of change and size of the file
        self._lock = threading.Lock()

    def content(self) -> T:
        """Return what is kept. It is the same object for as long as nothing has changed."""
        with self._lock:
            return self._current()

    def change(self, changed: Callable[[T], T]) -> None:
        """Keep what `changed` makes of the content. Raises StudioError when it cannot be kept."""
        with self._lock:
            before = self._current()
            if self.trouble is not None and self._state():
                raise self.trouble  # else the file that nobody could read would be written over
            after = changed(before)
            if after == before:
                return
            text = self._text_of(after)
            if len(text) > MAX_DOCUMENT_BYTES:
                raise StudioError(f"{self._what} would become too large.", "Delete some of it first.")
            write_atomic(self.file, text)
            self._content, self._known, self.trouble = after, self._state(), None

    def _current(self) -> T:
        state = self._state()
        if state != self._known:
            content = self._read() if state else self._kind()
            self._content, self._known = content, self._state()
        return self._content

    def _read(self) -> T:
        try:
            content = read_document(self._kind, self.file.read_bytes(), self._what)
        except DocumentError as error:
            self.trouble = StudioError(error.message, f"The file is in the trash folder. {self._hint}")
            with suppress(DiskError):
                move_to_trash(self.file, self.trash)
            return self._kind()
        except OSError as error:
            reason = error.strerror or "the system gives no reason"
            self.trouble = StudioError(f"{self._what} cannot be read: {reason}.", f"Look at {self.file}.")
            return self._kind()
        self.trouble = None
        return content

    def _state(self) -> tuple[int, int, int] | None:
        try:
            state = self.file.stat()
        except OSError:
            return None
        return state.st_ino, state.st_mtime_ns, state.st_size
