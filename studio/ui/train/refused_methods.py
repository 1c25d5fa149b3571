"""The methods that do not work on the base model: greyed out, with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.errors import StudioError
from studio.method_card import MethodCard
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
    sentences = "".join(
        f"<p>{_who(cards, methods)} on this base: {escape(reason)}.</p>"
        for reason, cards in by_reason.items()
    )
    refused = [card.id for cards in by_reason.values() for card in cards]
    labels = ", ".join(f'#method label:has(input[value="{escape(id)}"])' for id in refused)
    return f"<style>{labels} {{ opacity: 0.45; pointer-events: none; }}</style>{sentences}"


def _who(refused: Sequence[MethodCard], methods: Sequence[MethodCard]) -> str:
    """Return the beginning of a sentence about methods that do not work."""
    if len(refused) == len(methods):
        return "<b>Nothing can be learned</b>"
    return f"<b>{escape(', '.join(card.title for card in refused))}</b> not"


def check_method(workspace: Workspace, card: MethodCard) -> None:
    """Raise StudioError when nothing can be learned with a method on the base that is loaded."""
    state = workspace.worker_state()
    reason = state.refusals.get(card.id)
    if reason:
        message = "{card} does not work on {base}: {reason}."
        raise StudioError(
            message,
            "Choose another method, or another base in the header.",
            card=card.title,
            base=state.base.get("name", "this base"),
            reason=reason,
        )
