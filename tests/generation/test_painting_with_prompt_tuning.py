"""Prompt tuning as a refinement of a recipe: pictures, progress, refusals and the command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import studio.__main__ as console
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Step
from studio.generation.generate import generate
from studio.models import opening
from studio.models.backbone import Backbone
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from tests import tiny
from tests.by_hand import gated
from tests.generation.far_word import RECIPE, far_word
from tests.generation.two_concepts import painted, pixels


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def tuned(steps: int, recipe: Recipe = RECIPE, **fields: object) -> Recipe:
    return dataclasses.replace(recipe, refinements={"prompt_tuning_steps": steps}, **fields)


def with_lock(backbone: Backbone) -> Concept:
    """A concept with rank-one edits whose header offers their knobs."""
    made = gated(backbone, "<lily>")
    knobs = {name: knob for edit in made.edits for name, knob in edit.knobs().items()}
    return Concept(dataclasses.replace(made.header, knobs=knobs), made.edits)


@pytest.mark.parametrize("knobs", [{}, {"<lily>": {"global_lock": 0.5}}])
def test_a_picture_does_not_depend_on_how_many_are_painted(backbone: Backbone, knobs: dict) -> None:
    concept = with_lock(backbone) if knobs else far_word(backbone)
    for picture in painted(backbone, tuned(2, count=2, knobs=knobs), [concept]):
        assert picture.recipe.refinements == {"prompt_tuning_steps": 2}
        assert np.array_equal(pixels(backbone, picture.recipe, concept), np.asarray(picture.image))


def test_zero_steps_change_nothing_and_more_steps_change_the_picture(backbone: Backbone) -> None:
    lily = far_word(backbone)
    start = lily.edits[0].vectors.clone()
    plain, off, on = (pixels(backbone, recipe, lily) for recipe in (RECIPE, tuned(0), tuned(3)))
    assert np.array_equal(plain, off) and not np.array_equal(plain, on)
    assert torch.equal(lily.edits[0].vectors, start)


def test_the_order_of_concepts_does_not_matter(backbone: Backbone) -> None:
    lily, tom = far_word(backbone), far_word(backbone, "<tom>", "dog", seed=1)
    recipe = tuned(3, prompt="<tom> and <lily> on blue")
    one, other = pixels(backbone, recipe, lily, tom), pixels(backbone, recipe, tom, lily)
    assert np.array_equal(one, other)


def test_the_same_recipe_gives_the_same_picture(backbone: Backbone) -> None:
    """And another seed another one: see also the seed of the words alone in test_prompt_tuning.py."""
    first, again, other = (pixels(backbone, tuned(3, seed=seed), far_word(backbone)) for seed in (7, 7, 8))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_steps_are_counted_through_and_nothing_is_attached_between_them(backbone: Backbone) -> None:
    recipe = tuned(3, count=2)
    ids, steps = backbone.text.tokenize("<lily>").ids, []
    hooks = sum(len(module._forward_hooks) for module in backbone.sites.values())
    for event in generate(backbone, recipe, [far_word(backbone)]):
        assert backbone.text.tokenize("<lily>").ids == ids
        assert sum(len(module._forward_hooks) for module in backbone.sites.values()) == hooks
        steps += [event] if isinstance(event, Step) else []
    assert [step.step for step in steps] == list(range(1, 2 * (2 + 3 + 2) + 1))
    assert {step.steps for step in steps} == {len(steps)}
    stages = ["painting as it is", "making the prompt obey", "painting"]
    assert list(dict.fromkeys(step.stage for step in steps)) == stages
    assert all(set(step.values) == {"embedding", "attention"} for step in steps if step.stage == stages[1])


@pytest.mark.parametrize(
    ("prompt", "strength"), [("a cat on blue", 1.0), (RECIPE.prompt, 0.0), (f"{'dog ' * 100}<lily>", 1.0)]
)
def test_a_prompt_that_reads_no_learned_word_is_refused(
    backbone: Backbone, prompt: str, strength: float
) -> None:
    recipe = tuned(3, prompt=prompt, strengths={"<lily>": strength})
    with pytest.raises(StudioError, match="No learned word") as refused:
        painted(backbone, recipe, [far_word(backbone)])
    assert "<lily>" in refused.value.hint


def test_the_command_line_saves_both_pictures(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())
    (tmp_path / "concepts").mkdir()
    far_word(backbone).save(tmp_path / "concepts" / "lily.safetensors")
    workspace, sampling = ["--workspace", str(tmp_path)], ["--steps", "2", "--seed", "3"]
    tuning = ["--prompt-tuning-steps", "10"]
    names = ("lily-3.png", "lily-3-prompt-tuning-steps-10.png")
    plain, obeying = (tmp_path / "pictures" / name for name in names)
    assert console.main(["paint", RECIPE.prompt, *sampling, *workspace]) == 0
    assert console.main(["again", str(plain), *workspace, *tuning]) == 0
    assert read_recipe(obeying) == tuned(10, read_recipe(plain))
    first = obeying.read_bytes()
    assert console.main(["paint", RECIPE.prompt, *sampling, *workspace, *tuning]) == 0
    assert obeying.read_bytes() == first
    assert not np.array_equal(np.asarray(Image.open(plain)), np.asarray(Image.open(obeying)))
