"""Quick, balanced or thorough: one choice in place of all settings of a method.

Balanced is the recipe. Quick does half as much of what a training repeats, and thorough twice as much:

- whole numbers of training steps: those of the group "learning" whose unit is "steps";
- pictures that are painted beforehand (unit "pictures"), so that each is seen as often as in the recipe.

Shares of the steps go along by themselves; sampling steps of pictures are none of training. Learning
rates stay as they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from studio.method_card import MethodCard
from studio.settings import Field

BALANCED, OWN = "balanced", "own"
FACTORS = {"quick": 0.5, BALANCED: 1.0, "thorough": 2.0}
OF_A_STEP = ("photos", "batches")  # units of how much one step does


def counts_steps(field: Field) -> bool:
    """Return whether a setting is a number of training steps."""
    return field.kind == "int" and field.unit == "steps" and field.group == "learning"


def is_scaled(field: Field) -> bool:
    """Return whether a setting is another one for a quick or a thorough training."""
    return counts_steps(field) or (field.kind == "int" and field.unit == "pictures")


def is_work(field: Field) -> bool:
    """Return whether a setting says how much there is to do, as `work` counts it."""
    return is_scaled(field) or (field.kind == "int" and field.group == "memory" and field.unit in OF_A_STEP)


def with_effort(card: MethodCard, effort: str) -> dict[str, Any]:
    """Return by name the settings of a method that belong to an effort, a key of `FACTORS`.

    They are kept within their bounds; what the recipe leaves out (0) stays out.
    """
    factor = FACTORS[effort]
    return {field.name: _within(field, field.default * factor) for field in card.fields if is_scaled(field)}


def effort_of(card: MethodCard, values: Mapping[str, Any]) -> str:
    """Return the effort that these settings of a method are, `OWN` when they are none of the three.

    A missing setting has its default.
    """
    recipe = with_effort(card, BALANCED)
    for effort in (BALANCED, *FACTORS):
        if all(values.get(name, recipe[name]) == value for name, value in with_effort(card, effort).items()):
            return effort
    return OWN


def training_steps(card: MethodCard, values: Mapping[str, Any]) -> int:
    """Return how many steps a training with these settings has; a missing setting has its default."""
    return sum(int(_value(field, values)) for field in card.fields if counts_steps(field))


def work(card: MethodCard, values: Mapping[str, Any]) -> float:
    """Return how much a training with these settings does, in photos that are looked at; at least 1."""
    each = [_value(field, values) for field in card.fields if is_work(field) and not is_scaled(field)]
    return max(1.0, training_steps(card, values) * math.prod(each))


def _value(field: Field, values: Mapping[str, Any]) -> float:
    value = values.get(field.name)
    return value if isinstance(value, int | float) else field.default


def _within(field: Field, number: float) -> int:
    """Return a whole number within the bounds of a field, at least 1 unless its default is 0."""
    low = field.low if field.low is not None else 0
    high = field.high if field.high is not None else number
    return int(min(max(round(number), low, 1 if field.default else 0), high))
