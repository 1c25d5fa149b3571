"""The search field above a list, and the switch that leaves only what has a star."""

from __future__ import annotations

from html import escape

import gradio as gr

from studio.ui.parts.icons import icon
from studio.ui.parts.markup import button, placeholder
from studio.words import tr

MAX_SEARCH_LETTERS = 200
STARRED = "starred"  # the action of the switch
SHOW_ALL = "show-all"  # the action of the button that ends search and filter


def search_field(what: str, hint: str, elem_id: str, scale: int) -> gr.Textbox:
    """Create a search field.

    Args:
        what: what is searched, such as "the pictures", in the person's language.
        hint: what can be searched for, such as "a name, noun".
        scale: its share of the row, beside that of its neighbours.
    """
    return gr.Textbox(
        "",
        label=tr("Search {what}", what=what),
        show_label=False,
        placeholder=tr("Search: {hint}", hint=hint),
        max_length=MAX_SEARCH_LETTERS,
        max_lines=1,
        elem_id=elem_id,
        min_width=150,
        scale=scale,
    )


def starred_switch(starred: bool) -> str:
    """Return the switch; `starred` says whether only what has a star is shown."""
    return (
        f'<button type="button" class="round-button plain" data-action="{STARRED}"'
        f' aria-pressed="{str(starred).lower()}">{icon("star")}{escape(tr("Starred"))}</button>'
    )


def nothing_found_card(
    words: object, starred: bool, *, title: str, hint: str, starred_hint: str, no_stars: str, show_all: str
) -> str:
    """Return what stands in place of things when none is wanted, with a button that shows all.

    Args:
        words: those that were searched for; empty when only the stars left nothing.
        hint, starred_hint: what to do when no thing, or no starred one, has all of the words.
        no_stars: what to do when nothing is starred.
    """
    everything = button(SHOW_ALL, show_all)
    if words:
        return placeholder(title, starred_hint if starred else hint, everything)
    return placeholder(tr("No stars yet"), no_stars, everything)
