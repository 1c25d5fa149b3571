"""An Axis: one direction of a grid, which is a thing that changes and the values it takes."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from annotated_types import MaxLen

from studio.documents import Number, ShortText, read_document
from studio.errors import StudioError
from studio.handles import to_handle
from studio.library.header import Header
from studio.recipes.recipe import MODES, OLD_REFINEMENTS, Recipe
from studio.recipes.refinement_card import RefinementCard, refinement_fields
from studio.settings import fields_of

MAX_VALUES = 40
PLAIN = "plain noun"
WORDS = ("concept", "method", "prompt")
STRENGTH = "strength"
EXAMPLES = {
    "steps": "10, 20, 40",
    "guidance": "2, 4, 8",
    "seed": "1:4",
    "composing": ", ".join(MODES),
}
STRENGTH_EXAMPLE = "0, 0.5, 1, 1.5"

TYPES = {"int": int, "float": float, "choice": str, "text": str}
FIELDS = {  # fields of a recipe that a grid can change
    "negative": str,
    **{field.name: TYPES[field.kind] for field in fields_of(Recipe) if field.name != "count"},
}


@dataclass(frozen=True)
class Axis:
    """`name` is what changes: "concept" (values are handles, or "plain noun" for the prompt's own concept at
    strength 0), "method" (ids or titles), "prompt" (the first value is searched for and each is put in its
    place), a field of a Recipe such as "guidance", or a dial: "strength" or a knob such as "bias" of every
    concept that has it, "lily.bias" of one. A grid of one row has the axis `SINGLE`. `note` is said below
    the title.
    """

    name: ShortText
    values: Annotated[tuple[str | Number, ...], MaxLen(MAX_VALUES)]
    note: ShortText = ""

    @classmethod
    def parse(cls, name: str, text: str, cards: Sequence[RefinementCard] = ()) -> Axis:
        """What a person writes: "1, 2, 3", "0.4:1.0:0.2" (from, to, by; the end is included), names with
        commas between them, those that hold one in quotes. Raises StudioError when it is not understood."""
        name = name.strip().lower().replace(" ", "_")
        name = OLD_REFINEMENTS.get(name, name)
        refinements = {field.name: TYPES.get(field.kind, str) for field in refinement_fields(cards).values()}
        kind = {**refinements, **FIELDS}.get(name, str if name in WORDS else float)
        texts = [part.strip() for part in next(csv.reader([text], skipinitialspace=True), [])]
        texts = [part for part in texts if part]
        if kind is str:
            values = tuple(_handle(part) for part in texts) if name == "concept" else tuple(texts)
        else:
            values = tuple(kind(value) for part in texts for value in _numbers(part, name, kind is int))
        values = tuple(dict.fromkeys(values))
        if not name or not values:
            hint = "Write some, such as 1, 2, 3."
            raise StudioError(f"There are no values for {name or 'the axis'}.", hint)
        if len(values) > MAX_VALUES:
            hint = f"Give at most {MAX_VALUES}."
            raise StudioError(f"{len(values)} values of {name} are too many.", hint)
        return cls(name, values)

    @property
    def title(self) -> str:
        """The name as a heading: "Bias of <lily>"."""
        handle, _, knob = self.name.rpartition(".")
        words = knob.replace("_", " ").capitalize()
        return f"{words} of {to_handle(handle)}" if handle else words

    @property
    def labels(self) -> tuple[str, ...]:
        """The values as headings of columns or rows."""
        return tuple(value if isinstance(value, str) else f"{value:g}" for value in self.values)

    def label_of(self, place: int) -> str:
        """One value by name: "Bias 0.2"; words speak for themselves."""
        value = self.labels[place]
        return value if isinstance(self.values[place], str) else f"{self.title} {value}"

    def handles(self, named: list[str], headers: Mapping[str, Header]) -> list[str]:
        """Whose dial this turns, of the handles that a prompt has `named`. Raises StudioError for none."""
        handle, _, knob = self.name.rpartition(".")
        asked = [to_handle(handle)] if handle else named
        turned = [one for one in asked if one in named and (knob == STRENGTH or knob in headers[one].knobs)]
        if not turned:
            who = " and ".join(asked) if asked else "The prompt"
            known = sorted({knob for one in named for knob in headers[one].knobs} | {STRENGTH})
            hint = f"What can change is {', '.join(known)}." if named else "Let it name a concept."
            raise StudioError(f"{who} has nothing called {knob.replace('_', ' ')}.", hint)
        return turned

    def with_help(self, headers: Mapping[str, Header]) -> Axis:
        """This axis with what the concepts say of its knob."""
        knob = self.name.rpartition(".")[2]
        helps = [header.knobs[knob].help for header in headers.values() if knob in header.knobs]
        return dataclasses.replace(self, note=helps[0]) if helps else self

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Axis:
        """Return the axis that `to_json` wrote. Raises DocumentError when it is none."""
        return read_document(cls, values, "The axis of a grid", upgrade_axis)


SINGLE = Axis("", ("",))


def upgrade_axis(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an axis with the names that they have today."""
    name = values.get("name")
    return {**values, "name": OLD_REFINEMENTS.get(name, name) if isinstance(name, str) else name}


def _handle(text: str) -> str:
    return PLAIN if text.lower() in (PLAIN, "plain") else to_handle(text)


def _numbers(text: str, name: str, whole: bool) -> list[Decimal]:
    """The numbers of "4", "1:3" or "0.4:1.0:0.2". Raises StudioError when it is something else."""
    try:
        start, *rest = (Decimal(part.strip()) for part in text.split(":"))
        if not rest:
            numbers = [start]
        else:
            end, step = rest if len(rest) == 2 else (*rest, Decimal(1))
            count = int(abs(end - start) / abs(step)) + 1
            step = abs(step) if end >= start else -abs(step)
            numbers = [start + index * step for index in range(min(count, MAX_VALUES + 1))]
        if not all(number.is_finite() and (not whole or number % 1 == 0) for number in numbers):
            raise ValueError(text)
    except (ArithmeticError, InvalidOperation, ValueError):
        hint = "Write whole numbers: 1, 2, 3 or 1:4." if whole else "Write numbers: 0.2, 0.5 or 0.4:1.0:0.2."
        raise StudioError(f"{text!r} is no value of {name.replace('_', ' ')}.", hint) from None
    return numbers
