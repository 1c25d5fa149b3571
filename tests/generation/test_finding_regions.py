"""How regions are found and kept apart while a picture is sampled."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.generation import painting as paintings
from studio.generation.composing import compose_at_words, compose_in_regions, handles_with_region
from studio.generation.painting import Painting
from studio.models.attention import AttentionMaps, RegionMask
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from tests import tiny
from tests.by_hand import gated
from tests.generation.far_word import returned
from tests.generation.two_concepts import (
    NOUNS,
    active_edits,
    halves,
    latents,
    pixels,
    prompts,
    recipe_for,
    two,
)

LEFT = (0.0, 0.0, 0.5, 1.0)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def painting(backbone: Backbone, recipe: Recipe) -> Painting:
    recipe = recipe.checked()
    texts = dataclasses.replace(prompts(recipe.prompt), negative=recipe.negative)
    return Painting(backbone, recipe, texts, active_edits(two(backbone), recipe), NOUNS)


def test_a_style_has_a_region_when_it_was_given_one() -> None:
    nouns = {**NOUNS, "<ink>": "style"}
    recipe = recipe_for("regions", prompt="a <lily> and a <tom> as <ink>")
    assert handles_with_region(recipe, nouns) == NOUNS
    assert handles_with_region(dataclasses.replace(recipe, regions={"<ink>": LEFT}), nouns) == nouns


def test_regions_come_from_the_attention_of_the_prompt(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 0 of the recorded maps is the negative prompt, the last row the prompt."""
    found: list[Tensor] = []
    assign = paintings.assign_regions

    def spy(attention: Tensor, *more: Tensor) -> Tensor:
        found.append(attention)
        return assign(attention, *more)

    def word(maps: AttentionMaps, positions: object, rows: int, columns: int) -> Tensor:
        return torch.stack([torch.zeros(rows, columns), torch.ones(rows, columns)])

    monkeypatch.setattr(paintings, "assign_regions", spy)
    monkeypatch.setattr(AttentionMaps, "word", word)
    returned(painting(backbone, recipe_for("regions")).with_regions())
    assert len(found) == 1 and (found[0] == 1).all()


