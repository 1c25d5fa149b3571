"""Leaving out (DECOR, arXiv 2412.09169): what the projection takes, what it leaves, when it is nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.edits.kinds.staged_tokens import StagedWord
from studio.errors import StudioError
from studio.events import Note
from studio.generation.conditions import Conditions, Prompts
from studio.generation.generate import generate
from studio.generation.painting import Painting
from studio.generation.refinements.decor import Decor, Settings, content, directions_of, orthonormal, without
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.models.words import Words
from studio.recipes.recipe import Recipe
from studio.starter import STARTER
from tests import tiny
from tests.by_hand import word
from tests.generation.two_concepts import RECIPE, active_edits, painted, recipe_for, two
from tests.tiny_families import FAMILIES

PROMPT = "a photo of the cat on blue background"


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def left_out(text: str, strength: float = 1.0) -> dict[str, object]:
    return {"leave_out": text, "leave_out_strength": strength}


def change(backbone: Backbone, text: str, strength: float = 1.0, prompt: str = PROMPT) -> Callable:
    """Return the change of what is encoded, for a picture of a prompt."""
    painting = Painting(backbone, Recipe(prompt), Prompts("", prompt), [], {})
    amendment, _ = Decor(Settings(**left_out(text, strength))).amendment(painting)
    return amendment


def by_hand(hidden: Tensor, unwanted: Tensor, strength: float) -> Tensor:
    """X - alpha X V V^T row by row (L, D), with an orthonormal basis made by Gram and Schmidt."""
    basis: list[Tensor] = []
    for row in unwanted.double():
        for one in basis:
            row = row - (row @ one) * one
        if row.norm() > 1e-4 * unwanted.norm():
            basis.append(row / row.norm())
    rows = [hidden[0].double()]
    for row in hidden[1:].double():
        taken = torch.zeros_like(row)
        for one in basis:
            taken += (row @ one) * one
        rows.append(row - strength * taken)
    return torch.stack(rows)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_nothing_of_the_unwanted_text_is_left_in_any_row_but_the_start(family: str) -> None:
    """Check a. A projector on the token axis would leave most of it."""
    backbone = FAMILIES[family]()
    plain = backbone.text.read(["", PROMPT])
    directions = directions_of(backbone.text, ["blue background"])
    changed = without(plain, directions, 1.0)
    first = plain.tokens[1].written[0]
    left = changed.hidden[1, first:] @ directions.T
    assert left.abs().max() < 1e-4 * plain.hidden[1, first:].norm(dim=1).max()
    assert torch.equal(changed.hidden[1, :first], plain.hidden[1, :first])
    assert torch.equal(changed.hidden[0], plain.hidden[0])
    if plain.pooled is not None:
        assert changed.pooled is plain.pooled


def test_it_is_the_equation(backbone: Backbone) -> None:
    plain = backbone.text.read(["a dog", PROMPT])
    unwanted = backbone.text.read(["blue background"]).hidden[0, 1:3]
    for strength in (0.3, 1.0):
        changed = change(backbone, "blue background", strength)(plain, None).hidden
        expected = by_hand(plain.hidden[1], unwanted, strength)
        torch.testing.assert_close(changed[1].double(), expected, rtol=1e-4, atol=1e-4)


def test_twice_is_once_and_half_is_half_way(backbone: Backbone) -> None:
    """Check b."""
    plain = backbone.text.read(["", PROMPT])
    whole = change(backbone, "blue")
    once = whole(plain, None)
    torch.testing.assert_close(whole(once, None).hidden, once.hidden, rtol=1e-4, atol=1e-5)
    half = change(backbone, "blue", 0.25)(plain, None).hidden
    torch.testing.assert_close(half, 0.75 * plain.hidden + 0.25 * once.hidden, rtol=1e-4, atol=1e-5)


def test_at_strength_zero_and_without_a_text_pictures_are_the_same_bit_for_bit(backbone: Backbone) -> None:
    """Check c."""
    recipe = dataclasses.replace(RECIPE, prompt=PROMPT)

    def pixels(**settings: object) -> np.ndarray:
        (picture,) = painted(backbone, dataclasses.replace(recipe, refinements=settings), [])
        return np.asarray(picture.image)

    plain = pixels()
    assert np.array_equal(pixels(**left_out("blue", 0.0)), plain)
    assert np.array_equal(pixels(leave_out_strength=0.5), plain)
    assert not np.array_equal(pixels(leave_out="blue"), plain)


def test_a_word_that_the_prompt_does_not_say_takes_little_away() -> None:
    """Check d, with the starter's text encoder: random weights know no words."""
    encoder = CLIPTextModel.from_pretrained(STARTER, subfolder="text_encoder").eval().requires_grad_(False)
    text = TextReader(CLIPTokenizer.from_pretrained(STARTER, subfolder="tokenizer"), encoder)
    plain = text.read(["", "a penguin on the beach"])
    span = slice(1, plain.tokens[1].end)

    def taken(unwanted: str) -> float:
        changed = without(plain, directions_of(text, [unwanted]), 1.0)
        return ((changed.hidden - plain.hidden)[1, span].norm() / plain.hidden[1, span].norm()).item()

    for said in ("beach", "penguin"):
        assert max(taken("guitar"), taken("zebra")) < 0.5 * taken(said)


