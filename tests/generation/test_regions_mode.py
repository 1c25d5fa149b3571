"""The mode `regions`: each concept acts in its own part of the picture and nowhere else."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import LowRank, attach
from studio.edits.concept import Concept
from studio.events import Step
from studio.generation.composing import (
    compose_in_regions,
    compose_sum,
    handles_with_region,
    layout_steps,
)
from studio.generation.conditions import Conditions
from studio.generation.generate import generate
from studio.models.attention import RegionMask
from studio.models.backbone import Backbone
from tests import tiny
from tests.by_hand import gated, header, low_rank, tuned, word
from tests.generation.two_concepts import (
    NOUNS,
    RECIPE,
    T,
    active_edits,
    halves,
    latents,
    pixels,
    prompts,
    recipe_for,
    two,
)

BOXES = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 1.0)}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def cross_attention(backbone: Backbone, x: Tensor, conditions: Conditions) -> Tensor:
    """The output (2, side, side, d) of one cross-attention layer, with edits and region mask on."""
    site = next(site for site in backbone.sites if site.endswith(".attn2"))
    side, hidden = backbone.latent_shape[-1], conditions.at(T).hidden
    masked = backbone.attention.apply(conditions.mask, mask_self_attention=True)
    with torch.no_grad(), attach(backbone, conditions.edits), masked:
        output = backbone.sites[site](x, encoder_hidden_states=hidden)
    return output.unflatten(1, (side, side))


def inputs(backbone: Backbone, cells: int) -> Tensor:
    site = next(site for site in backbone.sites if site.endswith(".attn2"))
    return torch.randn(2, cells, backbone.sites[site].to_q.in_features)


def test_one_region_over_the_whole_picture_is_the_picture_of_that_concept_alone(backbone: Backbone) -> None:
    side = backbone.latent_shape[-1]
    for concept in (tuned(backbone, "<lily>"), gated(backbone, "<lily>")):
        edits, texts = active_edits([concept]), prompts("a <lily> on blue")
        whole = compose_in_regions(backbone, texts, edits, {"<lily>": "cat"}, torch.ones(1, side, side))
        plain = compose_sum(backbone, texts, edits)
        assert torch.equal(whole.at(T).hidden, plain.at(T).hidden)
        torch.testing.assert_close(latents(backbone, whole), latents(backbone, plain), rtol=1e-4, atol=1e-4)


def test_no_region_at_all_is_the_picture_of_the_plain_nouns(backbone: Backbone) -> None:
    side = backbone.latent_shape[-1]
    edits, nowhere = active_edits(two(backbone)), torch.zeros(2, side, side)
    none = compose_in_regions(backbone, prompts(), edits, NOUNS, nowhere)
    nouns = backbone.text.read(["", "a cat and a dog on blue"]).hidden
    assert torch.equal(none.at(T).hidden[:, -nouns.shape[1] :], nouns)
    for active in none.edits:
        assert active.mask.area.sum() == 0


def test_two_identical_overlapping_areas_are_one(backbone: Backbone) -> None:
    side = backbone.latent_shape[-1]
    words = backbone.text.read(["", "a cat on blue"])
    everywhere = torch.ones(2, side, side)
    mask = RegionMask(everywhere, torch.ones(2, 2 * words.hidden.shape[1], dtype=torch.bool))
    one = latents(backbone, Conditions.of(words))
    both = latents(backbone, Conditions(lambda t: words.beside([words]), (), mask))
    torch.testing.assert_close(both, one, rtol=1e-4, atol=1e-4)
    shared = compose_in_regions(backbone, prompts(), active_edits(two(backbone)), NOUNS, everywhere)
    assert all((active.mask.area == 0.5).all() for active in shared.edits)


@pytest.mark.parametrize("make", [tuned, gated])
def test_another_concept_changes_its_own_region_only(backbone: Backbone, make: object) -> None:
    """In a single attention layer, where nothing else mixes cells, the left half is exactly equal."""
    lily, side = tuned(backbone, "<lily>"), backbone.latent_shape[-1]
    x, outputs = inputs(backbone, side * side), []
    for seed in (1, 2):
        edits = active_edits([lily, make(backbone, "<tom>", "dog", seed=seed)])
        conditions = compose_in_regions(backbone, prompts(), edits, NOUNS, halves(backbone))
        outputs.append(cross_attention(backbone, x, conditions))
    changed = outputs[0] != outputs[1]
    assert not changed[:, :, : side // 2].any() and changed[:, :, side // 2 :].any()


def test_swapping_the_regions_swaps_the_halves(backbone: Backbone) -> None:
    edits, side = active_edits(two(backbone)), backbone.latent_shape[-1]
    x = inputs(backbone, 1)[:1].repeat(2, side * side, 1)
    outputs = [
        cross_attention(backbone, x, compose_in_regions(backbone, prompts(), edits, NOUNS, areas))
        for areas in (halves(backbone), halves(backbone).flip(0))
    ]
    torch.testing.assert_close(outputs[0], outputs[1].flip(2), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(outputs[0], outputs[1])


def test_regions_drawn_by_the_user_need_no_first_steps(backbone: Backbone) -> None:
    boxed = recipe_for("regions", regions=BOXES)
    stages = [event.stage for event in generate(backbone, boxed, two(backbone)) if isinstance(event, Step)]
    assert stages == ["painting"] * RECIPE.steps
    assert layout_steps(boxed, NOUNS) == 0 and layout_steps(recipe_for("regions", steps=30), NOUNS) == 3


def test_a_style_acts_everywhere_and_things_have_regions(backbone: Backbone) -> None:
    prompt, style = "a <lily> and a <tom> as <ink>", tuned(backbone, "<ink>", "style", seed=3)
    recipe = recipe_for("regions", prompt=prompt)
    assert handles_with_region(recipe, {**NOUNS, "<ink>": "style"}) == NOUNS
    assert handles_with_region(recipe_for("words"), NOUNS) == {}
    concepts = [*two(backbone), style]
    edits = active_edits(concepts, recipe)
    conditions = compose_in_regions(backbone, prompts(prompt), edits, NOUNS, halves(backbone))
    masks = {active.edit.handle: active.mask for active in conditions.edits}
    assert masks["<ink>"] is None and masks["<tom>"] is not None
    plain = pixels(backbone, dataclasses.replace(recipe, strengths={"<ink>": 0.0}), *concepts)
    assert not np.array_equal(pixels(backbone, recipe, *concepts), plain)


def test_concepts_that_share_one_edit_have_it_in_both_of_their_regions(backbone: Backbone) -> None:
    words = [word(backbone, handle, noun, 0) for handle, noun in NOUNS.items()]
    both = Concept(header(backbone, NOUNS), (*words, low_rank(backbone, "<lily>", "cat", 0)))
    conditions = compose_in_regions(backbone, prompts(), active_edits([both]), NOUNS, halves(backbone))
    mask = next(active.mask for active in conditions.edits if isinstance(active.edit, LowRank))
    assert mask.area.min() == 1 and mask.tokens.float().min() == 1


def test_a_concept_only_in_the_negative_prompt_acts_everywhere(backbone: Backbone) -> None:
    concepts = [*two(backbone), tuned(backbone, "<ada>", seed=4)]
    recipe = recipe_for("regions", negative="<ada>")
    edits, texts = active_edits(concepts, recipe), prompts(negative="<ada>")
    conditions = compose_in_regions(backbone, texts, edits, NOUNS, halves(backbone))
    masks = {active.edit.handle: active.mask for active in conditions.edits}
    assert masks["<ada>"] is None and masks["<lily>"] is not None
    plain = pixels(backbone, recipe_for("regions"), *concepts)
    assert not np.array_equal(pixels(backbone, recipe, *concepts), plain)
