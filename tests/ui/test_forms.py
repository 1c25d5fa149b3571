"""Forms made from a method's settings."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import gradio as gr
import pytest

from studio.errors import StudioError
from studio.method import MethodCard, Needs
from studio.settings import fields_of, setting
from studio.ui.create.knob_sliders import STRENGTH_HELP, strength_help
from studio.ui.library_tab import nouns
from studio.ui.parts.forms import controls, explanation, recipe_values, settings_of
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


@pytest.fixture
def card() -> MethodCard:
    """A method with these settings."""
    return MethodCard("m", "M", "learns", "paper", Needs(), fields_of(Settings))


def test_every_field_gets_the_control_that_suits_it(card: MethodCard) -> None:
    with gr.Blocks():
        kinds = [type(control) for control in controls(card)]
    assert kinds == [gr.Number, gr.Slider, gr.Number, gr.Dropdown, gr.Textbox, gr.Checkbox]


def test_controls_start_from_the_recipe_and_explain_themselves(card: MethodCard) -> None:
    with gr.Blocks():
        parts = controls(card)
    assert [part.value for part in parts] == recipe_values(card)
    assert [part.label for part in parts] == [field.title for field in card.fields]
    assert explanation(card.fields[0]) == "How long. 1 to 20000 steps. Recipe: 300. (paper)"
    assert explanation(card.fields[5]) == "Mirror images. Recipe: on."


def test_what_the_form_holds_passes_the_card(card: MethodCard) -> None:
    values = settings_of(card, [10, 3, 0.5, "style", "it", False])
    assert card.parse(values) == {
        "steps": 10,
        "vectors": 3,
        "rate": 0.5,
        "property": "style",
        "prompt": "it",
        "flips": False,
    }


def test_an_emptied_number_takes_the_recipe_and_a_wild_one_is_refused_by_the_card(card: MethodCard) -> None:
    assert settings_of(card, [None, 3, 0.5, "style", "it", False])["steps"] == 300
    with pytest.raises(StudioError, match="Rate of 7 is out of range"):
        card.parse(settings_of(card, [10, 3, 7, "style", "it", False]))


def test_a_form_of_the_wrong_length_is_a_fault(card: MethodCard) -> None:
    with pytest.raises(ValueError):
        settings_of(card, [10])


def test_handles_of_one_file_say_that_they_share_their_strength() -> None:
    scene = dataclasses.replace(HEADER, handles={"<lily>": "cat", "<tom>": "dog"})
    assert "shared with <tom>" in strength_help(scene, "<lily>")
    assert "shared with <lily>" in strength_help(scene, "<tom>")
    assert strength_help(HEADER, HEADER.handle) == STRENGTH_HELP
    assert nouns(scene) == "cat and dog"
