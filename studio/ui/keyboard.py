"""The keys of the page: a list of them, shown under ?, and the script that obeys those of the whole page.

`scripts/keyboard.js` is that script. Keys of a single part, such as the lightbox, are in the script of that
part; the list names them all.
"""

from __future__ import annotations

from html import escape

import gradio as gr

from studio.ui.parts.html_blocks import html_block
from studio.ui.parts.page_files import page_script
from studio.words import tr

# by where they work: the keys, separated by spaces, and what they do
KEYS: dict[str, tuple[tuple[str, str], ...]] = {
    tr("Everywhere"): (
        ("?", tr("This list")),
        ("1 2 3 4 5", tr("Open Train, Create, Compare, Library, Queue")),
        ("/", tr("Search, in Create and Library")),
        ("Esc", tr("Close what is open")),
        ("Ctrl+Enter", tr("Paint, in Create")),
        ("← →", tr("On a tab: the one beside it; Home and End the first and the last")),
    ),
    tr("Pictures"): (
        ("← → ↑ ↓", tr("The picture beside this one")),
        ("Enter", tr("Open it")),
        ("Delete", tr("Put the opened picture into the trash")),
        ("Ctrl+Z", tr("Undo that")),
        ("Ctrl+A", tr("While selecting: all of this page")),
    ),
    tr("Enlarged picture"): (
        ("← →", tr("Picture before and after; Home and End the first and the last")),
        ("+ − 0", tr("Larger, smaller, whole")),
    ),
    tr("Photos"): (
        ("← →", tr("The photo beside this one")),
        ("Enter", tr("Open the photo: its square, its caption, its mask")),
        ("Shift+← Shift+→", tr("Move it in the row")),
        ("Delete", tr("Remove it")),
    ),
    tr("Square of a photo"): (
        ("← → ↑ ↓", tr("Move it, with Shift in large steps")),
        ("+ −", tr("Make it smaller and larger")),
    ),
    tr("Mask of a photo"): (
        ("← → ↑ ↓", tr("Move the cross, with Shift in large steps")),
        ("C N B E", tr("Click, Not this, Brush, Eraser")),
        ("Enter", tr("Click there; with Shift: not this")),
        ("Enter", tr("With brush or eraser: put it down, paint with the arrows, lift it")),
        ("[ ]", tr("Smaller and larger brush")),
        ("− +", tr("A smaller and a larger outline of the last click")),
        ("Ctrl+Z", tr("Undo")),
    ),
    tr("Boxes on the picture"): (
        ("← → ↑ ↓", tr("Move a box; with Shift: resize it")),
        ("Delete", tr("Remove it")),
    ),
    tr("Blind vote"): (("← → ↓", tr("Left, right, no difference")),),
}
KEY = " (key)"  # tells the word on a key from the same word on a button
KEY_NAMES = {
    "Ctrl": tr("Ctrl (key)").removesuffix(KEY),
    "Delete": tr("Delete (key)").removesuffix(KEY),
    "Enter": tr("Enter (key)").removesuffix(KEY),
    "Esc": tr("Esc (key)").removesuffix(KEY),
    "Shift": tr("Shift (key)").removesuffix(KEY),
}
KEYS_SWITCH = (
    f'<button type="button" id="keys-switch" aria-label="{escape(tr("Keys"))}"'
    f' title="{escape(tr("Keys (?)"))}" aria-haspopup="dialog">?</button>'
)
SKIP_LINK = f'<a class="skip-link" href="#tabs">{escape(tr("Skip to the open tab"))}</a>'


def keys_list() -> str:
    """Return the dialogue with the list of keys."""
    parts = "".join(f"<h3>{escape(place)}</h3><dl>{_rows(rows)}</dl>" for place, rows in KEYS.items())
    title, single = escape(tr("Keys")), escape(tr("Keys without Ctrl work outside of fields"))
    return (
        '<dialog class="ask keys-list" aria-labelledby="keys-title"><form method="dialog">'
        f'<h2 id="keys-title">{title}</h2>'
        f'<div class="keys-scroll" tabindex="0" role="group" aria-label="{title}">'
        f'<div class="keys-columns">{parts}</div></div>'
        f'<label><input type="checkbox" name="single" checked>{single}</label><div class="actions">'
        f'<button class="action action-strong">{escape(tr("Done"))}</button></div></form></dialog>'
    )


def _rows(rows: tuple[tuple[str, str], ...]) -> str:
    return "".join(
        f"<div><dt>{' '.join(f'<kbd>{escape(_on_keys(key))}</kbd>' for key in keys.split())}</dt>"
        f"<dd>{escape(what)}</dd></div>"
        for keys, what in rows
    )


def _on_keys(key: str) -> str:
    """Return what stands on the keys of the person's keyboard."""
    return "+".join(KEY_NAMES.get(part, part) for part in key.split("+"))


def keyboard_block() -> gr.HTML:
    """Create the block, which shows nothing: its script takes the list out of it when it is asked for.

    Its other script, `scripts/reveal.js`, brings into view what a press has brought.
    """
    return html_block(
        elem_id="keyboard",
        html_template=f"<template>{keys_list()}</template>",
        js_on_load="\n".join(f"{{{page_script(name)}}}" for name in ("keyboard", "reveal")),
    )
