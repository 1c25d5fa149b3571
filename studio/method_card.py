"""What the page and the command line know of a method: its card, and what it needs.

The page reads cards without importing torch, so this file must not need it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studio.errors import StudioError
from studio.method_example import Example
from studio.settings import Field
from studio.words import tr

# What methods are for, by what a person has; the page sorts them so.
SUITS = {
    "thing": tr("One thing, a few photos"),
    "scene": tr("Several things in one photo"),
    "style": tr("A style or a material"),
    "sets": tr("Fair sets"),
}


@dataclass(frozen=True)
class Needs:
    """Describes what a method asks of the user before it can start.

    Args:
        max_subjects: how many different things it learns together from the same photos.
        masks: whether every subject needs a mask in at least one photo.
        sorted: whether the caption of each photo is its category (`studio.photos.categories`).
    """

    min_photos: int = 1
    max_photos: int = 30
    max_subjects: int = 1
    masks: bool = False
    sorted: bool = False

    @property
    def takes_photos_alone(self) -> bool:
        """Return whether photos of one thing are enough, neither masked nor sorted."""
        return not (self.masks or self.sorted)


@dataclass(frozen=True)
class MethodCard:
    """Describes a method to the page and the command line.

    Args:
        fields: its own settings, and those of the regularizers that apply to it.
        quick_settings: values that make a training take a moment, for a test or a first look.
        suits: what it is for, among `SUITS`.
        recommended: its place among the few that are shown first, from 1; 0 for none of them.
        example: what it is good at, in pictures; None where nobody said.
    """

    id: str
    title: str
    summary: str
    paper: str
    needs: Needs
    fields: tuple[Field, ...]
    quick_settings: dict[str, Any] = dataclasses.field(default_factory=dict)
    suits: tuple[str, ...] = ("thing",)
    recommended: int = 0
    example: Example | None = None

    def check(self, photos: int) -> None:
        """Raise StudioError when this is no number of photos for the method."""
        low, high = self.needs.min_photos, self.needs.max_photos
        if not low <= photos <= high:
            raise StudioError(
                "{method} needs {low} to {high} photos; there are {photos}.",
                "Add or remove some.",
                method=tr(self.title),
                low=low,
                high=high,
                photos=photos,
            )

    def parse(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return every setting in its type; a missing one takes its default.

        Raises StudioError for a name that is no setting, or a bad value.
        """
        known = {field.name for field in self.fields}
        for name in values:
            if name not in known:
                raise StudioError(
                    "{method} has no setting called {name!r}.",
                    "It has {known}.",
                    method=tr(self.title),
                    name=name,
                    known=", ".join(sorted(known)),
                )
        return {field.name: field.parse(values.get(field.name, field.default)) for field in self.fields}

    def tuned(self, defaults: dict[str, Any], base: str) -> MethodCard:
        """Return this card with the defaults that suit a base model better than the paper's."""
        source = tr("tuned for {base}", base=base)
        return dataclasses.replace(self, fields=with_defaults(self.fields, defaults, source))

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, card: dict[str, Any]) -> MethodCard:
        """Return the card that `to_json` wrote."""
        fields = tuple(Field.from_json(field) for field in card["fields"])
        needs = Needs(**card["needs"])
        example = card["example"] and Example.from_json(card["example"])
        suits = tuple(card["suits"])
        return cls(**{**card, "needs": needs, "fields": fields, "suits": suits, "example": example})


def with_defaults(fields: Sequence[Field], defaults: Mapping[str, Any], source: str) -> tuple[Field, ...]:
    """Return the fields with other defaults, and where those come from."""
    return tuple(
        dataclasses.replace(field, default=field.parse(defaults[field.name]), source=source)
        if field.name in defaults
        else field
        for field in fields
    )
