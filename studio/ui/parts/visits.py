"""What the visits of the page hold: the values with which their views are drawn.

A visit is one tab of a browser, from when it opens the page until it leaves it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import gradio as gr

# Gradio's state of the visit that is being answered
SESSION: ContextVar[Any] = ContextVar("session", default=None)
MAX_VISITS = 300  # whose state is kept at a time; a forgotten one is drawn again and then known again


@dataclass
class Visit:
    """One visit.

    Args:
        session: Gradio's state of it, which knows the newest value of every `gr.State`.
        sent: the values that the browser sent last.
        asked: when it asked last, by `time.monotonic`.
    """

    session: Any
    sent: Mapping[str, Any]
    asked: float

    @property
    def is_lost(self) -> bool:
        """Whether Gradio may have forgotten its states: it does some time after a connection broke.

        A laptop that slept is such a case. While a visit asks, `keep_alive` keeps Gradio from it.
        """
        if not self.session.is_closed:
            return False
        return time.monotonic() - self.asked > self.session.STATE_TTL_WHEN_CLOSED

    def keep_alive(self) -> None:
        """Have the states live on from now. Gradio never takes back that a connection was broken."""
        self.asked = time.monotonic()
        if self.session.is_closed:
            lives = self.session._state_ttl
            for number, (seconds, _) in list(lives.items()):
                lives[number] = seconds, datetime.now()


def current(parts: Any, sent: Any, session: Any) -> Any:
    """Return nested values as they are now.

    Args:
        parts: nested mappings and lists of components.
        sent: the values of the same shape that the browser sent last.
        session: Gradio's state of the visit.
    """
    if isinstance(parts, Mapping):
        return {name: current(part, sent[name], session) for name, part in parts.items()}
    if isinstance(parts, list):
        return [current(part, value, session) for part, value in zip(parts, sent, strict=True)]
    return session.state_data.get(parts._id, parts.value) if isinstance(parts, gr.State) else sent


class Visits:
    """The visits by the name that each browser tab gives itself.

    Args:
        parts: nested mappings and lists of the components whose values are asked for.
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = parts
        self._known: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, name: str, sent: Mapping[str, Any]) -> bool:
        """Remember the values of the visit that is being answered; forgets the one that asked least lately.

        Returns whether it was known.
        """
        session = SESSION.get()
        if not name or session is None:
            return False
        now = datetime.now()
        for number in list(session.state_data):  # Gradio would never forget what was no output of an event
            session._state_ttl.setdefault(number, (math.inf, now))
        with self._lock:
            was_known = name in self._known
            self._known[name] = Visit(session, sent, time.monotonic())
            self._known.move_to_end(name)
            if len(self._known) > MAX_VISITS:
                self._known.popitem(last=False)
        return was_known

    def ask(self, name: str) -> Visit | None:
        """Return a visit that asks for news, None for one that is not known."""
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
            return self._known.get(name)

    def values(self, visit: Visit) -> Mapping[str, Any]:
        """Return the values of a visit as they are now."""
        return current(self.parts, visit.sent, visit.session)
