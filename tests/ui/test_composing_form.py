"""Several concepts in one picture: their mode and regions in recipes, in the form and in the picture."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import gradio as gr
import pytest
import torch
from PIL import Image

from studio.errors import StudioError
from studio.generation.regions import assign_regions, box_masks
from studio.recipes.png import parameters, read_recipe, save_picture
from studio.recipes.recipe import MODES, Recipe, read_regions, write_regions
from studio.ui.create.form import create_form, recipe_from_form
from studio.ui.parts.recipe_card import recipe_facts
from studio.workspace.workspace import Workspace

TWO = Recipe("<lily> and <tom>", seed=3, composing="words", regions={"<lily>": (0.0, 0.25, 0.5, 1.0)})


def test_mode_and_regions_are_kept_in_json_in_the_png_and_in_its_parameters(tmp_path: Path) -> None:
    assert Recipe.from_json(json.loads(json.dumps(TWO.to_json()))) == TWO
    save_picture(Image.new("RGB", (8, 8)), TWO, tmp_path / "two.png")
    assert read_recipe(tmp_path / "two.png") == TWO
    assert "Composing: words" in Image.open(tmp_path / "two.png").info["parameters"]
    placed = parameters(dataclasses.replace(TWO, composing="regions"))
    assert 'Composing: regions, Regions: "lily=0,0.25,0.5,1"' in placed


def test_a_recipe_of_an_earlier_version_is_summed() -> None:
    values = Recipe("<lily> and <tom>", seed=3).to_json()
    del values["composing"], values["regions"]
    assert Recipe.from_json(values) == Recipe("<lily> and <tom>", seed=3, composing="sum")


@pytest.mark.parametrize(
    ("recipe", "mode"),
    [
        (Recipe("<lily> and <tom>"), Recipe.composing),
        (Recipe("<lily> and <tom>", composing="sum"), "sum"),
        (Recipe("<lily> and a <lily>"), "sum"),
        (Recipe("a cat"), "sum"),
        (Recipe("<lily> and <tom>", strengths={"<tom>": 0.0}), "sum"),
        (Recipe("<lily>", negative="<tom>"), "sum"),
        (Recipe("<lily>", regions={"<lily>": (0, 0, 1, 0.5)}), "regions"),
        (Recipe("<lily>", regions={"<tom>": (0, 0, 1, 0.5)}), "sum"),
    ],
)
def test_only_concepts_that_share_a_picture_need_a_mode(recipe: Recipe, mode: str) -> None:
    assert recipe.mode == mode
    assert ("Composing" in parameters(recipe)) == (mode != "sum")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"composing": "magic"}, "Composing cannot be 'magic'"),
        ({"regions": {"<lily>": (0.5, 0.0, 0.5, 1.0)}}, "region of <lily> is no part"),
        ({"regions": {"<lily>": (0.0, 0.0, 1.5, 1.0)}}, "region of <lily> is no part"),
    ],
)
def test_unknown_modes_and_impossible_regions_are_refused(change: dict, message: str) -> None:
    with pytest.raises(StudioError, match=message):
        dataclasses.replace(TWO, **change).checked()


def test_regions_are_written_as_they_are_read() -> None:
    text = "lily=0,0,0.5,1 tom=0.5,0,1,0.25"
    assert read_regions(text) == {"<lily>": (0, 0, 0.5, 1), "<tom>": (0.5, 0, 1, 0.25)}
    assert write_regions(read_regions(text)) == text and read_regions("") == {}
    for wrong in ("lily", "lily=1,2,3", "lily=a,b,c,d", "=0,0,1,1"):
        with pytest.raises(StudioError):
            read_regions(wrong)


def test_the_form_gives_back_the_recipe_it_was_filled_with(tmp_path: Path) -> None:
    with gr.Blocks():
        form = create_form(Workspace(tmp_path))
    changes = form.filled(TWO)
    values = {name: changes[component] for name, component in form.recipe.items()}
    assert recipe_from_form(values, {}, changes[form.new_seed], [], [], ()) == TWO
    facts = recipe_facts(TWO)
    assert MODES["words"] in facts and "lily=0,0.25,0.5,1" in facts
    assert "Composing" not in recipe_facts(Recipe("<lily>"))


def test_a_box_contains_the_cells_whose_centre_is_in_it() -> None:
    boxes = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.5, 1.0, 1.0)}
    lily, tom, none = box_masks(boxes, ["<lily>", "<tom>", "<ada>"], 4, 4)
    assert lily[:, :2].all() and not lily[:, 2:].any()
    assert tom[2:, 2:].all() and tom.sum() == 4 and none.sum() == 0
    with pytest.raises(StudioError, match="too small"):
        box_masks({"<lily>": (0.0, 0.0, 0.1, 0.1)}, ["<lily>"], 4, 4)


def attention_peak(row: int, column: int, weight: float = 1.0, side: int = 16) -> torch.Tensor:
    attention = torch.full((side, side), 0.01)
    attention[row - 2 : row + 3, column - 2 : column + 3] = weight
    return attention


def test_each_concept_gets_an_equal_region_around_its_attention() -> None:
    areas = assign_regions(torch.stack([attention_peak(8, 4), attention_peak(8, 11, weight=0.05)]))
    assert torch.equal(areas.sum(0), torch.ones(16, 16))
    assert areas[0, 8, 4] == 1 and areas[1, 8, 11] == 1
    assert areas.sum((1, 2)).tolist() == pytest.approx([128, 128], abs=16)
    three = assign_regions(torch.stack([attention_peak(4, 4), attention_peak(4, 11), attention_peak(11, 8)]))
    assert (three.sum((1, 2)) > 256 / 3 - 30).all()


def test_two_concepts_with_the_same_attention_both_get_a_region() -> None:
    areas = assign_regions(
        torch.stack([attention_peak(8, 8), attention_peak(8, 8)]) + 1e-3 * torch.rand(2, 16, 16)
    )
    assert (areas.sum((1, 2)) > 64).all()


def test_cells_that_are_not_free_are_not_assigned() -> None:
    free = torch.ones(16, 16)
    free[:, :8] = 0
    areas = assign_regions(torch.stack([attention_peak(4, 4), attention_peak(11, 11)]), free)
    assert not areas[:, :, :8].any() and areas[:, :, 8:].sum(0).min() == 1
    assert (areas.sum((1, 2)) > 32).all()
