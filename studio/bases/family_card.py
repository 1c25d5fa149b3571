"""What a family of base models can be used for, known without loading one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from studio.bases.base_files import BaseFiles


@dataclass(frozen=True)
class FamilyCard:
    """Describes a family of base models to the page, which never loads one.

    Args:
        kinds: what `BaseFiles.kind` says of its members.
        distilled: why nothing can be learned on its distilled members; empty if all can learn.
        refusals: by the id of a method, why it works on none of them.
    """

    family: str
    kinds: tuple[str, ...]
    distilled: str = ""
    refusals: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, card: dict[str, Any]) -> FamilyCard:
        """Return the card that `to_json` wrote."""
        return cls(**{**card, "kinds": tuple(card["kinds"])})


def family_of(files: BaseFiles, families: Sequence[FamilyCard]) -> FamilyCard | None:
    """Return the family of a base by its files, None for one that nobody here can open."""
    return next((card for card in families if files.kind in card.kinds), None)
