"""An axis of a grid: what changes along it, and the values that it takes."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from annotated_types import MaxLen

from studio.concepts.header import Header
from studio.documents import Number, ShortText, read_document
from studio.errors import StudioError
from studio.handles import to_handle
from studio.limits import MAX_PROMPT_LETTERS, MAX_WHOLE
from studio.recipes.recipe import MODES, OLD_REFINEMENTS, SAMPLERS, Recipe
from studio.recipes.refinement_card import RefinementCard, refinement_fields
from studio.settings import fields_of
from studio.words import all_of, marked, mid_sentence, tr

MAX_VALUES = 40
PLAIN = "plain noun"
WORDS = ("concept", "method", "prompt")
STRENGTH = "strength"
EXAMPLES = {
    "steps": "10, 20, 40",
    "guidance": "2, 4, 8",
    "seed": "1:4",
    "composing": ", ".join(MODES),
    "sampler": ", ".join(SAMPLERS),
    "clip_skip": "1, 2",
    "guidance_rescale": "0, 0.3, 0.7",
}
# titles, as `Axis.title` makes them, of what is no setting
TITLES = (marked("Concept"), marked("Method"), marked("Prompt"), marked("Negative"), marked("Strength"))
STRENGTH_EXAMPLE = "0, 0.5, 1, 1.5"

TYPES = {"int": int, "float": float, "choice": str, "text": str}
FIELDS = {  # fields of a recipe that a grid can change
    "negative": str,
    **{field.name: TYPES[field.kind] for field in fields_of(Recipe) if field.name != "count"},
}


@dataclass(frozen=True)
class Axis:
    """One direction of a grid. A grid of one row has the axis `SINGLE`.

    Args:
        name: what changes, one of
            "concept": values are handles, or "plain noun" for the prompt's own concept at strength 0;
            "method": values are ids or titles;
            "prompt": the first value is searched for, and replaced by each of the values;
            a field of a `Recipe`, such as "guidance", or a setting of a refinement;
            "strength" or a knob, such as "bias", of every concept that has it, or "lily.bias" of one.
        note: a sentence below the title.
    """

    name: ShortText
    values: Annotated[tuple[str | Number, ...], MaxLen(MAX_VALUES)]
    note: ShortText = ""

    @classmethod
    def parse(cls, name: str, text: str, cards: Sequence[RefinementCard] = ()) -> Axis:
        """Return the axis of a typed text. Raises StudioError when it is not understood.

        Args:
            text: "1, 2, 3", or "0.4:1.0:0.2" (from, to, step; the end is included), or names between
                commas; a name that holds a comma stands in quotes.
            cards: the refinements whose settings may change.
        """
        name = name.strip().lower().replace(" ", "_")
        name = OLD_REFINEMENTS.get(name, name)
        refinements = {field.name: TYPES.get(field.kind, str) for field in refinement_fields(cards).values()}
        kind = {**refinements, **FIELDS}.get(name, str if name in WORDS else float)
        if len(text) > MAX_PROMPT_LETTERS:
            raise StudioError(
                "The values of {name} are too long." if name else "The values of the axis are too long.",
                "Give fewer, or shorter ones.",
                name=name,
            )
        text = " ".join(text.split())  # a line break would end the list of values
        texts = [part.strip() for part in next(csv.reader([text], skipinitialspace=True), [])]
        texts = [part for part in texts if part]
        if kind is str:
            values = tuple(_handle(part) for part in texts) if name == "concept" else tuple(texts)
        else:
            values = tuple(kind(value) for part in texts for value in _numbers(part, name, kind is int))
        if not name or not values:
            raise StudioError(
                "There are no values for {name}." if name else "There are no values for the axis.",
                "Write some, such as 1, 2, 3.",
                name=name,
            )
        if len(values) > MAX_VALUES:
            raise StudioError(
                "{count} values of {name} are too many.",
                "Give at most {most}.",
                count=len(values),
                name=name,
                most=MAX_VALUES,
            )
        return cls(name, tuple(dict.fromkeys(values)))

    @property
    def title(self) -> str:
        """Return the name as a heading: "Bias of <lily>"."""
        handle, _, knob = self.name.rpartition(".")
        title = tr(knob.replace("_", " ").capitalize())
        return tr("{name} of {handle}", name=title, handle=to_handle(handle)) if handle else title

    @property
    def title_within(self) -> str:
        """Return the name as a part of a sentence."""
        return mid_sentence(self.title)

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the values as headings of columns or rows."""
        return tuple(value if isinstance(value, str) else f"{value:g}" for value in self.values)

    def label_of(self, position: int) -> str:
        """Return one value with its name: "Bias 0.2"; a text stands alone."""
        value = self.labels[position]
        return value if isinstance(self.values[position], str) else f"{self.title} {value}"

    def handles(self, named: list[str], headers: Mapping[str, Header]) -> list[str]:
        """Return those of the `named` handles whose strength or knob changes. Raises StudioError for none."""
        handle, _, knob = self.name.rpartition(".")
        wanted = [to_handle(handle)] if handle else named
        changed = [
            one for one in wanted if one in named and (knob == STRENGTH or knob in headers[one].knobs_of(one))
        ]
        if not changed:
            known = sorted({knob for one in named for knob in headers[one].knobs_of(one)} | {STRENGTH})
            of_some, of_none = "{handles} has nothing called {knob}.", "The prompt has nothing called {knob}."
            raise StudioError(
                of_some if wanted else of_none,
                "What can change is {known}." if named else "Let it name a concept.",
                handles=all_of(wanted),
                knob=knob.replace("_", " "),
                known=", ".join(known),
            )
        return changed

    def with_help(self, headers: Mapping[str, Header]) -> Axis:
        """Return this axis with the help text of its knob as its note."""
        knob = self.name.rpartition(".")[2]
        helps = [header.knobs[knob].help for header in headers.values() if knob in header.knobs]
        return dataclasses.replace(self, note=helps[0]) if helps else self

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary; `from_json` is its inverse."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Axis:
        """Return the axis that `to_json` wrote. Raises DocumentError when it is none."""
        return read_document(cls, values, tr("The axis of a grid"), upgrade_axis)


SINGLE = Axis("", ("",))


def upgrade_axis(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of an axis with the names that they have today."""
    name = values.get("name")
    return {**values, "name": OLD_REFINEMENTS.get(name, name) if isinstance(name, str) else name}


def _handle(text: str) -> str:
    return PLAIN if text.lower() in (PLAIN, "plain") else to_handle(text)


def _numbers(text: str, name: str, whole: bool) -> list[Decimal]:
    """Return the numbers of "4", "1:3" or "0.4:1.0:0.2". Raises StudioError for anything else."""
    try:
        start, *rest = (Decimal(part.strip()) for part in text.split(":"))
        if any(abs(number) > MAX_WHOLE for number in (start, *rest)):
            raise ValueError(text)
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
        raise StudioError(
            "{value!r} is no value of {name}.", hint, value=text, name=name.replace("_", " ")
        ) from None
    return numbers
