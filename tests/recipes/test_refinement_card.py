"""A refinement as forms see it: when it is on, and which of its settings a recipe keeps."""

from __future__ import annotations

import pytest

from studio.errors import StudioError
from studio.recipes.refinement_card import RefinementCard, parse_refinements
from studio.settings import Field

STEPS = Field("tuning_steps", "int", 0, "How long.", 0, 20)
RATE = Field("tuning_rate", "float", 0.5, "How fast.", 0.0, 1.0)
CARD = RefinementCard("tuning", "Tuning", "", "", (STEPS, RATE))


@pytest.mark.parametrize(
    ("values", "is_on"),
    [
        ({}, False),
        ({"tuning_steps": 0, "tuning_rate": 0.5}, False),
        ({"tuning_steps": 3}, True),
        ({"tuning_rate": 0.1}, True),
        ({"tuning_steps": 3, "tuning_rate": 0.1}, True),
        ({"another": 1}, False),
    ],
)
def test_it_is_on_when_any_of_its_settings_is_changed(values: dict[str, float], is_on: bool) -> None:
    assert CARD.is_on(values) is is_on


def test_a_recipe_keeps_only_settings_that_are_changed_in_their_types() -> None:
    assert parse_refinements({"tuning_steps": "0", "tuning_rate": "0.50"}, [CARD]) == {}
    assert parse_refinements({"tuning_steps": "7", "tuning_rate": 0.5}, [CARD]) == {"tuning_steps": 7}


def test_settings_that_no_refinement_has_or_takes_are_refused() -> None:
    with pytest.raises(StudioError, match="no refinement called 'blur'"):
        parse_refinements({"blur": 1}, [CARD])
    with pytest.raises(StudioError, match="out of range"):
        parse_refinements({"tuning_steps": 21}, [CARD])
