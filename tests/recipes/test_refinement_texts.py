"""Texts among the settings of refinements: in documents, in the line that other programs read, in grids."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.commands.paint import file_name
from studio.documents import DocumentError
from studio.errors import StudioError
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.parameters import from_parameters, parameters
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard, parse_refinements
from studio.recipes.renaming import Renaming
from studio.recipes.settings_text import read_refinements, write_refinements
from studio.settings import Field
from studio.workspace.workspace import Workspace
from tests.recipes.test_grid import header

CARD = RefinementCard("out", "Leave out", "", "", (Field("leave_out", "text", "", "What not."),))
TEXTS = [
    "red sky",
    'a "red" sky, at=night',
    "12",
    "1e5",
    "nan",
    "",
    "one\ntwo",
    "<lily>",
    "Kraków “…” \\ {}",
    "Steps: 5, Seed: 3",
]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_read_as_it_was_written(text: str) -> None:
    settings = {"prompt_tuning_steps": 10, "leave_out": text, "leave_out_strength": 0.5, "form": "lite"}
    assert read_refinements(write_refinements(settings)) == settings
    recipe = Recipe("a cat", seed=3, refinements=settings)
    assert Recipe.from_json(json.loads(json.dumps(recipe.to_json()))) == recipe
    again, notes = from_parameters(parameters(recipe))
    assert again.refinements == settings and not notes


def test_lines_of_earlier_versions_are_read_as_before() -> None:
    assert read_refinements(" prompt_tuning_steps=10  other=0.5 way=a=b none= ") == {
        "prompt_tuning_steps": 10,
        "other": 0.5,
        "way": "a=b",
        "none": "",
    }
    for wrong in ("nothing", "a=1 nothing", "=3", 'a="open'):
        with pytest.raises(StudioError):
            read_refinements(wrong)


def test_a_text_has_its_type_and_its_limits() -> None:
    assert parse_refinements({"leave_out": " red sky "}, [CARD]) == {"leave_out": "red sky"}
    assert parse_refinements({"leave_out": "  "}, [CARD]) == {}
    with pytest.raises(StudioError, match="letters"):
        parse_refinements({"leave_out": "x" * 30_000}, [CARD])
    with pytest.raises(DocumentError):
        Recipe.from_json({**Recipe("a").to_json(), "refinements": {"leave_out": ["red"]}})


def test_a_text_makes_an_axis_of_a_grid() -> None:
    axis = Axis.parse("leave_out", 'red sky, "blue, green"', [CARD])
    assert axis.values == ("red sky", "blue, green")
    cells = Grid(Recipe("a cat"), axis).cells({}, [CARD])
    assert [cell.recipe.refinements for cell in cells] == [{"leave_out": value} for value in axis.values]


def test_concepts_that_a_text_names_are_concepts_of_the_recipe(tmp_path: Path) -> None:
    recipe = Recipe("a <tom>", negative="<ted>", refinements={"leave_out": "<lily>", "steps": 3})
    assert recipe.handles == ["<tom>", "<ted>", "<lily>"]
    assert recipe.painted_handles == ["<tom>", "<ted>"] and recipe.active_handles == ["<tom>"]
    with pytest.raises(StudioError, match="<lily>"):
        Workspace(tmp_path, refinements=(CARD,)).resolve_recipe(
            Recipe("a cat", refinements={"leave_out": "<lily>"})
        )
    many = " ".join(f"<c{number}>" for number in range(80))
    with pytest.raises(StudioError, match="80 concepts"):
        Recipe("a cat", refinements={"leave_out": many}).checked()


def test_a_concept_with_another_name_has_it_there_too() -> None:
    recipe = Recipe("a cat", refinements={"leave_out": "<lily>, red", "steps": 3})
    renamed = Renaming("<lily>", "<rose>", "a", "b").recipe(recipe)
    assert renamed.refinements == {"leave_out": "<rose>, red", "steps": 3}


def test_concepts_that_take_turns_do_so_there_too() -> None:
    headers = {handle: header(handle, "cat") for handle in ("<lily>", "<tom>")}
    grid = Grid(Recipe("<lily>", refinements={"leave_out": "<lily>"}), Axis.parse("concept", "lily, tom"))
    told = [cell.recipe.refinements["leave_out"] for cell in grid.cells(headers, [CARD])]
    assert told == ["<lily>", "<tom>"]


def test_a_file_is_named_after_a_text_in_plain_letters() -> None:
    recipe = Recipe("a cat", seed=3, refinements={"leave_out": "../red sky: a/b " + "long " * 30})
    name = file_name(recipe)
    assert name.startswith("picture-3-leave-out-..-red-sky-a-b-long") and len(name) < 80 and "/" not in name
