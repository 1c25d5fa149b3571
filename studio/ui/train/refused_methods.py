"""The methods that do not work on the base model: greyed out, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.errors import StudioError
from studio.method_card import MethodCard
from studio.words import tr
from studio.workspace.workspace import Workspace


def refused_methods(workspace: Workspace, methods: Sequence[MethodCard]) -> str:
    """Return a sentence for each reason, and the style that greys out these methods in the choice above."""
    refusals = workspace.worker_state().refusals
    by_reason: dict[str, list[MethodCard]] = {}
    for card in methods:
        if card.id in refusals:
            by_reason.setdefault(refusals[card.id], []).append(card)
    if not by_reason:
        return ""
    sentences = "".join(f"<p>{_sentence(reason, cards, methods)}</p>" for reason, cards in by_reason.items())
    refused = [card.id for cards in by_reason.values() for card in cards]
    labels = ", ".join(f'#method label:has(input[value="{escape(id)}"])' for id in refused)
    return f"<style>{labels} {{ opacity: 0.45; pointer-events: none; }}</style>{sentences}"


def _sentence(reason: str, refused: Sequence[MethodCard], methods: Sequence[MethodCard]) -> str:
    """Return a sentence about methods that do not work, as HTML."""
    reason = escape(tr(reason))
    if len(refused) == len(methods):
        return tr("<b>Nothing can be learned</b> on this base: {reason}.", reason=reason)
    names = escape(", ".join(tr(card.title) for card in refused))
    return tr("<b>{methods}</b> not on this base: {reason}.", methods=names, reason=reason)


def check_method(workspace: Workspace, card: MethodCard) -> None:
    """Raise StudioError when nothing can be learned with a method on the base that is loaded."""
    state = workspace.worker_state()
    reason = state.refusals.get(card.id)
    if reason:
        message = "{method} does not work on {base}: {reason}."
        raise StudioError(
            message,
            "Choose another method, or another base in the header.",
            method=tr(card.title),
            base=state.base.get("name", tr("this base")),
            reason=tr(reason),
        )
