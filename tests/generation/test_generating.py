"""From a recipe to pictures: nouns in place of handles, and choices that take turns."""

from __future__ import annotations

import dataclasses

import pytest

from studio.edits.concept import Concept
from studio.generation.generate import with_nouns
from studio.recipes.recipe import Recipe
from tests.edits.test_concept import HEADER


@pytest.mark.parametrize("noun", ["cat", r"t\shirt", r"\g<0>", r"\1", "a\\"])
def test_a_noun_stands_for_its_handle_letter_for_letter(noun: str) -> None:
    lily = Concept(dataclasses.replace(HEADER, handles={"<lily>": noun}), ())
    recipe = Recipe("a <Lily> on blue", strengths={"<lily>": 0.0})
    assert with_nouns(recipe.prompt, recipe, [lily]) == f"a {noun} on blue"
