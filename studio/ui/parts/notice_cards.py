"""Whose card a notice shows: that of a press, or that of an edit."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

PRESSES = ("click", "double_click", "submit", "upload")
VISIT: ContextVar[Any] = ContextVar("visit", default=None)  # Gradio's state of who is being answered


def is_press(event: Callable[..., Any]) -> bool:
    """Return whether an event is something that a person does on purpose, and not the change of a form."""
    return getattr(event, "event_name", "") in PRESSES


class NoticeCards:
    """Keeps the answer to an edit from taking away the card that a press has brought.

    A press follows an edit so closely that they are answered in either order; and who reads what went wrong
    wants to read on while mending it. So the card of a press stays until the next press succeeds, and that of
    an edit until anything succeeds.
    """

    def __init__(self) -> None:
        self._of_presses: WeakKeyDictionary[Any, set[int]] = WeakKeyDictionary()  # ids of notices, by visit

    def show(self, notice: gr.HTML, by_press: bool) -> None:
        """Note that a notice shows a card now."""
        ids = self._ids()
        if by_press:
            ids.add(notice._id)
        else:
            ids.discard(notice._id)

    def empty(self, notice: gr.HTML, by_press: bool) -> bool:
        """Note that a press or an edit has succeeded; returns whether the notice is emptied."""
        ids = self._ids()
        if by_press:
            ids.discard(notice._id)
        return notice._id not in ids

    def _ids(self) -> set[int]:
        visit = VISIT.get()
        return set() if visit is None else self._of_presses.setdefault(visit, set())
