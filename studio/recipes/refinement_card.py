"""A refinement as the page and the command line see it: its settings, without the code that applies them.

A refinement changes how a picture is painted (`studio.generation.refinements`). Its settings become fields
of a recipe, controls of the page, flags of the command line and axes of a grid by themselves.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.errors import StudioError
from studio.recipes.recipe import Recipe
from studio.settings import Field


@dataclass(frozen=True)
class RefinementCard:
    """Describes a refinement.

    Args:
        fields: its settings. All at their defaults mean that it does nothing.
        action: the label of a button on a finished picture, which paints it again with `action_values`; empty
            for none.
        needs_concept: whether it has something to do only where a concept acts in the picture.
        undo: the label of the button that paints it again without.
    """

    id: str
    title: str
    summary: str
    paper: str
    fields: tuple[Field, ...]
    action: str = ""
    undo: str = ""
    needs_concept: bool = False
    action_values: dict[str, Any] = field(default_factory=dict)

    def is_on(self, refinements: Mapping[str, Any]) -> bool:
        """Return whether a recipe with these settings uses this refinement."""
        return any(refinements.get(field.name, field.default) != field.default for field in self.fields)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> RefinementCard:
        """Return the card that `to_json` wrote."""
        return cls(**{**values, "fields": tuple(Field.from_json(one) for one in values["fields"])})


def without_idle(recipe: Recipe, cards: Sequence[RefinementCard]) -> Recipe:
    """Return the recipe without refinements that need a concept, when none acts in it."""
    if recipe.active_handles:
        return recipe
    idle = {field.name for card in cards if card.needs_concept for field in card.fields}
    kept = {name: value for name, value in recipe.refinements.items() if name not in idle}
    return dataclasses.replace(recipe, refinements=kept)


def refinement_fields(cards: Sequence[RefinementCard]) -> dict[str, Field]:
    """Return the settings of all these refinements by name."""
    return {field.name: field for card in cards for field in card.fields}


def parse_refinements(values: Mapping[str, Any], cards: Sequence[RefinementCard]) -> dict[str, Any]:
    """Return the settings in their types, without those at their defaults.

    Raises StudioError for a name that no card has, or a value out of range.
    """
    fields = refinement_fields(cards)
    for name in values:
        if name not in fields:
            hint = "It knows {known}." if fields else "It knows none."
            message = "This studio has no refinement called {name!r}."
            raise StudioError(message, hint, name=name, known=", ".join(fields))
    parsed = {name: fields[name].parse(value) for name, value in values.items()}
    return {name: value for name, value in parsed.items() if value != fields[name].default}
