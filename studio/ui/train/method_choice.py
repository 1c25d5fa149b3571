"""The choice of a method: what one has, then the methods for it; a few are shown first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.method_card import SUITS, MethodCard
from studio.starter import METHOD_PICTURES
from studio.ui.parts.html_blocks import html_block
from studio.ui.parts.markup import file_url
from studio.ui.train.about_method import about_method
from studio.words import tr

RECOMMENDED = "recommended"
CHOICES = {RECOMMENDED: tr("Recommended"), **SUITS}
CELL = 128  # pixels of each part of a method's picture
LEARNED_ON = tr("Learned on the starter with the settings as they come.")


@dataclass
class MethodChoice:
    """The controls.

    Args:
        what: which methods are shown: a key of `CHOICES`.
        method: the chosen one's id.
        summary: what it is good at.
    """

    what: gr.Radio
    method: gr.Radio
    summary: gr.HTML


def method_summary(card: MethodCard) -> str:
    """Return a method in one line, with its paper, its picture and a fold that says all of it."""
    words = f'<p class="method-summary">{escape(tr(card.summary))} <cite>{escape(card.paper)}</cite></p>'
    return words + method_picture(card) + about_method(card)


def method_picture(card: MethodCard) -> str:
    """Return the picture of what a method is good at, with a label under each part; empty without one."""
    path = METHOD_PICTURES / f"{card.id}.webp"
    if card.example is None or not path.is_file():
        return ""
    labels, alt = card.example.labels, escape(card.example.alt_text(card.title))
    size = f'width="{CELL * len(labels)}" height="{CELL}"'
    under = "".join(f"<span>{escape(label)}</span>" for label in labels)
    return (
        f'<figure class="method-picture" style="--cells: {len(labels)}"><span class="photo-and-pictures">'
        f'<img src="{escape(file_url(path))}" {size} loading="lazy" alt="{alt}"></span>'
        f'<figcaption aria-hidden="true">{under}</figcaption>'
        f'<p class="faint">{escape(LEARNED_ON)}</p></figure>'
    )


def methods_for(what: str, methods: Sequence[MethodCard]) -> list[MethodCard]:
    """Return the methods for what a person has, recommended ones first.

    Raises StudioError when it is none of `CHOICES`.
    """
    if what not in CHOICES:
        raise StudioError("There is no such choice.", "Choose one of those shown.")
    if what == RECOMMENDED:
        shown = [card for card in methods if card.recommended]
        return sorted(shown, key=lambda card: card.recommended) or list(methods)
    suiting = [card for card in methods if what in card.suits]
    return sorted(suiting, key=lambda card: card.recommended or len(methods) + 1)


def method_choice(methods: Sequence[MethodCard]) -> MethodChoice:
    """Build the controls; the first recommended method is chosen."""
    kinds = [(title, key) for key, title in CHOICES.items() if methods_for(key, methods)]
    shown = methods_for(RECOMMENDED, methods)
    what = gr.Radio(kinds, value=RECOMMENDED, label=tr("What do you have?"), elem_id="method-kind")
    method = gr.Radio(_names(shown), value=shown[0].id, label=tr("Method"), elem_id="method")
    return MethodChoice(what, method, html_block(method_summary(shown[0]), elem_id="method-summary"))


def show_methods(what: str, method_id: str, methods: Sequence[MethodCard]) -> dict[str, Any]:
    """Return the change of the choice of methods: those for what a person has.

    The chosen one stays if it is among them.
    """
    shown = methods_for(what, methods)
    ids = [card.id for card in shown]
    return gr.update(choices=_names(shown), value=method_id if method_id in ids else ids[0])


def kind_showing(card: MethodCard, what: str, methods: Sequence[MethodCard]) -> str:
    """Return what a person has, a key of `CHOICES`, for which a method is shown: `what` if that shows it."""
    shown = (key for key in dict.fromkeys((what, *CHOICES)) if card in methods_for(key, methods))
    return next(shown, what)


def _names(methods: Sequence[MethodCard]) -> list[tuple[str, str]]:
    """Return the methods as choices of a control."""
    return [(tr(card.title), card.id) for card in methods]
