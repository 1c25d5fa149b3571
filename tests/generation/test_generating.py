"""From a recipe to pictures: nouns in place of handles, and choices that take turns."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from studio.edits.concept import Concept
from studio.edits.kinds.sorted_tokens import SortedWord
from studio.generation.generate import with_nouns
from studio.recipes.recipe import Recipe
from tests import tiny
from tests.by_hand import header
from tests.edits.test_concept import HEADER
from tests.generation.two_concepts import painted


@pytest.mark.parametrize("noun", ["cat", r"t\shirt", r"\g<0>", r"\1", "a\\"])
def test_a_noun_stands_for_its_handle_letter_for_letter(noun: str) -> None:
    lily = Concept(dataclasses.replace(HEADER, handles={"<lily>": noun}), ())
    recipe = Recipe("a <Lily> on blue", strengths={"<lily>": 0.0})
    assert with_nouns(recipe.prompt, recipe, [lily]) == f"a {noun} on blue"


@pytest.mark.parametrize("stage", ["layout_prompt", "style_prompt"])
def test_a_concept_that_only_a_stage_names_takes_turns(stage: str) -> None:
    backbone = tiny.backbone()
    vectors = {"colour": 3 * torch.randn(2, 1, tiny.WIDTH, generator=torch.Generator().manual_seed(0))}
    word = SortedWord("<toys>", "cat", vectors, {"colour": ("red", "blue")})
    named = dataclasses.replace(header(backbone, {"<toys>": "cat"}), knobs=word.knobs())
    toys = Concept(named, (word,))
    recipe = Recipe("a dog", seed=4, steps=3, guidance=2.0, count=2, refinements={stage: "a <toys>"})
    for number, picture in enumerate(painted(backbone, recipe, [toys])):
        chosen = [
            dataclasses.replace(recipe.single(number), knobs={"<toys>": {"colour": choice}})
            for choice in (1.0, 2.0)
        ]
        images = [np.asarray(painted(backbone, one, [toys])[0].image) for one in chosen]
        assert not np.array_equal(*images)
        again = painted(backbone, picture.recipe, [toys])[0]
        for one in (picture, again):
            assert np.array_equal(np.asarray(one.image), images[number])
