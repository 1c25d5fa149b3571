"""What the page asks for, where photos are sorted, and what it says of the kind that was painted."""

from __future__ import annotations

from studio.method_card import Needs
from studio.recipes.recipe import Recipe
from studio.recipes.turns import choices_of
from studio.settings import Knob as HeaderKnob
from studio.ui.create.knob_sliders import Knob
from studio.ui.parts.recipe_card import picture_card, recipe_facts
from studio.ui.train.caption_box import caption_for
from tests.recipes.test_turns import HEADERS


def test_the_field_asks_for_the_category_where_photos_are_sorted() -> None:
    asked, usual = caption_for(Needs(sorted=True)), caption_for(Needs())
    assert asked["label"] == "Category" and "colour: red" in asked["info"]
    assert usual["label"] == "Caption" and asked["placeholder"] != usual["placeholder"]


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
