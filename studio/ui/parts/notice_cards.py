"""Whose card a notice shows: that of a press, or that of an edit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from studio.ui.parts.visits import SESSION

PRESSES = ("click", "double_click", "edit", "submit", "upload")  # "edit": of the photo editor


def is_press(event: Callable[..., Any]) -> bool:
    """Return whether an event is something that a person does on purpose, and not the change of a form."""
    return getattr(event, "event_name", "") in PRESSES


class NoticeCards:
    """Keeps the answer to an edit from taking away the card that a press has brought.

    A press follows an edit so closely that they are answered in either order; and who reads what went wrong
    wants to read on while mending it. So the card of a press stays until the next press succeeds; an edit
    takes away only what another edit has brought.
    """

    def __init__(self) -> None:
        # by Gradio's state of a visit: by the id of a notice, whether its card is that of a press
        self._shown: WeakKeyDictionary[Any, dict[int, bool]] = WeakKeyDictionary()

    def show(self, notice: gr.HTML, by_press: bool) -> None:
        """Note that a notice shows a card now. That of an edit stays as long as that of a press before it."""
        shown = self._of_visit()
        shown[notice._id] = by_press or shown.get(notice._id, False)

    def empty(self, notice: gr.HTML, by_press: bool) -> bool:
        """Note that a press or an edit has succeeded; returns whether the notice is emptied."""
        shown = self._of_visit()
        may_empty = by_press or shown.get(notice._id) is False
        if may_empty:
            shown.pop(notice._id, None)
        return may_empty

    def _of_visit(self) -> dict[int, bool]:
        session = SESSION.get()
        return {} if session is None else self._shown.setdefault(session, {})