def test_a_found_region_takes_no_cell_of_a_drawn_one(backbone: Backbone) -> None:
    drawn = returned(painting(backbone, recipe_for("regions", regions={"<lily>": LEFT})).with_regions())
    lily, tom = drawn.areas
    side = lily.shape[-1]
    assert lily[:, : side // 2].all() and not lily[:, side // 2 :].any()
    assert torch.equal(tom, 1 - lily)


def test_a_concept_beyond_what_is_read_leaves_the_picture_to_the_others(backbone: Backbone) -> None:
    far = "cat " * backbone.text.max_tokens
    for prompt, drawn, shares in (
        (f"a <lily> on {far}<tom>", {}, [1, 0]),
        (f"a <lily> on {far}<tom>", {"<lily>": LEFT}, [0.5, 0]),
        (f"{far}<lily> and <tom>", {}, [0, 0]),
    ):
        recipe = recipe_for("regions", prompt=prompt, regions=drawn)
        found = returned(painting(backbone, recipe).with_regions())
        assert [area.mean() for area in found.areas] == shares
        assert latents(backbone, found.conditions()).isfinite().all()


@pytest.mark.parametrize("size", [(0, 0), (24, 24), (24, 16), (16, 32)])
def test_found_regions_part_the_whole_picture_whatever_its_size(
    backbone: Backbone, size: tuple[int, int]
) -> None:
    width, height = size
    recipe = recipe_for("regions", width=width, height=height)
    found = returned(painting(backbone, recipe).with_regions())
    assert found.areas.shape == (2, *backbone.shape_of(*size)[1:])
    assert torch.equal(found.areas.sum(0), torch.ones(backbone.shape_of(*size)[1:]))
    assert all(area.mean() == pytest.approx(0.5, abs=0.1) for area in found.areas)
    assert pixels(backbone, recipe, *two(backbone)).shape[:2] == (height or 16, width or 16)


def test_sampling_goes_on_from_the_steps_in_which_regions_were_found(backbone: Backbone) -> None:
    """A tenth of the steps, at least one; their latents depend on the seed."""
    starts = {
        (seed, steps): returned(
            painting(backbone, recipe_for("regions", seed=seed, steps=steps)).with_regions()
        )
        for seed, steps in ((7, 3), (8, 3), (7, 30))
    }
    assert [found.started.steps for found in starts.values()] == [1, 1, 3]
    first, second = starts[7, 3].started.latents, starts[8, 3].started.latents
    assert first is not None and second is not None and first.std() > 0.3
    assert not torch.equal(first, second)


def test_self_attention_is_kept_apart_in_the_first_half_of_the_steps(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags: list[bool] = []
    apply = backbone.attention.apply

    def spy(mask: RegionMask | None, mask_self_attention: bool) -> AbstractContextManager[None]:
        flags.append(mask_self_attention)
        return apply(mask, mask_self_attention)

    monkeypatch.setattr(backbone.attention, "apply", spy)
    boxed = recipe_for("regions", steps=6, regions={"<lily>": LEFT, "<tom>": (0.5, 0.0, 1.0, 1.0)})
    pixels(backbone, boxed, *two(backbone))
    assert flags == [True] * 3 + [False] * 3


def test_no_cell_reads_the_noun_of_another_region(backbone: Backbone) -> None:
    conditions = compose_in_regions(backbone, prompts(), active_edits(two(backbone)), NOUNS, halves(backbone))
    assert conditions.mask is not None and not conditions.mask.ground
    # "a <lily> and a dog on blue", where <lily> is two tokens: the dog is hidden in the first column
    length = backbone.text.max_tokens + 2
    hidden = (~conditions.mask.readable[1]).nonzero().flatten().tolist()
    assert hidden == [6, length + 2]
    half = halves(backbone)[:1]
    with_background = compose_in_regions(
        backbone, prompts(), active_edits(two(backbone)), {"<lily>": "cat"}, half
    )
    assert with_background.mask is not None and with_background.mask.ground


def test_the_key_lock_hears_the_prompt_of_every_region(backbone: Backbone) -> None:
    lily = gated(backbone, "<lily>")
    edits = [
        dataclasses.replace(active, edit=active.edit.with_knobs({"global_lock": 1.0}))
        for active in active_edits([lily])
    ]
    (locked,) = (active.edit for active in edits if active.edit.kind == "rank_one")
    areas = halves(backbone)[:1]
    conditions = compose_in_regions(backbone, prompts("a <lily> on blue"), edits, {"<lily>": "cat"}, areas)
    noun = backbone.text.read(["", "a cat on blue"]).hidden
    assert torch.equal(locked.with_noun, torch.cat([noun, noun], dim=1))
    assert locked.with_noun.shape == conditions.at(torch.tensor(500)).hidden.shape


def test_an_edit_of_several_words_acts_at_all_of_them(backbone: Backbone) -> None:
    (active,) = (active for active in active_edits(two(backbone)[:1]) if active.edit.kind == "low_rank")
    both = dataclasses.replace(active, handles=("<lily>", "<tom>"))
    words = [active for active in active_edits(two(backbone)) if active.edit.kind == "tokens"]
    conditions = compose_at_words(backbone, prompts(), [*words, both])
    (mask,) = (each.mask for each in conditions.edits if each.edit.kind == "low_rank")
    assert mask is not None and mask.tokens[1].nonzero().flatten().tolist() == [2, 3, 6, 7]


def test_modes_with_two_regions_are_painted_as_asked(backbone: Backbone) -> None:
    """A drawn region moves what is in it: the same box left and right are two pictures."""
    arrays: Iterator[np.ndarray] = (
        pixels(backbone, recipe_for("regions", regions={"<lily>": box}), *two(backbone))
        for box in (LEFT, (0.5, 0.0, 1.0, 1.0))
    )
    assert not np.array_equal(*arrays)
