"""What a recipe, its words and the form say of a prompt that is to obey; all of it without torch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import StudioError
from studio.recipes.png import PNG_KEY, parameters, read_recipe, save_picture
from studio.recipes.recipe import TUNING_STEPS, Recipe
from studio.ui.create.form import filled, recipe_of
from studio.ui.parts.recipe_card import picture_card, recipe_facts


def test_it_travels_in_json_and_in_the_picture(tmp_path: Path) -> None:
    recipe = Recipe("<lily> at night", seed=3, obeying=25)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    save_picture(Image.new("RGB", (8, 8)), recipe, tmp_path / "lily.png")
    assert read_recipe(tmp_path / "lily.png") == recipe
    assert "Obeying: 25" in Image.open(tmp_path / "lily.png").info["parameters"]
    assert "Obeying" not in parameters(Recipe("<lily> at night"))


def test_a_picture_from_before_is_read_as_one_that_did_not_obey(tmp_path: Path) -> None:
    values = Recipe("<lily> at night", seed=3).to_json()
    del values["obeying"]
    text = PngInfo()
    text.add_text(PNG_KEY, json.dumps(values))
    Image.new("RGB", (8, 8)).save(tmp_path / "old.png", pnginfo=text)
    assert read_recipe(tmp_path / "old.png") == Recipe("<lily> at night", seed=3, obeying=0)


@pytest.mark.parametrize("steps", [-1, 51])
def test_steps_out_of_range_are_named(steps: int) -> None:
    with pytest.raises(StudioError, match=f"Obeying of {steps} is out of range") as refused:
        Recipe("<lily>", obeying=steps).checked()
    assert refused.value.hint == "Give 0 to 50."
    assert Recipe("<lily>", obeying=50).checked().obeying == 50


def test_every_picture_of_a_recipe_obeys() -> None:
    assert Recipe("<lily>", seed=3, count=4, obeying=7).single(2) == Recipe("<lily>", seed=5, obeying=7)


def test_only_handles_of_the_prompt_with_a_strength_act() -> None:
    recipe = Recipe("<Lily> and <tom> and <ada>", negative="<bo>", strengths={"<tom>": 0.0, "<ada>": 0.1})
    assert recipe.active_handles == ["<lily>", "<ada>"]


@pytest.mark.parametrize(
    ("recipe", "offered", "kept_from"),
    [
        (Recipe("<lily> at night"), f'data-action="obey" data-id="{TUNING_STEPS}"', "Without obeying"),
        (Recipe("<lily> at night", obeying=25), 'data-action="obey" data-id="0"', "Make this prompt obey"),
        (Recipe("a cat at night"), 'data-action="use"', 'data-action="obey"'),
        (Recipe("<lily> at night", strengths={"<lily>": 0.0}), 'data-action="use"', 'data-action="obey"'),
    ],
)
def test_a_picture_offers_what_its_recipe_does_not_have(recipe: Recipe, offered: str, kept_from: str) -> None:
    card = picture_card(recipe)
    assert offered in card and kept_from not in card


def test_the_words_of_a_recipe_say_so() -> None:
    assert "<dt>Obeying</dt><dd>in 25 steps</dd>" in recipe_facts(Recipe("<lily>", obeying=25))
    assert "Obeying" not in recipe_facts(Recipe("<lily>"))


def test_the_form_gives_back_what_it_was_filled_with_unless_nothing_could_obey() -> None:
    fields = filled(Recipe("<lily> at night", obeying=25))
    assert recipe_of(fields, [], ()).obeying == 25
    assert recipe_of(("a cat", *fields[1:]), [], ()).obeying == 0
