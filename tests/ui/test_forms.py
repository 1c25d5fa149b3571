"""Forms made from settings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import gradio as gr
import pytest

from studio.errors import StudioError
from studio.method_card import MethodCard, Needs
from studio.recipes.recipe import MODES, Recipe
from studio.settings import fields_of, setting
from studio.ui.concept_cards import nouns
from studio.ui.create.knob_sliders import STRENGTH_HELP, strength_help
from studio.ui.parts.forms import controls, defaults, explanation, filled_in
from studio.ui.parts.recipe_controls import FIELDS, MAX_SLIDER, parsed, recipe_control
from tests.edits.test_concept import HEADER


@dataclass(frozen=True)
class Settings:
    """One field of every kind."""

    steps: int = setting(300, "How long.", 1, 20000, "steps", source="paper")
    vectors: int = setting(2, "Words.", 1, 16, "words")
    rate: float = setting(2e-3, "How fast.", 1e-6, 1.0)
    property: str = setting("object", "Thing or style.", choices=("object", "style"))
    prompt: str = setting("a photo", "What is painted.")
    flips: bool = setting(True, "Mirror images.")


FILLED = {"steps": 10, "vectors": 3, "rate": 0.5, "property": "style", "prompt": "it", "flips": False}


@pytest.fixture
def card() -> MethodCard:
    """A method with these settings."""
    return MethodCard("m", "M", "learns", "paper", Needs(), fields_of(Settings))


def test_every_field_gets_the_control_that_suits_it(card: MethodCard) -> None:
    with gr.Blocks():
        kinds = {name: type(control) for name, control in controls(card.fields, "m").items()}
    assert kinds == {
        "steps": gr.Number,
        "vectors": gr.Slider,
        "rate": gr.Number,
        "property": gr.Dropdown,
        "prompt": gr.Textbox,
        "flips": gr.Checkbox,
    }


def test_controls_start_from_the_defaults_and_explain_themselves(card: MethodCard) -> None:
    with gr.Blocks():
        parts = controls(card.fields, "setting-m")
    assert {name: part.value for name, part in parts.items()} == defaults(card.fields)
    assert [part.label for part in parts.values()] == [field.title for field in card.fields]
    assert parts["vectors"].elem_id == "setting-m-vectors"
    assert explanation(card.fields[0]) == "How long. 1 to 20000 steps. Recipe: 300. (paper)"
    assert explanation(card.fields[5]) == "Mirror images. Recipe: on."


def test_the_values_of_a_form_pass_the_card_in_any_order(card: MethodCard) -> None:
    values = dict(reversed(FILLED.items()))
    assert card.parse(filled_in(card.fields, values)) == FILLED


def test_an_emptied_number_takes_its_default_and_a_wild_one_is_refused(card: MethodCard) -> None:
    assert filled_in(card.fields, {**FILLED, "steps": None})["steps"] == 300
    with pytest.raises(StudioError, match="Rate of 7 is out of range"):
        card.parse(filled_in(card.fields, {**FILLED, "rate": 7}))


def test_a_form_without_a_field_is_a_fault(card: MethodCard) -> None:
    with pytest.raises(KeyError, match="vectors"):
        filled_in(card.fields, {"steps": 10})


def test_controls_of_a_recipe_take_bounds_and_help_from_its_fields() -> None:
    with gr.Blocks():
        steps, seed = recipe_control("steps", "a", 30), recipe_control("seed", "b")
        composing = recipe_control("composing", "c")
    assert (steps.value, steps.minimum, steps.info) == (30, FIELDS["steps"].low, "More are finer and slower")
    assert all(limit <= FIELDS[name].high for name, limit in MAX_SLIDER.items())
    assert seed.precision == 0 and seed.value == Recipe("").seed
    assert [value for _, value in composing.choices] == list(MODES)
    values = parsed({"prompt": " a cat ", "negative": None, "steps": 9.0, "guidance": 4, "seed": None})
    assert values == {"prompt": "a cat", "negative": "", "steps": 9, "guidance": 4.0, "seed": 0}


def test_handles_of_one_file_say_that_they_share_their_strength() -> None:
    scene = dataclasses.replace(HEADER, handles={"<lily>": "cat", "<tom>": "dog"})
    assert "shared with <tom>" in strength_help(scene, "<lily>")
    assert "shared with <lily>" in strength_help(scene, "<tom>")
    assert strength_help(HEADER, HEADER.handle) == STRENGTH_HELP
    assert nouns(scene) == "cat and dog"
