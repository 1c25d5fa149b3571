"""The picker of base models: a button in the header opens the list of what this machine has."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import gradio as gr

from studio.bases.known_bases import KnownBase
from studio.errors import StudioError
from studio.method_card import MethodCard
from studio.starter import STARTER
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import button_block, pressed_button
from studio.ui.parts.markup import button, file_size
from studio.words import tr
from studio.workspace.workspace import Workspace

CHOICES = {"use": "", "use-epsilon": "epsilon", "use-v": "v_prediction"}  # by the action of a button
HINT = tr(
    "Start with --bases and a folder to see your own checkpoints here, or with --base to open one. "
    "A concept goes on every base of the kind that it was made on."
)


def base_list(workspace: Workspace, methods: Sequence[MethodCard]) -> str:
    """Return the bases of this machine as a list, each with what it is and a button to work with it."""
    plan = str(workspace.worker_state().base.get("memory", ""))
    rows = "".join(
        _row(known, known.base.path == workspace.base, plan, learning(known, methods))
        for known in workspace.bases.all()
    )
    return (
        f'<section class="card base-picker" aria-label="{escape(tr("Base models"))}">'
        f"<h2>{escape(tr('Which base model?'))}</h2>"
        f'<ul class="jobs">{rows}</ul><p class="faint">{_unbroken(HINT)}</p>'
        f'<div class="actions">{button("close", tr("Close"))}</div></section>'
    )


def _unbroken(sentence: str) -> str:
    """Return a sentence as markup in which no flag is broken at its hyphens."""
    return re.sub(r"--\w+", r'<span class="flag">\g<0></span>', escape(sentence))


def learning(known: KnownBase, methods: Sequence[MethodCard]) -> str:
    """Return which methods work on a base, in words; empty where that is not known."""
    if known.untrainable:
        return tr("paints only: {reason}", reason=known.untrainable)
    if known.family is None:
        return ""
    by_reason: dict[str, list[str]] = {}
    for card in methods:
        if card.id in known.family.refusals:
            by_reason.setdefault(known.family.refusals[card.id], []).append(tr(card.title))
    refused = (
        tr("not {methods}: {reason}", methods=", ".join(titles), reason=tr(reason))
        for reason, titles in by_reason.items()
    )
    return "; ".join(refused) or tr("every method works")


def _row(known: KnownBase, is_used: bool, plan: str, learns: str) -> str:
    """Return a base as a row.

    Args:
        plan: how the one in use fits the device, if not as it is.
        learns: which methods work on it.
    """
    path = known.base.path
    name = tr("The starter") if path == str(STARTER) else known.name
    if known.reason:
        about, buttons = known.reason, ""
    elif known.files is None:
        about, buttons = tr("on the hub"), button("use", tr("Use"), path)
    else:
        on_card = tr("weights of {size} on a card", size=file_size(known.files.card_bytes))
        about = " · ".join(filter(None, (known.files.title, on_card, learns)))
        buttons = button("use", tr("Use"), path)
    if is_used:
        about = " · ".join(filter(None, (about, plan)))
        buttons = f'<span class="badge">{escape(tr("in use"))}</span>'
    elif known.needs_prediction:
        asked = button("use-v", tr("Use: predicts v (768 px)"), path)
        buttons = button("use-epsilon", tr("Use: predicts noise (512 px)"), path) + asked
    return (
        f'<li class="job"><div class="line"><div><b>{escape(name)}</b><small>{escape(about)}</small></div>'
        f'<div class="actions">{buttons}</div></div></li>'
    )


def base_picker(
    workspace: Workspace,
    connector: Connector,
    openers: Sequence[gr.HTML],
    notice: gr.HTML,
    changes: Callable[[], dict[Any, Any]],
    restart_worker: Callable[[], None],
    methods: Sequence[MethodCard],
) -> gr.HTML:
    """Build the list, closed, and connect it with the buttons that open it.

    Args:
        openers: blocks that have such a button.
        changes: returns the new values of all controls whose defaults depend on the base.
        restart_worker: called when another base was chosen.
        methods: those there are.
    """
    picker = button_block("base-picker")
    outputs = [picker, *changes()]

    def open_list(event: gr.EventData) -> Changes:
        return {picker: base_list(workspace, methods)} if pressed_button(event)[0] == "bases" else None

    def choose(event: gr.EventData) -> Changes:
        action, path = pressed_button(event)
        if action == "close":
            return {picker: ""}
        if action not in CHOICES:
            raise StudioError("That button is not there.", "Reload the page.")
        workspace.choose_base(path, CHOICES[action])
        restart_worker()
        return {picker: "", **changes()}

    for opener in openers:
        connector.connect(opener.click, open_list, outputs=[picker], notice=notice)
    connector.connect(picker.click, choose, outputs=outputs, notice=notice)
    return picker
