"""Settings of a method, described so that forms and flags can be made from them.

A method's `Settings` dataclass is the only place where a setting's default, bounds, unit and help are
written: the form in the page, the command-line flags and the concept's header all derive from it.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from studio.errors import StudioError
from studio.limits import MAX_PROMPT_LETTERS
from studio.words import one_of, tr

# What settings are about, in the order in which a form shows them.
GROUPS = {
    "learning": tr("How long and how fast it learns"),
    "photos": tr("What of the photos is learned"),
    "words": tr("The word and its sentences"),
    "regularizers": tr("What keeps the rest as it was"),
    "memory": tr("Memory and speed"),
}


def setting(
    default: Any,
    help: str,
    low: float | None = None,
    high: float | None = None,
    unit: str = "",
    choices: tuple[str, ...] = (),
    source: str = "",
    group: str = "learning",
) -> Any:
    """Return a field of a `Settings` dataclass.

    Args:
        default: what the paper uses, or what was found to work.
        low, high: the bounds of a number.
        help, unit, source: English; they are translated where they are shown.
        source: where the default comes from.
        group: what it is about, a key of `GROUPS`.
    """
    if group not in GROUPS:
        raise ValueError(f"{group!r} is none of {', '.join(GROUPS)}")
    about = {"help": help, "low": low, "high": high, "unit": unit, "choices": choices, "source": source}
    return dataclasses.field(default=default, metadata={**about, "group": group})


@dataclass(frozen=True)
class Field:
    """One setting as a form or a flag sees it.

    Args:
        kind: "int", "float", "bool", "choice" or "text".
        group: what it is about, a key of `GROUPS`.
    """

    name: str
    kind: str
    default: Any
    help: str
    low: float | None = None
    high: float | None = None
    unit: str = ""
    choices: tuple[str, ...] = ()
    source: str = ""
    group: str = "learning"

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Field:
        """Return the field that `dataclasses.asdict` made `values` of."""
        return cls(**{**values, "choices": tuple(values["choices"])})

    @property
    def title(self) -> str:
        """Return the name as a label: `learning_rate` becomes "Learning rate"."""
        return self.name.replace("_", " ").capitalize()

    def parse(self, value: Any) -> Any:
        """Return `value` in this field's type. Raises StudioError when it has another or is out of bounds."""
        if self.kind == "bool":
            if isinstance(value, str) and value.lower() in ("true", "false"):
                return value.lower() == "true"
            if isinstance(value, bool | int):
                return bool(value)
            raise StudioError(
                "{setting} is either on or off, not {value!r}.",
                "Choose one of the two.",
                setting=tr(self.title),
                value=value,
            )
        if self.kind == "choice":
            if value not in self.choices:
                raise StudioError(
                    "{setting} cannot be {value!r}.",
                    "Choose {choices}.",
                    setting=tr(self.title),
                    value=value,
                    choices=one_of(self.choices),
                )
            return value
        if self.kind == "text":
            if len(text := str(value).strip()) > MAX_PROMPT_LETTERS:
                raise StudioError(
                    "{setting} has {count} letters.",
                    "{most} are the most.",
                    setting=tr(self.title),
                    count=len(text),
                    most=MAX_PROMPT_LETTERS,
                )
            return text
        try:
            number = float(value)
            if not math.isfinite(number):
                raise ValueError(value)
        except (TypeError, ValueError, OverflowError):
            message = "{setting} must be a number, not {value!r}."
            raise StudioError(message, self.range, setting=tr(self.title), value=value) from None
        if self.kind == "int" and number != round(number):
            message = "{setting} must be a whole number, not {value!r}."
            raise StudioError(message, self.range, setting=tr(self.title), value=value)
        below = self.low is not None and not number >= self.low
        above = self.high is not None and not number <= self.high
        if below or above:
            message = "{setting} of {value} is out of range."
            raise StudioError(message, self.range, setting=tr(self.title), value=number_text(number))
        return int(number) if self.kind == "int" else number

    @property
    def range(self) -> str:
        """Return the allowed values of a number as a sentence that asks for one."""
        if not self.bounds:
            return tr("Give a number {unit}.", unit=tr(self.unit)) if self.unit else tr("Give a number.")
        if not self.unit:
            return tr("Give a value from {range}.", range=self.bounds)
        return tr("Give a value from {range} {unit}.", range=self.bounds, unit=tr(self.unit))

    @property
    def bounds(self) -> str:
        """Return the least and the greatest value as "1 to 100"; empty for a field without both."""
        if self.low is None or self.high is None:
            return ""
        return tr("{low} to {high}", low=number_text(self.low), high=number_text(self.high))


def number_text(number: float) -> str:
    """Return a number as people write it: a whole one with all of its digits, another one rounded."""
    return f"{number:.0f}" if math.isfinite(number) and number == round(number) else f"{number:g}"


def fields_of(settings: type) -> tuple[Field, ...]:
    """Return the fields of a `Settings` dataclass in their order, inherited ones last."""
    kinds = {bool: "bool", int: "int", float: "float", str: "text"}
    fields = []
    own = inspect.get_annotations(settings)
    for field in sorted(dataclasses.fields(settings), key=lambda field: field.name not in own):
        if "help" not in field.metadata:
            continue  # not a setting
        kind = "choice" if field.metadata.get("choices") else kinds[type(field.default)]
        fields.append(Field(name=field.name, kind=kind, default=field.default, **field.metadata))
    return tuple(fields)


@dataclass(frozen=True)
class Knob:
    """A number that a concept lets the user change while painting, without training again.

    Args:
        choices: names of the whole values from 1 on, of a knob that chooses. Its 0 stands for each of them in
            turn, from seed to seed (`studio.recipes.turns`).
    """

    default: float
    low: float
    high: float
    help: str
    choices: tuple[str, ...] = ()

    @classmethod
    def choosing(cls, choices: Sequence[str]) -> Knob:
        """Return the knob that chooses one of `choices`; as it comes, each in turn."""
        return cls(0.0, 0.0, len(choices), f"0 each in turn, {_numbered(choices)}.", tuple(choices))

    @property
    def words(self) -> str:
        """Return the help, which is kept in English, in the person's language."""
        if self.choices:
            return tr("0 each in turn, {choices}.", choices=_numbered(self.choices))
        return tr(self.help)


def _numbered(choices: Sequence[str]) -> str:
    """Return "1 red, 2 blue" for the names of the whole values of a knob."""
    return ", ".join(f"{number} {name}" for number, name in enumerate(choices, 1))
