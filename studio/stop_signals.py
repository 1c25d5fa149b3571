"""The signals that ask a process to stop: Ctrl-C, the end of a service, and a terminal that was closed."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # each system has some of them


def on_stop(handle: Callable[[int, FrameType | None], object]) -> None:
    """Let `handle` be called at each of them, unless this process was told to ignore it, as by nohup.

    Only the main thread may do so.
    """
    for name in NAMES:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handle)
