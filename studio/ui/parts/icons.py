"""Buttons with a small drawing in place of words; the words are their name and their tooltip."""

from __future__ import annotations

from html import escape
from pathlib import Path

from studio.ui.parts.markup import file_url

# paths on a square of 24, drawn with a line of 1.75 and no filling
DRAWINGS = {
    "again": "M20 11a8 8 0 1 0-2.3 6.2M20 5v6h-6",
    "close": "M6 6l12 12M18 6L6 18",
    "compare": "M12 3v18M4 6h5v12H4zM15 6h5v12h-5z",
    "copy": "M9 9h11v11H9zM15 9V4H4v11h5",
    "delete": "M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5",
    "download": "M12 4v11M7 10.5l5 5 5-5M5 20h14",
    "enlarge": "M14 4h6v6M20 4l-7 7M10 20H4v-6M4 20l7-7",
    "history": "M4 12a8 8 0 1 0 2.5-5.8M4 4v4h4M12 8v4.5l3 1.8",
    "more": "M4 4h7v7H4zM13 4h7v7h-7zM4 13h7v7H4zM16.5 13v7M13 16.5h7",
    "refine": "M5 19L15.5 8.5M14 4.5v3M12.5 6h3M19 9v4M17 11h4M18 3v2.5M16.8 4.2h2.5",
    "select": "M4 4h16v16H4zM8 12l3 3 5-6",
    "star": "M12 3.5l2.6 5.4 5.9.8-4.3 4.1 1 5.9-5.2-2.8-5.2 2.8 1-5.9L3.5 9.7l5.9-.8z",
    "unrefine": "M8 6L4 10l4 4M4 10h10a5 5 0 0 1 0 10h-3",
    "use": "M15 4l5 5L9 20H4v-5zM13 6l5 5",
}


def icon(name: str) -> str:
    """Return a drawing, which says nothing to a screen reader."""
    return f'<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d="{DRAWINGS[name]}"/></svg>'


def icon_button(
    action: str,
    label: str,
    drawing: str,
    id: object = "",
    word: str = "",
    pressed: bool | None = None,
    help: str = "",
) -> str:
    """Return a button as `studio.ui.parts.markup.button` does, with a drawing.

    Args:
        label: its name, and what its tooltip says.
        word: a short one below the drawing where nothing hovers, as on a phone.
        pressed: whether it is on, for one that is switched.
        help: more words of its tooltip.
    """
    state = "" if pressed is None else f' aria-pressed="{str(pressed).lower()}"'
    return (
        f'<button type="button" class="icon-button" data-action="{escape(action)}"'
        f' data-id="{escape(str(id))}"{state}{_named(label, help)}>{_face(drawing, word)}</button>'
    )


def copy_button(text: str, label: str, word: str = "") -> str:
    """Return a button that puts a text into the clipboard; `scripts/page.js` does it."""
    return (
        f'<button type="button" class="icon-button" data-copy="{escape(text)}"{_named(label)}>'
        f"{_face('copy', word)}</button>"
    )


def icon_download(path: Path, label: str, word: str = "") -> str:
    """Return a link with a drawing that saves a file unchanged."""
    target = f'href="{escape(file_url(path))}" download="{escape(path.name)}"'
    return f'<a class="icon-button" {target}{_named(label)}>{_face("download", word)}</a>'


def _named(label: str, help: str = "") -> str:
    return f' aria-label="{escape(label)}" data-tip="{escape(f"{label}. {help}" if help else label)}"'


def _face(drawing: str, word: str) -> str:
    short = f'<small aria-hidden="true">{escape(word)}</small>' if word else ""
    return icon(drawing) + short
