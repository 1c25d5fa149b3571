"""What a PNG says of itself: ours, another program's, what two differ in, and what stands in the way here."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.errors import StudioError
from studio.limits import MAX_SEED
from studio.recipes.parameters import from_parameters, parameters
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe, differences
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

THEIRS = """a castle, (sunset:1.2),
<lora:paint:0.8> by the sea
Negative prompt: blurry,
low quality
Steps: 25, Sampler: DPM++ 2M Karras, CFG scale: 6.5, Seed: 4123456789, Size: 512x768, Model hash: 6ce016, \
Model: v1-5-pruned, Lora hashes: "paint: 1234, other: 56", Version: v1.9.0"""


def png(path: Path, **texts: str) -> Path:
    info = PngInfo()
    for name, text in texts.items():
        info.add_text(name, text)
    Image.new("RGB", (8, 8)).save(path, pnginfo=info)
    return path


def test_parameters_of_another_program_become_a_recipe(tmp_path: Path) -> None:
    recipe = read_recipe(png(tmp_path / "theirs.png", parameters=THEIRS))
    assert recipe == Recipe(
        prompt="a castle, (sunset:1.2),\n<lora:paint:0.8> by the sea",
        negative="blurry,\nlow quality",
        steps=25,
        guidance=6.5,
        seed=4123456789 % (MAX_SEED + 1),
        width=512,
        height=768,
        sampler="DPM++ 2M Karras",
        composing="sum",
        base="v1-5-pruned",
    )


def test_parameters_without_a_negative_prompt() -> None:
    recipe = Recipe("a cat", guidance=7.0, seed=1, composing="sum")
    assert from_parameters("a cat\nSteps: 20, CFG scale: 7, Seed: 1")[0] == recipe


@pytest.mark.parametrize("negative", ["", "blurry"])
def test_our_own_parameters_say_what_they_can(negative: str) -> None:
    look = {
        "seed": 7,
        "steps": 9,
        "guidance": 3.5,
        "refinements": {"prompt_tuning_steps": 10},
        "base": "starter",
    }
    alone = Recipe("<lily> on blue", negative, composing="sum", **look)
    pair = Recipe("<lily> and <tom>", negative, regions={"<lily>": (0.0, 0.0, 0.5, 1.0)}, **look)
    words = Recipe("<lily> and <tom>", negative, composing="words", **look)
    dials = {"width": 96, "height": 128, "sampler": "Euler a", "clip_skip": 2, "guidance_rescale": 0.7}
    turned = Recipe("<lily> on blue", negative, composing="sum", **look, **dials)
    for recipe in (alone, pair, words, turned):
        assert from_parameters(parameters(recipe)) == (recipe, [])


def test_our_own_recipe_goes_before_the_parameters(tmp_path: Path) -> None:
    recipe = Recipe("<lily>", strengths={"<lily>": 0.5}, knobs={"<lily>": {"bias": 0.1}}, seed=3)
    save_picture(Image.new("RGB", (8, 8)), recipe, tmp_path / "ours.png")
    assert read_recipe(tmp_path / "ours.png") == recipe


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a cat",
        "Steps: 20",
        "a cat\nSteps: many",
        "a cat\nSteps:20, Seed: 3",
        "a cat\nSteps:",
        "a cat\nSeed: 3, CFG scale: 7",
    ],
)
def test_texts_that_are_no_parameters_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(StudioError, match="damaged"):
        read_recipe(png(tmp_path / "odd.png", parameters=text))


def test_a_picture_that_says_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="no recipe inside"):
        read_recipe(png(tmp_path / "mute.png"))


def test_what_two_recipes_differ_in_has_names_for_people() -> None:
    one = Recipe(
        "a <lily>", strengths={"<lily>": 1.0}, knobs={"<lily>": {"bias": 0.2}}, concepts={"<lily>": "ab"}
    )
    other = dataclasses.replace(one, guidance=8.0, knobs={}, strengths={"<lily>": 0.5})
    assert differences(one.flat(), other.flat()) == {
        "strength of <lily>": (1.0, 0.5),
        "bias of <lily>": (0.2, None),
        "guidance": (4.0, 8.0),
    }
    assert differences(one.flat(), one.flat()) == {}


def test_what_stands_in_the_way_of_the_very_same_picture(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    save_concept(workspace.concepts.path("<mona>"), header_of("<mona>", "cat", 3, 5, 40))
    recipe = workspace.resolve_recipe(Recipe("<mona>"))
    assert workspace.reproducibility_warnings(dataclasses.replace(recipe, base="starter")) == []
    workspace.write_worker_state(WorkerState("ready", {"name": "/models/starter"}))
    assert workspace.reproducibility_warnings(dataclasses.replace(recipe, base="starter")) == []
    strange = dataclasses.replace(recipe, prompt="<mona> <tom>", base="v1-5", concepts={"<mona>": "other"})
    base, changed, missing = workspace.reproducibility_warnings(strange)
    assert "v1-5" in base and "<mona> is another file" in changed and "<tom> is not in the Library" in missing
