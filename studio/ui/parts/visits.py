"""What the visits of the page hold: the values with which their views are drawn."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import gradio as gr

from studio.ui.parts.notice_cards import VISIT

MAX_VISITS = 1000  # that are known at a time; a forgotten one is drawn again and then known again


def current(parts: Any, sent: Any, state: Any) -> Any:
    """Return nested values as they are now.

    Args:
        parts: nested mappings and lists of components.
        sent: the values of the same shape that the browser sent last.
        state: Gradio's state of the visit, which knows the newest value of every `gr.State`.
    """
    if isinstance(parts, Mapping):
        return {name: current(part, sent[name], state) for name, part in parts.items()}
    if isinstance(parts, list):
        return [current(part, value, state) for part, value in zip(parts, sent, strict=True)]
    return state[parts._id] if isinstance(parts, gr.State) else sent


class Visits:
    """The visits by the name that each browser tab gives itself.

    Args:
        parts: nested mappings and lists of the components whose values are asked for.
    """

    def __init__(self, parts: Mapping[str, Any]) -> None:
        self.parts = parts
        self._known: OrderedDict[str, tuple[Any, Mapping[str, Any]]] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, name: str, sent: Mapping[str, Any]) -> None:
        """Remember the values of the visit that is being answered; forgets the one asked least lately."""
        state = VISIT.get()
        if not name or state is None:
            return
        with self._lock:
            self._known[name] = state, sent
            self._known.move_to_end(name)
            if len(self._known) > MAX_VISITS:
                self._known.popitem(last=False)

    def values(self, name: str) -> Mapping[str, Any] | None:
        """Return the values of a visit as they are now, None for one that is not known."""
        with self._lock:
            if name not in self._known:
                return None
            self._known.move_to_end(name)
            state, sent = self._known[name]
        return current(self.parts, sent, state)
