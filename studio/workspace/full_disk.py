"""What a process does about a full disk: it waits for room, and goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from studio.errors import DiskError

RETRY_SECONDS = 2.0

log = logging.getLogger("likeness.disk")


def until_written(write: Callable[[], object], leaving: threading.Event | None = None) -> None:
    """Do what needs room on the disk. While there is none, try again every few seconds.

    Args:
        leaving: gives it up, after one try, when it is set.
    """
    leaving, is_said = leaving or threading.Event(), False
    while True:
        try:
            write()
        except DiskError as error:
            if not is_said:
                log.warning("%s It is tried again every few seconds.", error)
            is_said = True
            if leaving.wait(RETRY_SECONDS):
                return
        else:
            return
