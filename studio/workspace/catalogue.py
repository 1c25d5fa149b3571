"""What the page knows of methods, refinements and families of base models without loading torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from studio.bases.family_card import FamilyCard
from studio.method_card import MethodCard
from studio.recipes.refinement_card import RefinementCard


@dataclass(frozen=True)
class Catalogue:
    """The cards of all there are."""

    methods: tuple[MethodCard, ...]
    refinements: tuple[RefinementCard, ...] = ()
    families: tuple[FamilyCard, ...] = ()

    def to_json(self) -> dict[str, list[dict[str, Any]]]:
        """Return a plain dictionary; `from_json` is its inverse."""
        return {
            "methods": [card.to_json() for card in self.methods],
            "refinements": [card.to_json() for card in self.refinements],
            "families": [card.to_json() for card in self.families],
        }

    @classmethod
    def from_json(cls, cards: dict[str, list[dict[str, Any]]]) -> Catalogue:
        """Return the catalogue that `to_json` wrote."""
        return cls(
            tuple(MethodCard.from_json(card) for card in cards["methods"]),
            tuple(RefinementCard.from_json(card) for card in cards["refinements"]),
            tuple(FamilyCard.from_json(card) for card in cards["families"]),
        )