def test_only_the_span_of_the_unwanted_text_counts(backbone: Backbone) -> None:
    """Check e. Subtracting a mean would depend on lengths and repetitions."""
    plain = backbone.text.read(["", PROMPT])
    once, twice = (change(backbone, text)(plain, None).hidden for text in ("blue, dog", "dog, blue, blue"))
    torch.testing.assert_close(once, twice, rtol=1e-4, atol=1e-5)
    rows = torch.randn(3, tiny.WIDTH, generator=torch.Generator().manual_seed(0))
    for same in (100 * rows, torch.cat([rows, rows]), rows @ rows.T @ rows):
        one, other = orthonormal(rows), orthonormal(same)
        torch.testing.assert_close(one.T @ one, other.T @ other, rtol=1e-3, atol=1e-4)


def test_rows_are_those_of_words(backbone: Backbone) -> None:
    tokens = backbone.text.tokenize("a cat on the blue background")
    assert content(backbone.text, tokens) == [2, 5, 6]
    assert content(backbone.text, backbone.text.tokenize("the a")) == [1, 2]
    lily = ActiveEdit(word(backbone, "<lily>", "cat", 0))
    with attach(backbone, [lily]):
        assert content(backbone.text, backbone.text.tokenize("a <lily>")) == [2, 3]  # two vectors


def test_a_long_prompt_is_treated_in_all_of_its_chunks(backbone: Backbone) -> None:
    length = backbone.text.tokenizer.model_max_length
    with backbone.text.reading(chunks=2):
        plain = backbone.text.read(["", " ".join(["dog", *["blue", "cat"] * length])])
        changed = change(backbone, "blue")(plain, None).hidden[1]
    differs = (changed - plain.hidden[1]).abs().amax(1) > 0
    starts = {position for position, differs_here in enumerate(differs.tolist()) if not differs_here}
    assert starts == {0, length}


@pytest.mark.parametrize("mode", ["sum", "words", "regions"])
def test_every_reading_of_every_mode_is_without_it(
    backbone: Backbone, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Tensor] = []
    at = Conditions.at

    def spied(conditions: Conditions, t: Tensor) -> Words:
        words = at(conditions, t)
        read.append(words.hidden[1].unflatten(0, (-1, backbone.text.tokenizer.model_max_length)))
        return words

    monkeypatch.setattr(Conditions, "at", spied)
    boxes = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 0.5)}
    recipe = recipe_for(mode, refinements={"leave_out": "blue"}, regions=boxes)
    painted(backbone, recipe, two(backbone))
    with attach(backbone, active_edits(two(backbone), recipe)):  # they tune the text encoder too
        directions = directions_of(backbone.text, ["blue"])
    (columns,) = read
    assert len(columns) == (3 if mode == "regions" else 1)
    assert (columns[:, 1:] @ directions.T).abs().max() < 1e-4
    assert (columns[:, 0] @ directions.T).abs().min() > 1e-3


def test_a_concept_may_be_left_out_that_the_prompt_does_not_name(backbone: Backbone) -> None:
    """Its word is read; what else it changes does not act on the picture."""
    lily, tom = two(backbone)
    recipe = dataclasses.replace(RECIPE, prompt="a <tom> on blue")
    out = dataclasses.replace(recipe, refinements={"leave_out": "<lily>"})
    plain, without_lily, letters = (
        np.asarray(painted(backbone, each, concepts)[0].image)
        for each, concepts in ((recipe, [tom]), (out, [tom, lily]), (out, [tom, Concept(lily.header, ())]))
    )
    assert not np.array_equal(plain, without_lily)
    assert not np.array_equal(without_lily, letters)
    with pytest.raises(StudioError, match="no concept called <lily>"):
        painted(backbone, out, [tom])


def test_words_of_stages_are_taken_out_stage_by_stage(backbone: Backbone) -> None:
    vectors = torch.randn(10, 1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    lily = ActiveEdit(StagedWord("<lily>", "cat", vectors), handles=("<lily>",))
    painting = Painting(backbone, RECIPE, Prompts("", PROMPT), [], {}, [lily])
    amendment, timed = Decor(Settings(leave_out="<lily>")).amendment(painting)
    assert timed
    plain = backbone.text.read(["", PROMPT])
    for t in backbone.sampler(RECIPE.steps).timesteps:
        with attach(backbone, [lily]):
            directions = directions_of(backbone.text, ["<lily>"], t)
        torch.testing.assert_close(amendment(plain, t).hidden, without(plain, directions, 1.0).hidden)


def test_factors_are_made_once_for_all_pictures(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    svd = torch.linalg.svd
    monkeypatch.setattr(torch.linalg, "svd", lambda *a, **k: (calls.append(1), svd(*a, **k))[1])
    painted(
        backbone, dataclasses.replace(RECIPE, prompt=PROMPT, count=3, refinements={"leave_out": "dog"}), []
    )
    assert calls == [1]


def test_words_that_are_wanted_and_unwanted_are_named(backbone: Backbone) -> None:
    recipe = dataclasses.replace(RECIPE, prompt=PROMPT, count=2, refinements={"leave_out": "a Blue dog"})
    notes = [event.text for event in generate(backbone, recipe) if isinstance(event, Note)]
    assert notes == ["The prompt asks for “blue”, which is also to be left out: there it is weakened."]
    quiet = dataclasses.replace(recipe, refinements={"leave_out": "a dog"})
    assert not [event for event in generate(backbone, quiet) if isinstance(event, Note)]


def test_commas_alone_are_refused_in_a_sentence(backbone: Backbone) -> None:
    recipe = dataclasses.replace(RECIPE, prompt=PROMPT, refinements={"leave_out": " , "})
    with pytest.raises(StudioError, match="Nothing is named"):
        list(generate(backbone, recipe))
