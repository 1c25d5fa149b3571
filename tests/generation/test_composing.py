"""What holds in every mode of composing, from a recipe to the pixels."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from studio.events import Step
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import MODES
from tests import tiny
from tests.by_hand import gated, tuned
from tests.generation.two_concepts import RECIPE, painted, pixels, recipe_for, two


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("make", [tuned, gated])
def test_the_order_of_concepts_does_not_matter(backbone: Backbone, mode: str, make: object) -> None:
    lily, tom = tuned(backbone, "<lily>"), make(backbone, "<tom>", "dog", seed=1)
    one, other = (pixels(backbone, recipe_for(mode), *pair) for pair in ((lily, tom), (tom, lily)))
    assert np.array_equal(one, other)


@pytest.mark.parametrize("mode", MODES)
def test_a_concept_that_is_not_named_changes_nothing(backbone: Backbone, mode: str) -> None:
    concepts, ada = two(backbone), tuned(backbone, "<ada>", seed=5)
    without = pixels(backbone, recipe_for(mode), *concepts)
    assert np.array_equal(without, pixels(backbone, recipe_for(mode), *concepts, ada))


@pytest.mark.parametrize("mode", MODES)
def test_a_single_concept_gives_the_same_picture_in_every_mode(backbone: Backbone, mode: str) -> None:
    lily = tuned(backbone, "<lily>")
    alone = recipe_for("sum", prompt="a <lily> on blue")
    other = dataclasses.replace(alone, composing=mode)
    assert np.array_equal(pixels(backbone, alone, lily), pixels(backbone, other, lily))


def test_modes_differ_and_a_picture_can_be_painted_again_from_its_recipe(
    backbone: Backbone, tmp_path: Path
) -> None:
    concepts, arrays = two(backbone), []
    for mode in MODES:
        (picture,) = painted(backbone, recipe_for(mode), concepts)
        save_picture(picture.image, picture.recipe, tmp_path / "picture.png")
        again = read_recipe(tmp_path / "picture.png")
        assert again.composing == mode
        assert np.array_equal(pixels(backbone, again, *concepts), np.asarray(picture.image))
        arrays.append(np.asarray(picture.image))
    pairs = zip(arrays, arrays[1:] + arrays[:1], strict=True)
    assert not any(np.array_equal(one, other) for one, other in pairs)


@pytest.mark.parametrize("mode", MODES)
def test_the_base_is_unchanged_between_all_steps(backbone: Backbone, mode: str) -> None:
    def state() -> tuple:
        hooks = sum(
            len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in vars(module))
            for module in backbone.sites.values()
        )
        return hooks, [id(weight) for weight in backbone.unet.parameters()]

    before, weights = state(), tiny.weights(backbone)
    recipe = recipe_for(mode, count=2, refinements={"prompt_tuning_steps": 1})
    steps = [
        (event, state()) for event in generate(backbone, recipe, two(backbone)) if isinstance(event, Step)
    ]
    assert all(now == before for _, now in steps)
    assert [event.step for event, _ in steps] == list(range(1, len(steps) + 1))
    assert {event.steps for event, _ in steps} == {len(steps)}
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, weights[name]), name


def test_a_picture_does_not_depend_on_how_many_are_painted(backbone: Backbone) -> None:
    concepts = two(backbone)
    for picture in painted(backbone, recipe_for("regions", count=2), concepts):
        again = pixels(backbone, picture.recipe, *concepts)
        assert np.array_equal(again, np.asarray(picture.image))


def test_a_box_moves_a_single_concept(backbone: Backbone) -> None:
    lily = tuned(backbone, "<lily>")
    alone = dataclasses.replace(RECIPE, prompt="a <lily> on blue")
    boxed = dataclasses.replace(alone, regions={"<lily>": (0.0, 0.0, 0.5, 0.5)})
    assert boxed.mode == "regions" and alone.mode == "sum"
    assert not np.array_equal(pixels(backbone, alone, lily), pixels(backbone, boxed, lily))
