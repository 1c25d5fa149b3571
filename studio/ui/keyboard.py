"""The keys of the page: a list of them, shown under ?, and the script that obeys those of the whole page.

`assets/keyboard.js` is that script. Keys of a single part, such as the lightbox, are in the script of that
part; the list names them all.
"""

from __future__ import annotations

from html import escape

import gradio as gr

from studio.starter import ASSETS
from studio.ui.parts.html_blocks import html_block

# by where they work: the keys, separated by spaces, and what they do
KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    "Everywhere": (
        ("?", "This list"),
        ("1 2 3 4 5", "Open Train, Create, Compare, Library, Queue"),
        ("/", "Search, in Create and Library"),
        ("Esc", "Close what is open"),
        ("Ctrl+Enter", "Paint, in Create"),
        ("← →", "On a tab: the one beside it; Home and End the first and the last"),
    ),
    "Pictures": (
        ("← → ↑ ↓", "The picture beside this one"),
        ("Enter", "Open it"),
        ("Delete", "Put the opened picture into the trash"),
        ("Ctrl+Z", "Undo that"),
        ("Ctrl+A", "While selecting: all of this page"),
    ),
    "Enlarged picture": (
        ("← →", "Picture before and after; Home and End the first and the last"),
        ("+ − 0", "Larger, smaller, whole"),
    ),
    "Photos": (
        ("← →", "The photo beside this one"),
        ("Enter", "Open the photo: its square, its caption, its mask"),
        ("Shift+← Shift+→", "Move it in the row"),
        ("Delete", "Remove it"),
    ),
    "Square of a photo": (
        ("← → ↑ ↓", "Move it, with Shift in large steps"),
        ("+ −", "Make it smaller and larger"),
    ),
    "Mask of a photo": (
        ("← → ↑ ↓", "Move the cross, with Shift in large steps"),
        ("C N B E", "Click, Not this, Brush, Eraser"),
        ("Enter", "Click there; with Shift: not this"),
        ("Enter", "With brush or eraser: put it down, paint with the arrows, lift it"),
        ("[ ]", "Smaller and larger brush"),
        ("− +", "A smaller and a larger outline of the last click"),
        ("Ctrl+Z", "Undo"),
    ),
    "Boxes on the picture": (
        ("← → ↑ ↓", "Move a box; with Shift: resize it"),
        ("Delete", "Remove it"),
    ),
    "Blind vote": (("← → ↓", "Left, right, no difference"),),
}
KEYS_SWITCH = (
    '<button type="button" id="keys-switch" aria-label="Keys" title="Keys (?)" aria-haspopup="dialog">'
    "?</button>"
)
SKIP_LINK = '<a class="skip-link" href="#tabs">Skip to the open tab</a>'


def keys_list() -> str:
    """Return the dialogue with the list of keys."""
    parts = "".join(f"<h3>{escape(place)}</h3><dl>{_rows(rows)}</dl>" for place, rows in KEYS.items())
    return (
        '<dialog class="ask keys-list" aria-labelledby="keys-title"><form method="dialog">'
        f'<h2 id="keys-title">Keys</h2><div class="keys-columns" tabindex="0" role="group" aria-label="Keys">'
        f"{parts}</div>"
        '<label><input type="checkbox" name="single" checked>Keys without Ctrl work outside of fields</label>'
        '<div class="actions"><button class="action action-strong">Done</button></div></form></dialog>'
    )


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        f"<div><dt>{' '.join(f'<kbd>{escape(key)}</kbd>' for key in keys.split())}</dt>"
        f"<dd>{escape(what)}</dd></div>"
        for keys, what in rows
    )


def keyboard_block() -> gr.HTML:
    """Create the block, which shows nothing: its script takes the list out of it when it is asked for.

    Its other script, `assets/reveal.js`, brings into view what a press has brought.
    """
    scripts = ((ASSETS / name).read_text(encoding="utf-8") for name in ("keyboard.js", "reveal.js"))
    return html_block(
        elem_id="keyboard",
        html_template=f"<template>{keys_list()}</template>",
        js_on_load="\n".join(f"{{{script}}}" for script in scripts),
    )
