"""Ctrl-C and SIGTERM during a long command: the first ends it early, the second stops it at once."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from studio.events import Event, FinishEarly
from studio.words import tr

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130  # what shells expect of a program that Ctrl-C has ended
FIRST = tr("Stopping, and keeping what was learned so far. Press Ctrl-C once more to stop at once.")
STOPPED = tr("Stopped. Nothing was saved or harmed.")


@contextmanager
def noticing_signals(first: str, repeats: float = 0.0) -> Iterator[threading.Event]:
    """Context manager: yield an event that the first signal sets, after printing `first`.

    The second raises KeyboardInterrupt where the program is. Outside of the main thread nothing is noticed.

    Args:
        repeats: seconds in which a launcher may send the first signal once more.
    """
    asked, asked_at = threading.Event(), 0.0

    def notice(number: int, frame: FrameType | None) -> None:
        nonlocal asked_at
        if asked.is_set():
            if time.monotonic() - asked_at < repeats:
                return
            raise KeyboardInterrupt
        asked.set()
        asked_at = time.monotonic()
        print(f"\n{first}", file=sys.stderr, flush=True)

    if threading.current_thread() is not threading.main_thread():
        yield asked
        return
    before = {number: signal.signal(number, notice) for number in SIGNALS}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def ending_early(events: Generator[Event, Any, None], repeats: float = 0.0) -> Iterator[Event]:
    """Yield the events of a long task; a signal throws FinishEarly into it, once.

    `repeats` is that of `noticing_signals`.
    """
    with noticing_signals(FIRST, repeats) as asked:
        told = False
        try:
            event = next(events)
            while True:
                yield event
                if asked.is_set() and not told:
                    told = True
                    event = events.throw(FinishEarly())
                else:
                    event = next(events)
        except (StopIteration, FinishEarly):
            return
        finally:
            events.close()
