"""What recipes, regions and the form say of several concepts in one picture."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.errors import StudioError
from studio.generation.regions import assign_regions, box_masks
from studio.method import MethodCard, Needs
from studio.recipes.png import parameters, read_recipe, save_picture
from studio.recipes.recipe import MODES, Recipe, read_regions, write_regions
from studio.settings import fields_of, setting
from studio.ui.create.form import filled, recipe_of
from studio.ui.parts.recipe_card import recipe_facts
from studio.workspace.workspace import Workspace
from tests.workspace.test_workspace import keep, photos

TWO = Recipe("<lily> and <tom>", seed=3, composing="words", regions={"<lily>": (0.0, 0.25, 0.5, 1.0)})


def test_it_travels_in_json_in_the_picture_and_in_the_text_of_the_field(tmp_path: Path) -> None:
    assert Recipe.from_json(json.loads(json.dumps(TWO.to_json()))) == TWO
    save_picture(Image.new("RGB", (8, 8)), TWO, tmp_path / "two.png")
    assert read_recipe(tmp_path / "two.png") == TWO
    assert "Composing: words" in Image.open(tmp_path / "two.png").info["parameters"]
    placed = parameters(dataclasses.replace(TWO, composing="regions"))
    assert 'Composing: regions, Regions: "lily=0,0.25,0.5,1"' in placed


def test_a_recipe_from_before_is_summed() -> None:
    values = Recipe("<lily> and <tom>", seed=3).to_json()
    del values["composing"], values["regions"]
    assert Recipe.from_json(values) == Recipe("<lily> and <tom>", seed=3, composing="sum")


@pytest.mark.parametrize(
    ("recipe", "way"),
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
def test_only_concepts_that_share_a_picture_need_a_way(recipe: Recipe, way: str) -> None:
    assert recipe.mode == way
    assert ("Composing" in parameters(recipe)) == (way != "sum")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"composing": "magic"}, "no way of composing called 'magic'"),
        ({"regions": {"<lily>": (0.5, 0.0, 0.5, 1.0)}}, "region of <lily> is no part"),
        ({"regions": {"<lily>": (0.0, 0.0, 1.5, 1.0)}}, "region of <lily> is no part"),
    ],
)
def test_what_cannot_be_is_refused(change: dict, message: str) -> None:
    with pytest.raises(StudioError, match=message):
        dataclasses.replace(TWO, **change).checked()


def test_regions_are_written_as_they_are_read() -> None:
    text = "lily=0,0,0.5,1 tom=0.5,0,1,0.25"
    assert read_regions(text) == {"<lily>": (0, 0, 0.5, 1), "<tom>": (0.5, 0, 1, 0.25)}
    assert write_regions(read_regions(text)) == text and read_regions("") == {}
    for wrong in ("lily", "lily=1,2,3", "lily=a,b,c,d", "=0,0,1,1"):
        with pytest.raises(StudioError):
            read_regions(wrong)


def test_the_form_gives_back_what_it_was_filled_with_and_the_words_say_so() -> None:
    again = recipe_of(filled(TWO), [], ())
    assert (again.composing, again.regions) == (TWO.composing, TWO.regions)
    said = recipe_facts(TWO)
    assert MODES["words"] in said and "lily=0,0.25,0.5,1" in said
    assert "Composing" not in recipe_facts(Recipe("<lily>"))


def test_a_box_is_the_cells_whose_middle_it_holds() -> None:
    boxes = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.5, 1.0, 1.0)}
    lily, tom, none = box_masks(boxes, ["<lily>", "<tom>", "<ada>"], 4, 4)
    assert lily[:, :2].all() and not lily[:, 2:].any()
    assert tom[2:, 2:].all() and tom.sum() == 4 and none.sum() == 0
    with pytest.raises(StudioError, match="too small"):
        box_masks({"<lily>": (0.0, 0.0, 0.1, 0.1)}, ["<lily>"], 4, 4)


def blob(row: int, column: int, weight: float = 1.0, side: int = 16) -> torch.Tensor:
    looks = torch.full((side, side), 0.01)
    looks[row - 2 : row + 3, column - 2 : column + 3] = weight
    return looks


def test_everybody_gets_an_equal_part_around_where_it_looks() -> None:
    areas = assign_regions(torch.stack([blob(8, 4), blob(8, 11, weight=0.05)]))
    assert torch.equal(areas.sum(0), torch.ones(16, 16))
    assert areas[0, 8, 4] == 1 and areas[1, 8, 11] == 1
    assert areas.sum((1, 2)).tolist() == pytest.approx([128, 128], abs=16)
    three = assign_regions(torch.stack([blob(4, 4), blob(4, 11), blob(11, 8)]))
    assert (three.sum((1, 2)) > 256 / 3 - 30).all()


def test_two_that_look_at_the_same_place_both_have_room() -> None:
    areas = assign_regions(torch.stack([blob(8, 8), blob(8, 8)]) + 1e-3 * torch.rand(2, 16, 16))
    assert (areas.sum((1, 2)) > 64).all()


def test_what_is_taken_is_not_given_away() -> None:
    free = torch.ones(16, 16)
    free[:, :8] = 0
    areas = assign_regions(torch.stack([blob(4, 4), blob(11, 11)]), free)
    assert not areas[:, :, :8].any() and areas[:, :, 8:].sum(0).min() == 1
    assert (areas.sum((1, 2)) > 32).all()


@dataclasses.dataclass(frozen=True)
class Settings:
    basis: str = setting("free", "For tests.", choices=("free", "shared"))
    block: int = setting(-1, "For tests.", -1, 100)


CARD = MethodCard("low", "Low", "For tests.", "none", Needs(), fields_of(Settings))


def test_the_library_hands_out_blocks_that_no_other_concept_has(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    shared = {"basis": "shared"}
    keep(workspace, "<free>")
    first = workspace.train(photos(), CARD, "lily", "cat", shared)
    second = workspace.train(photos(), CARD, "tom", "cat", shared)
    chosen = workspace.train(photos(), CARD, "ada", "cat", {**shared, "block": 3})
    blocks = [job.task["settings"]["block"] for job in (first, second, chosen)]
    assert blocks == [0, 1, 3]
    assert workspace.train(photos(), CARD, "bo", "cat").task["settings"]["block"] == -1
    assert [workspace.parse_settings(CARD, shared)["block"] for _ in range(2)] == [2, 2]
