"""Refinements on the page: their controls, what a recipe uses of them, and buttons to paint with or without.

Nothing here names a particular refinement: everything comes from the cards of the workspace.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from studio.errors import StudioError
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard, refinement_fields
from studio.recipes.settings_text import write_refinements
from studio.settings import Field
from studio.ui.parts.forms import controls, defaults, filled_in, setting_text, value_text
from studio.ui.parts.html_blocks import html_block
from studio.ui.parts.icons import icon_button
from studio.words import in_small_letters, tr
from studio.workspace.workspace import Workspace

ADD, REMOVE = "refine", "unrefine"  # actions of the buttons, whose id is that of the card
UNDO_HELP = tr("Paint it again without. Nothing else changes.")


@dataclass(frozen=True)
class Before:
    """The picture `path` as it was before a refinement, whose title within a sentence is `change`."""

    path: Path
    change: str


def picture_before(workspace: Workspace, recipe: Recipe) -> Before | None:
    """Return the picture of a recipe without one of its refinements, None where there is none."""
    for card in workspace.refinements:
        if card.is_on(recipe.refinements):
            path = workspace.gallery.find_painted(refined(recipe, REMOVE, card.id, workspace.refinements))
            if path is not None:
                return Before(path, in_small_letters(tr(card.title)))
    return None


def refinement_controls(cards: Sequence[RefinementCard]) -> dict[str, gr.components.Component]:
    """Return a control for each setting of every refinement, by the setting's name.

    Those of a refinement with several stand together, below its title.
    """
    made: dict[str, gr.components.Component] = {}
    for card in cards:
        with gr.Group(elem_id=f"refinement-group-{card.id}".replace("_", "-"), elem_classes="settings"):
            if len(card.fields) > 1:
                title, summary = escape(tr(card.title)), escape(tr(card.summary))
                html_block(f"<h3>{title}</h3><p class='faint'>{summary}</p>")
            made |= controls(card.fields, "refinement", with_default=False, as_slider=True)
    return made


def chosen_refinements(values: Mapping[str, Any], cards: Sequence[RefinementCard]) -> dict[str, Any]:
    """Return what the controls say, as a recipe holds it: without settings at their defaults."""
    fields = tuple(refinement_fields(cards).values())
    default = defaults(fields)
    given = {
        name: value.strip() if isinstance(value, str) else value
        for name, value in filled_in(fields, values).items()
    }
    return {name: value for name, value in given.items() if value != default[name]}


def control_values(recipe: Recipe, cards: Sequence[RefinementCard]) -> dict[str, Any]:
    """Return what the controls show for a recipe."""
    default = defaults(tuple(refinement_fields(cards).values()))
    return {name: recipe.refinements.get(name, value) for name, value in default.items()}


def titles_of_active(recipe: Recipe, cards: Sequence[RefinementCard]) -> list[str]:
    """Return the titles of the refinements that a recipe uses, as within a sentence."""
    return [in_small_letters(tr(card.title)) for card in cards if card.is_on(recipe.refinements)]


def refinement_facts(recipe: Recipe, cards: Sequence[RefinementCard]) -> dict[str, str]:
    """Return by title what a recipe says of each refinement that it uses.

    Settings that no card of this studio has are listed under "Refinements".
    """
    facts = {}
    for card in cards:
        if card.is_on(recipe.refinements):
            facts[tr(card.title)] = ", ".join(
                f"{in_small_letters(tr(field.title))} {setting_text(field, _value_of(recipe, field))}"
                for field in card.fields
            )
    known = refinement_fields(cards)
    others = {name: value for name, value in recipe.refinements.items() if name not in known}
    return facts | ({tr("Refinements"): write_refinements(others)} if others else {})


def refinement_help(cards: Sequence[RefinementCard]) -> dict[str, str]:
    """Return by title what each refinement does, with its paper."""
    return {tr(card.title): _about(card) for card in cards}


def _about(card: RefinementCard) -> str:
    return f"{tr(card.summary)} {card.paper}".strip()


def refinement_buttons(recipe: Recipe, cards: Sequence[RefinementCard]) -> str:
    """Return the buttons that paint a picture again with a refinement, or without one that it has."""
    buttons = ""
    for card in cards:
        if card.is_on(recipe.refinements):
            undo = icon_button(REMOVE, tr(card.undo), "unrefine", card.id, word=tr("Without"), help=UNDO_HELP)
            buttons += undo if card.undo else ""
        elif card.action and recipe.active_handles:
            help = f"{tr('Paint it again; nothing else changes.')} {_about(card)}".strip()
            action = tr(card.action)
            word = action.split()[-1].capitalize()
            buttons += icon_button(ADD, action, "refine", card.id, word=word, help=help)
    return buttons


def refined(recipe: Recipe, action: str, card_id: str, cards: Sequence[RefinementCard]) -> Recipe:
    """Return the recipe that a refinement button paints. Raises StudioError for an unknown card."""
    card = next((card for card in cards if card.id == card_id), None)
    if card is None:
        raise StudioError("This studio has no such refinement.", "Reload the page and try again.")
    own = {field.name for field in card.fields}
    others = {name: value for name, value in recipe.refinements.items() if name not in own}
    values = card.action_values if action == ADD else {}
    return dataclasses.replace(recipe, refinements={**others, **values})


def example_values(field: Field, cards: Sequence[RefinementCard]) -> str:
    """Return example values for a grid along a setting: its default and the value its button paints with.

    Where no button changes it, they come from the setting's choices or bounds.
    """
    for card in cards:
        if field in card.fields and field.name in card.action_values:
            return f"{value_text(field.default)}, {value_text(card.action_values[field.name])}"
    if field.kind == "bool":
        return "false, true"
    if field.choices:
        return ", ".join(field.choices)
    if field.low is None or field.high is None:
        return value_text(field.default)
    return f"{field.low:g}, {field.high:g}"


def _value_of(recipe: Recipe, field: Field) -> Any:
    return recipe.refinements.get(field.name, field.default)
