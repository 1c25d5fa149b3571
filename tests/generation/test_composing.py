"""The checks that a wrong way of composing fails: bleeding tokens, bleeding regions, lost weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit, EditMask, LowRank, attach, cached_text_projections
from studio.edits.concept import Concept
from studio.events import Result, Step
from studio.generation.composing import (
    Conditions,
    compose_at_words,
    compose_in_regions,
    compose_sum,
    handles_with_region,
    layout_steps,
)
from studio.generation.generate import Picture, generate
from studio.generation.sampling import sample
from studio.models.attention import RegionMask, apply_region_mask
from studio.models.backbone import Backbone
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import MODES, Recipe
from tests import tiny
from tests.by_hand import gated, header, low_rank, tuned, word

PROMPT = "a <lily> and a <tom> on blue"
LOOK = Recipe(PROMPT, seed=7, steps=3, guidance=2.0)
NOUNS = {"<lily>": "cat", "<tom>": "dog"}
HALVES = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 1.0)}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def pair(backbone: Backbone) -> list[Concept]:
    return [tuned(backbone, "<lily>"), tuned(backbone, "<tom>", "dog", seed=1)]


def painted(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept]) -> list[Picture]:
    return [event.value for event in generate(backbone, recipe, concepts) if isinstance(event, Result)]


def pixels(backbone: Backbone, recipe: Recipe, *concepts: Concept) -> np.ndarray:
    return np.asarray(painted(backbone, recipe, concepts)[0].image)


def actives(concepts: Sequence[Concept], recipe: Recipe = LOOK) -> list[ActiveEdit]:
    return [active for concept in concepts for active in concept.active_edits(recipe)]


def latents(backbone: Backbone, conditions: Conditions) -> Tensor:
    *_, last = sample(backbone, LOOK, conditions, [LOOK.seed])
    return last


def halves(backbone: Backbone) -> Tensor:
    side = backbone.latent_shape[-1]
    areas = torch.zeros(2, side, side)
    areas[0, :, : side // 2] = areas[1, :, side // 2 :] = 1
    return areas


def together(way: str, **recipe: object) -> Recipe:
    return dataclasses.replace(LOOK, composing=way, **recipe)


@pytest.mark.parametrize("way", MODES)
@pytest.mark.parametrize("make", [tuned, gated])
def test_the_order_of_concepts_does_not_matter(backbone: Backbone, way: str, make: object) -> None:
    lily, tom = tuned(backbone, "<lily>"), make(backbone, "<tom>", "dog", seed=1)
    one, other = pixels(backbone, together(way), lily, tom), pixels(backbone, together(way), tom, lily)
    assert np.array_equal(one, other)


@pytest.mark.parametrize("way", MODES)
def test_a_concept_that_is_not_named_changes_nothing(backbone: Backbone, way: str) -> None:
    concepts, ada = pair(backbone), tuned(backbone, "<ada>", seed=5)
    without = pixels(backbone, together(way), *concepts)
    assert np.array_equal(without, pixels(backbone, together(way), *concepts, ada))


@pytest.mark.parametrize("way", MODES)
def test_a_single_concept_is_painted_alike_by_every_way(backbone: Backbone, way: str) -> None:
    lily = tuned(backbone, "<lily>")
    alone = dataclasses.replace(LOOK, prompt="a <lily> on blue", composing="sum")
    other = dataclasses.replace(alone, composing=way)
    assert np.array_equal(pixels(backbone, alone, lily), pixels(backbone, other, lily))


def test_the_ways_differ_and_are_named_in_a_recipe_that_paints_again(
    backbone: Backbone, tmp_path: Path
) -> None:
    concepts, seen = pair(backbone), []
    for way in MODES:
        (picture,) = painted(backbone, together(way), concepts)
        save_picture(picture.image, picture.recipe, tmp_path / "it.png")
        again = read_recipe(tmp_path / "it.png")
        assert again.composing == way
        assert np.array_equal(pixels(backbone, again, *concepts), np.asarray(picture.image))
        seen.append(np.asarray(picture.image))
    assert not any(np.array_equal(one, other) for one, other in zip(seen, seen[1:] + seen[:1], strict=True))


@pytest.mark.parametrize("way", MODES)
def test_the_base_is_as_it_was_between_all_steps(backbone: Backbone, way: str) -> None:
    def state() -> tuple:
        hooks = sum(
            len(module._forward_hooks) + len(module._forward_pre_hooks) + ("forward" in vars(module))
            for module in backbone.sites.values()
        )
        return hooks, [id(weight) for weight in backbone.unet.parameters()]

    before, weights = state(), tiny.weights(backbone)
    recipe = together(way, count=2, obeying=1)
    steps = [
        (event, state()) for event in generate(backbone, recipe, pair(backbone)) if isinstance(event, Step)
    ]
    assert all(now == before for _, now in steps)
    assert [event.step for event, _ in steps] == list(range(1, len(steps) + 1))
    assert {event.steps for event, _ in steps} == {len(steps)}
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, weights[name]), name


# words: token masks (TARA, cards 8.8)


def test_without_its_token_a_masked_edit_leaves_keys_and_values_alone(backbone: Backbone) -> None:
    """Check e: a global low-rank edit fails this."""
    lily, tom = pair(backbone)
    both = compose_at_words(backbone, ["", PROMPT], actives([lily, tom]))
    only = compose_at_words(backbone, ["", "a <tom> on blue"], actives([lily, tom]))
    site, layer = next(iter(backbone.linear_sites("attn2.to_k").items()))

    def keys(hidden: Tensor, chosen: Sequence[ActiveEdit]) -> Tensor:
        with torch.no_grad(), attach(backbone, chosen):
            return layer(hidden)

    def lilys(conditions: Conditions) -> list[ActiveEdit]:
        return [active for active in conditions.edits if active.edit.handle == "<lily>"]

    assert torch.equal(keys(only.hidden, lilys(only)), keys(only.hidden, []))
    changed = (keys(both.hidden, lilys(both)) != keys(both.hidden, [])).any(-1)
    with attach(backbone, actives([lily, tom])):
        span = backbone.text.tokenize(PROMPT).spans["<lily>"]
    assert changed[1].nonzero().flatten().tolist() == span and not changed[0].any()


def test_masks_of_ones_equal_the_plain_sum(backbone: Backbone) -> None:
    plain = actives(pair(backbone))
    conditions = compose_sum(backbone, ["", PROMPT], plain)
    side, length = backbone.latent_shape[-1], conditions.hidden.shape[1]
    ones = EditMask(torch.ones(2, length), torch.ones(side, side))
    masked = [dataclasses.replace(active, mask=ones) for active in plain]
    noisy = torch.randn(2, *backbone.latent_shape)
    predictions = []
    for chosen in (plain, masked):
        with attach(backbone, chosen):  # in the way of training, in which nothing is swapped
            predictions.append(backbone.predict(noisy, torch.tensor(500), conditions.hidden))
    assert torch.equal(*predictions)


def test_a_swapped_weight_does_what_the_hook_does(backbone: Backbone) -> None:
    """Painting swaps W + s B A in; training adds s B A x in a hook, through which gradients reach A and B."""
    edits = [
        ActiveEdit(low_rank(backbone, handle, "cat", seed), 0.7)
        for seed, handle in enumerate(("<lily>", "<tom>"))
    ]
    layer = backbone.sites[next(iter(edits[0].edit.A))]
    x = torch.randn(2, 5, layer.in_features)
    original = layer.weight
    with torch.no_grad(), attach(backbone, edits):
        swapped = layer(x)
        assert layer.weight is not original
    assert layer.weight is original
    with attach(backbone, edits):
        assert layer.weight is original
        torch.testing.assert_close(layer(x), swapped, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [tuned, gated])
@pytest.mark.parametrize("reading", [cached_text_projections, lambda backbone: nullcontext])
def test_what_is_worked_out_once_for_a_text_is_not_kept_for_another(
    backbone: Backbone, make: object, reading: object
) -> None:
    conditions = compose_at_words(
        backbone, ["", PROMPT], actives([make(backbone, "<lily>"), pair(backbone)[1]])
    )
    layer = next(iter(backbone.linear_sites("attn2.to_v").values()))
    other = conditions.hidden.flip(2)
    with torch.no_grad():
        fresh = []
        for text in (conditions.hidden, other):
            with attach(backbone, conditions.edits):
                fresh.append(layer(text))
        with attach(backbone, conditions.edits), reading(backbone)():
            again = [layer(text) for text in (conditions.hidden, conditions.hidden, other, conditions.hidden)]
    for one, index in zip(again, (0, 0, 1, 0), strict=True):
        assert torch.equal(one, fresh[index])


def test_keys_of_a_text_are_worked_out_once_until_gradients_are_wanted(backbone: Backbone) -> None:
    layer = next(iter(backbone.linear_sites("attn2.to_k").values()))
    text = torch.randn(2, 5, backbone.text.width)
    with cached_text_projections(backbone)():
        with torch.no_grad():
            assert layer(text) is layer(text)
        assert layer(text) is not layer(text)
    with torch.no_grad():
        assert layer(text) is not layer(text)


def test_a_forward_function_that_somebody_else_put_on_a_layer_stays(backbone: Backbone) -> None:
    layer = next(iter(backbone.linear_sites("attn2.to_k").values()))
    layer.forward = theirs = lambda x: x
    try:
        with cached_text_projections(backbone)():
            assert layer.forward is not theirs
        assert layer.forward is theirs
    finally:
        del layer.forward


# regions


def test_one_region_over_the_whole_picture_is_the_picture_of_that_concept_alone(backbone: Backbone) -> None:
    """Check d, and with it that a region is painted as its concept alone would be."""
    side = backbone.latent_shape[-1]
    for concept in (tuned(backbone, "<lily>"), gated(backbone, "<lily>")):
        chosen, prompts = actives([concept]), ["", "a <lily> on blue"]
        whole = compose_in_regions(backbone, prompts, chosen, {"<lily>": "cat"}, torch.ones(1, side, side))
        plain = compose_sum(backbone, prompts, chosen)
        assert torch.equal(whole.hidden, plain.hidden)
        torch.testing.assert_close(latents(backbone, whole), latents(backbone, plain), rtol=1e-4, atol=1e-4)


def test_no_region_at_all_is_the_picture_of_the_plain_nouns(backbone: Backbone) -> None:
    side = backbone.latent_shape[-1]
    none = compose_in_regions(
        backbone, ["", PROMPT], actives(pair(backbone)), NOUNS, torch.zeros(2, side, side)
    )
    nouns = backbone.text.read(["", "a cat and a dog on blue"]).hidden
    assert torch.equal(none.hidden[:, -nouns.shape[1] :], nouns)
    for active in none.edits:
        assert active.mask.area.sum() == 0


def test_two_identical_overlapping_areas_are_one(backbone: Backbone) -> None:
    """Check d: overlaps are averaged by count."""
    side = backbone.latent_shape[-1]
    hidden = backbone.text.read(["", "a cat on blue"]).hidden
    twice = RegionMask(torch.ones(2, side, side), torch.ones(2, 2 * hidden.shape[1], dtype=torch.bool))
    one = latents(backbone, Conditions(hidden))
    both = latents(backbone, Conditions(hidden.repeat(1, 2, 1), (), twice))
    torch.testing.assert_close(both, one, rtol=1e-4, atol=1e-4)
    shared = compose_in_regions(
        backbone, ["", PROMPT], actives(pair(backbone)), NOUNS, torch.ones(2, side, side)
    )
    assert all((active.mask.area == 0.5).all() for active in shared.edits)


@pytest.mark.parametrize("make", [tuned, gated])
def test_what_one_concept_is_does_not_reach_the_others_region(backbone: Backbone, make: object) -> None:
    """Checked in a single attention layer, where nothing else mixes cells: other edits of <tom> change the
    right half only, exactly."""
    lily = tuned(backbone, "<lily>")
    toms = [make(backbone, "<tom>", "dog", seed=seed) for seed in (1, 2)]
    side = backbone.latent_shape[-1]
    site = next(site for site in backbone.sites if site.endswith(".attn2"))
    layer = backbone.sites[site]
    x = torch.randn(2, side * side, layer.to_q.in_features)
    outputs = []
    for tom in toms:
        conditions = compose_in_regions(backbone, ["", PROMPT], actives([lily, tom]), NOUNS, halves(backbone))
        with torch.no_grad(), attach(backbone, conditions.edits):
            with apply_region_mask(backbone, conditions.mask, apart=True):
                outputs.append(layer(x, encoder_hidden_states=conditions.hidden).unflatten(1, (side, side)))
    left, right = (
        (outputs[0] != outputs[1])[..., : side // 2, :],
        (outputs[0] != outputs[1])[..., side // 2 :, :],
    )
    assert not left.any() and right.any()


def test_swapping_the_regions_swaps_what_is_painted_where(backbone: Backbone) -> None:
    """Check f, in one attention layer, exactly."""
    chosen, side = actives(pair(backbone)), backbone.latent_shape[-1]
    layer = backbone.sites[next(site for site in backbone.sites if site.endswith(".attn2"))]
    x = torch.randn(1, 1, layer.to_q.in_features).repeat(2, side * side, 1)
    outputs = []
    for areas in (halves(backbone), halves(backbone).flip(0)):
        conditions = compose_in_regions(backbone, ["", PROMPT], chosen, NOUNS, areas)
        with torch.no_grad(), attach(backbone, conditions.edits):
            with apply_region_mask(backbone, conditions.mask, apart=True):
                outputs.append(layer(x, encoder_hidden_states=conditions.hidden).unflatten(1, (side, side)))
    torch.testing.assert_close(outputs[0], outputs[1].flip(2), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(outputs[0], outputs[1])


def test_self_attention_stays_inside_a_region_while_they_are_apart(backbone: Backbone) -> None:
    side = backbone.latent_shape[-1]
    sight = RegionMask(halves(backbone), torch.ones(2, 8, dtype=torch.bool))
    layer = backbone.sites[next(site for site in backbone.sites if site.endswith(".attn1"))]
    x = torch.randn(2, side * side, layer.to_q.in_features)
    other = x.unflatten(1, (side, side)).clone()
    other[:, :, side // 2 :] += 1
    for apart in (True, False):
        with torch.no_grad(), apply_region_mask(backbone, sight, apart):
            one, two = (layer(each).unflatten(1, (side, side)) for each in (x, other.flatten(1, 2)))
        assert torch.equal(one[:, :, : side // 2], two[:, :, : side // 2]) == apart


def test_the_ground_looks_everywhere_and_is_seen_from_everywhere(backbone: Backbone) -> None:
    side = 4
    areas = torch.zeros(3, side, side)
    areas[0, :, 0] = areas[1, :, 3] = areas[2, :, 1:3] = 1
    sight = RegionMask(areas, torch.ones(1, 3, dtype=torch.bool), ground=True)
    layer = next(module for site, module in backbone.sites.items() if site.endswith(".attn1"))
    bias = sight.bias(layer, torch.zeros(1, side * side, 8), reads_text=False)[0]
    seen = (bias == 0).view(side, side, side, side)
    assert not seen[0, 0, :, 3].any() and not seen[0, 3, :, 0].any()
    assert seen[0, 0, :, :3].all() and seen[0, 1].all() and seen[:, :, 0, 1].all()


def test_regions_given_by_hand_need_no_look(backbone: Backbone) -> None:
    boxes = together("regions", regions=HALVES)
    stages = [event.stage for event in generate(backbone, boxes, pair(backbone)) if isinstance(event, Step)]
    assert stages == ["painting"] * LOOK.steps
    assert layout_steps(boxes, NOUNS) == 0 and layout_steps(together("regions", steps=30), NOUNS) == 3


def test_a_style_is_everywhere_and_things_have_regions(backbone: Backbone) -> None:
    prompt, style = "a <lily> and a <tom> as <ink>", tuned(backbone, "<ink>", "style", seed=3)
    recipe = together("regions", prompt=prompt)
    assert handles_with_region(recipe, {**NOUNS, "<ink>": "style"}) == NOUNS
    assert handles_with_region(together("words"), NOUNS) == {}
    concepts = [*pair(backbone), style]
    conditions = compose_in_regions(
        backbone, ["", prompt], actives(concepts, recipe), NOUNS, halves(backbone)
    )
    reaches = {active.edit.handle: active.mask for active in conditions.edits}
    assert reaches["<ink>"] is None and reaches["<tom>"] is not None
    plain = pixels(backbone, dataclasses.replace(recipe, strengths={"<ink>": 0.0}), *concepts)
    assert not np.array_equal(pixels(backbone, recipe, *concepts), plain)


def test_a_box_moves_a_single_concept(backbone: Backbone) -> None:
    lily = tuned(backbone, "<lily>")
    alone = dataclasses.replace(LOOK, prompt="a <lily> on blue")
    boxed = dataclasses.replace(alone, regions={"<lily>": (0.0, 0.0, 0.5, 0.5)})
    assert boxed.mode == "regions" and alone.mode == "sum"
    assert not np.array_equal(pixels(backbone, alone, lily), pixels(backbone, boxed, lily))


def test_concepts_that_share_one_edit_have_it_in_both_of_their_regions(backbone: Backbone) -> None:
    edits = [word(backbone, handle, noun, 0) for handle, noun in NOUNS.items()]
    both = Concept(header(backbone, NOUNS), (*edits, low_rank(backbone, "<lily>", "cat", 0)))
    conditions = compose_in_regions(backbone, ["", PROMPT], actives([both]), NOUNS, halves(backbone))
    reach = next(active.mask for active in conditions.edits if isinstance(active.edit, LowRank))
    assert reach.area.min() == 1 and reach.tokens.float().min() == 1


def test_a_concept_only_in_the_negative_prompt_acts_everywhere(backbone: Backbone) -> None:
    concepts = [*pair(backbone), tuned(backbone, "<ada>", seed=4)]
    recipe = together("regions", negative="<ada>")
    conditions = compose_in_regions(
        backbone, ["<ada>", PROMPT], actives(concepts, recipe), NOUNS, halves(backbone)
    )
    reaches = {active.edit.handle: active.mask for active in conditions.edits}
    assert reaches["<ada>"] is None and reaches["<lily>"] is not None
    assert not np.array_equal(
        pixels(backbone, recipe, *concepts), pixels(backbone, together("regions"), *concepts)
    )


def test_a_picture_does_not_depend_on_how_many_are_painted(backbone: Backbone) -> None:
    concepts = pair(backbone)
    for picture in painted(backbone, together("regions", count=2), concepts):
        again = pixels(backbone, picture.recipe, *concepts)
        assert np.array_equal(again, np.asarray(picture.image))


def test_another_size_finds_its_regions_too(backbone: Backbone) -> None:
    assert pixels(backbone, together("regions", size=24), *pair(backbone)).shape == (24, 24, 3)
