"""What a control may send: the browser sends nothing else, but any program can call the page.

Gradio's own checks let texts, lists and objects pass as numbers or choices, and fail with a traceback.
"""

from __future__ import annotations

import math
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.words import tr

MAX_NUMBER = 2**63  # in size; no setting has use for more
MAX_LETTERS = 2000  # of a text whose control names no other limit
RELOAD = "Reload the page and try again."


def checked_argument(component: Any, value: Any) -> Any:
    """Return the value of a control as its handler expects it. Raises StudioError when it cannot be one."""
    if getattr(component, "stateful", False):
        return value  # what was sent is not looked at: the server has the value
    name = getattr(component, "label", None) or tr("One part of the page")
    match component:
        case gr.Slider() | gr.Number(visible="hidden") if not is_number(value):
            raise StudioError("{name} has no number.", RELOAD, name=name)
        case gr.Number() if not (value is None or is_number(value)):
            raise StudioError("{name} has no number.", RELOAD, name=name)
        case gr.Checkbox() if not isinstance(value, bool):
            raise StudioError("{name} is neither on nor off.", RELOAD, name=name)
        case gr.Radio() | gr.Dropdown() if not isinstance(value, str):
            raise StudioError("{name} has no choice.", "Choose one of those shown.", name=name)
        case gr.Textbox() | gr.HTML():
            most = getattr(component, "max_length", None) or MAX_LETTERS
            return checked_text(name, "" if value is None else value, most)
    return value


def is_number(value: object) -> bool:
    """Return whether a value is a finite number of a size that can be used."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return abs(value) < MAX_NUMBER and math.isfinite(value)


def checked_text(name: str, value: object, max_letters: int = MAX_LETTERS) -> str:
    """Return a text. Raises StudioError when it is none, is too long, or has half a letter in it."""
    if not isinstance(value, str):
        raise StudioError("{name} has no text.", RELOAD, name=name)
    if len(value) > max_letters:
        raise StudioError(
            "{name} is too long.", "Write at most {max_letters} letters.", name=name, max_letters=max_letters
        )
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise StudioError("{name} has a broken letter in it.", "Write it again.", name=name) from None
    return value


def event_values(event: gr.EventData) -> dict[str, Any]:
    """Return what an event of a block brought, by name. Raises StudioError when it has no names."""
    if not isinstance(event._data, dict):
        raise StudioError("The page did not say what was pressed.", RELOAD)
    return event._data


def event_share(event: gr.EventData, name: str) -> float:
    """Return where a block was clicked on along "x" or "y", 0 to 1; the middle when that was not sent."""
    value = event_values(event).get(name, 0.5)
    if not is_number(value):
        raise StudioError("The page did not say where it was clicked on.", RELOAD)
    return min(max(float(value), 0.0), 1.0)
