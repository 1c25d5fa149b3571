"""Recipes in PNGs of strangers: wrong types are refused in a sentence, never with a traceback."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.documents import DocumentError
from studio.errors import DiskError, StudioError
from studio.limits import MAX_SEED
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

RECIPE = {"prompt": "<sunny> on blue", "seed": 7, "steps": 2, "guidance": 4, "composing": "regions"}


def png(path: Path, text: str) -> Path:
    info = PngInfo()
    info.add_text("likeness", text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 1.5}, "its `seed` should be a whole number"),
        ({"seed": True}, "its `seed` should be a whole number"),
        ({"seed": None}, "its `seed` should be a whole number"),
        ({"seed": 10**40}, "a number that is too large"),
        ({"steps": "two"}, "its `steps` should be a whole number"),
        ({"negative": None}, "its `negative` should be a text"),
        ({"prompt": ["a"]}, "its `prompt` should be a text"),
        ({"base": 5}, "its `base` should be a text"),
        ({"knobs": []}, "its `knobs` should be a table"),
        ({"knobs": {"<sunny>": 3}}, "its `knobs`, at <sunny>, should be a table"),
        ({"knobs": {"<sunny>": {"bias": "low"}}}, "its `knobs`, at <sunny>, bias, should be"),
        ({"strengths": {"<sunny>": None}}, "its `strengths`, at <sunny>, should be"),
        ({"regions": {"<sunny>": [0, 0, 1]}}, "its `regions`"),
        ({"regions": {"<sunny>": "left"}}, "its `regions`, at <sunny>, should be a list"),
        ({"refinements": {"prompt_tuning_steps": {}}}, "its `refinements`"),
        ({"concepts": {"<sunny>": 3}}, "its `concepts`, at <sunny>, should be a text"),
        ({"composing": 3}, "its `composing` should be a text"),
    ],
)
def test_a_wrong_type_is_named(tmp_path: Path, change: dict, reason: str) -> None:
    with pytest.raises(StudioError, match=r"The recipe inside odd\.png is damaged") as refusal:
        read_recipe(png(tmp_path / "odd.png", json.dumps({**RECIPE, **change})))
    assert reason in refusal.value.message


@pytest.mark.parametrize("text", ["", "[]", "3", "null", "[" * 5000, "{", '{"prompt": "a", "guidance": NaN}'])
def test_what_is_no_recipe_is_damaged(tmp_path: Path, text: str) -> None:
    with pytest.raises(StudioError, match="damaged"):
        read_recipe(png(tmp_path / "odd.png", text))


def test_a_value_out_of_range_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="Composing cannot be 'mix'"):
        read_recipe(png(tmp_path / "odd.png", json.dumps({**RECIPE, "composing": "mix"})))


def test_recipes_of_earlier_versions_are_understood() -> None:
    values = {"prompt": "<lily> and <tom>", "seed": 3, "obeying": 10, "a later field": {}}
    recipe = Recipe("<lily> and <tom>", seed=3, composing="sum", refinements={"prompt_tuning_steps": 10})
    assert Recipe.from_json(values) == recipe
    grid = Grid(recipe, Axis("prompt_tuning_steps", (0, 10)), Axis("guidance", (2.5,)))
    old = {**json.loads(json.dumps(grid.to_json())), "base": values}
    old["x"]["name"] = "obeying"
    assert Grid.from_json(old) == grid


def test_whole_numbers_stay_whole_so_that_a_picture_keeps_its_name() -> None:
    recipe = Recipe("<lily>", strengths={"<lily>": 1}, refinements={"steps": 2})
    text = json.dumps(recipe.to_json())
    assert json.dumps(Recipe.from_json(json.loads(text)).to_json()) == text


@pytest.mark.parametrize("change", [{"x": []}, {"x": {}}, {"y": {"name": 3, "values": []}}, {"base": {}}])
def test_a_damaged_grid_is_refused(change: dict) -> None:
    grid = Grid(Recipe("a cat"), Axis("guidance", (2.0, 4.0)))
    with pytest.raises(DocumentError, match="The grid cannot be read"):
        Grid.from_json({**json.loads(json.dumps(grid.to_json())), **change})


def test_an_interrupted_save_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.png"
    save_picture(Image.new("RGB", (8, 8)), Recipe("a cat"), path)

    def fail(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(DiskError, match="no room left on the disk for a.png"):
        save_picture(Image.new("RGB", (8, 8)), Recipe("a dog"), path)
    assert read_recipe(path).prompt == "a cat" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"count": 10**9}, "its `count` is too large"),
        ({"steps": 0}, "its `steps` is too small"),
        ({"width": 5000}, "its `width` is too large"),
        ({"guidance": 1e300}, "its `guidance` is too large"),
        ({"seed": -1}, "its `seed` is too small"),
        ({"prompt": "a" * 20_001}, "its `prompt` is too long"),
        ({"strengths": {f"<a{number}>": 1 for number in range(76)}}, "its `strengths` has too many entries"),
    ],
)
def test_a_number_or_length_beyond_the_limits_is_refused_when_it_is_read(change: dict, reason: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        Recipe.from_json({**RECIPE, **change})
    assert refusal.value.reason == reason


def test_a_prompt_of_endless_concepts_is_refused_before_any_is_looked_for(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    many = " ".join(f"<a{number}>" for number in range(76))
    for prompt, reason in ((many, "names 76 concepts"), ("a" * 20_001, "has 20001 letters")):
        with pytest.raises(StudioError, match=reason):
            workspace.resolve_recipe(Recipe(prompt))


def test_a_picture_far_larger_than_the_base_is_refused_as_soon_as_the_base_is_known(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert workspace.resolve_recipe(Recipe("a", height=4096)).height == 4096
    workspace.write_worker_state(WorkerState("ready", {"resolution": 64}))
    assert workspace.resolve_recipe(Recipe("a", width=256)).width == 256
    with pytest.raises(StudioError, match=r"4096 pixels is too much for a base of 64\. Give at most 256"):
        workspace.resolve_recipe(Recipe("a", width=4096))


def test_the_seed_after_the_largest_is_one_that_can_be_read_again() -> None:
    recipe = Recipe("a", seed=MAX_SEED, count=2)
    assert Recipe.from_json(recipe.single(1).to_json()).seed == 0


@pytest.mark.parametrize(
    "text", ["1:1e999999999", "1e999999999", "NaN", "sNaN", "1:2:0", "1:1e300:1e-300", "1\r2"]
)
@pytest.mark.parametrize("name", ["seed", "guidance", "lily.bias"])
def test_numbers_of_an_axis_that_cannot_be_are_refused(name: str, text: str) -> None:
    with pytest.raises(StudioError, match="is no value of|values of"):
        Axis.parse(name, text)


def test_the_values_of_an_axis_may_be_of_any_length_and_on_any_line() -> None:
    assert Axis.parse("prompt", "red,\nblue").values == ("red", "blue")
    with pytest.raises(StudioError, match="are too long"):
        Axis.parse("prompt", "x" * 1_000_000)


def test_a_recipe_of_when_pictures_were_square_keeps_its_size() -> None:
    old = {"prompt": "a cat", "size": 96, "composing": "sum"}
    assert Recipe.from_json(old) == Recipe("a cat", width=96, height=96, composing="sum")
    assert Recipe.from_json({**old, "width": 64}).width == 64
