"""What the visits of the page hold: the values with which their views are drawn.

A visit is one tab of a browser, from when it opens the page until it leaves it.
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
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
        asked: when it asked last, by `time.monotonic`.
        sent: by group, the values of other components, as the browser sent them last.
    """

    session: Any
    asked: float = field(default_factory=time.monotonic)
    sent: dict[str, list[Any]] = field(default_factory=dict)

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


class Visits:
    """The visits by the name that each browser tab gives itself.

    Args:
        groups: by the name of a group, for each of its views the components whose values it is drawn with.
    """

    def __init__(self, groups: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
        self.groups = groups
        self._known: OrderedDict[str, Visit] = OrderedDict()
        self._lock = threading.Lock()

    def sent_by_browser(self, group: str) -> list[Any]:
        """Return the components of a group whose values only the browser knows."""
        parts = (part for view in self.groups[group] for part in view.values())
        return list({part._id: part for part in parts if not isinstance(part, gr.State)}.values())

    def keep(self, name: str, group: str, sent: list[Any]) -> Visit:
        """Return the visit that is being answered, with what it sends of `sent_by_browser`.

        Forgets the one that asked least lately when there are too many.
        """
        session = SESSION.get()
        now = datetime.now()
        for number in list(session.state_data):  # Gradio would never forget what was no output of an event
            session._state_ttl.setdefault(number, (math.inf, now))
        with self._lock:
            visit = self._known.get(name)
            if visit is None or visit.session is not session:
                visit = Visit(session)
            visit.sent[group] = sent
            if name:
                self._known[name] = visit
                self._known.move_to_end(name)
            if len(self._known) > MAX_VISITS:
                self._known.popitem(last=False)
        return visit

    def ask(self, name: str) -> Visit | None:
        """Return a visit that asks for news, None for one that is not known."""
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
            return self._known.get(name)

    def values(self, visit: Visit, group: str) -> list[dict[str, Any]]:
        """Return the values of the views of a group as they are now."""
        browser = (part._id for part in self.sent_by_browser(group))
        sent = dict(zip(browser, visit.sent[group], strict=True))
        states = visit.session.state_data
        return [
            {
                name: sent[part._id] if part._id in sent else states.get(part._id, part.value)
                for name, part in view.items()
            }
            for view in self.groups[group]
        ]
