"""What the page asks for, where photos are sorted, and what it says of the kind that was painted."""

from __future__ import annotations

import dataclasses
import json

import pytest
from PIL import Image

from studio.method_card import Needs
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe
from studio.recipes.turns import choices_of
from studio.settings import Knob as HeaderKnob
from studio.ui.create.knob_sliders import Knob
from studio.ui.parts.recipe_card import picture_card, recipe_facts
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_editor import editor_state
from studio.ui.train.subject_rows import subjects_of
from tests.browser.stage import catalogue
from tests.recipes.test_turns import HEADERS


@pytest.mark.parametrize(("is_sorted", "label"), [(True, "Category"), (False, "Caption")])
def test_the_field_asks_for_the_category_where_photos_are_sorted(is_sorted: bool, label: str) -> None:
    photo = Photo("a.png", Image.new("RGB", (90, 60)))
    state = json.loads(editor_state([photo], 0, Subjects(sorted=is_sorted)))
    assert state["caption_label"] == label
    assert ("colour: red" in state["caption_info"]) == is_sorted == (state["caption_example"] == "red")


def test_the_subjects_say_whether_photos_are_sorted() -> None:
    card = dataclasses.replace(catalogue()[0], needs=Needs(sorted=True))
    assert subjects_of(1, card, [""], [""]).sorted and not subjects_of(1, catalogue()[0], [""], [""]).sorted


def test_the_card_of_a_picture_names_its_kind() -> None:
    recipe = Recipe("a <toys>", seed=1)
    chosen = choices_of(recipe, HEADERS)
    card = picture_card(recipe, chosen=chosen)
    assert "age of &lt;toys&gt;: new, " in card or "colour of &lt;toys&gt;: red" in card
    assert "<dt" in card and "Chosen" in card
    assert "Chosen" not in recipe_facts(recipe)


def test_a_knob_that_chooses_has_whole_steps() -> None:
    choosing = HeaderKnob.choosing(("red", "blue"))
    span = choosing.default, choosing.low, choosing.high
    assert Knob("<toys>", "colour", *span, choosing.help, is_whole=True).step == 1
    assert Knob("<toys>", "bias", 0.6, 0.0, 1.0, "help").step == 0.01
