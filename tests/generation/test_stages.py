"""A prompt for each part of the noise range: which steps read which, in every sampler and every mode."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit
from studio.edits.concept import Concept
from studio.edits.kinds.staged_tokens import StagedWord
from studio.errors import StudioError
from studio.events import Note
from studio.generation.composing import compose_sum
from studio.generation.conditions import Conditions, Prompts
from studio.generation.generate import generate
from studio.generation.refinements import stages
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.models.unet_backbone import UNetBackbone
from studio.models.words import Words
from studio.recipes.recipe import Recipe
from tests import tiny
from tests.generation.far_word import far_word
from tests.generation.two_concepts import RECIPE, painted, two
from tests.tiny_families import FAMILIES

BOXES = {"<lily>": (0.0, 0.0, 0.5, 1.0), "<tom>": (0.5, 0.0, 1.0, 1.0)}
THREE = {"layout_prompt": "a dog", "content_prompt": "a cat", "style_prompt": "a photo"}
PLAIN = Recipe("the background", seed=7, steps=3, guidance=2.0)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[tuple[float, str]]:
    """The timestep and the prompt of every step; the network itself does not run."""
    seen: list[tuple[float, str]] = []

    def spied(self: Backbone, noisy: Tensor, t: Tensor, words: Words) -> Tensor:
        seen.append((float(t), " ".join(self.text.names_of(words.tokens[-1]))))
        return torch.zeros_like(noisy)

    monkeypatch.setattr(UNetBackbone, "predict", spied)
    return seen


def pixels(
    backbone: Backbone, recipe: Recipe, concepts: tuple[Concept, ...] = (), **settings: object
) -> np.ndarray:
    (picture,) = painted(backbone, dataclasses.replace(recipe, refinements=settings), concepts)
    return np.asarray(picture.image)


def prompt_at(share: float) -> str:
    """What is read at a share of the noise with the usual borders, by hand."""
    if share >= 0.9:
        return "a dog"
    return "a cat" if share >= 0.5 else "a photo"


@pytest.mark.parametrize(
    ("sampler", "steps"), [("DDIM", 50), ("Euler", 20), ("DPM++ 2M Karras", 12), ("Euler a", 10)]
)
def test_every_sampler_changes_prompts_at_the_same_noise(
    backbone: Backbone, read: list[tuple[float, str]], sampler: str, steps: int
) -> None:
    """S1 and S4. By the number of a step, or from the clean end, other steps would change."""
    pixels(backbone, dataclasses.replace(PLAIN, sampler=sampler, steps=steps, guidance=1.0), **THREE)
    assert len(read) == steps
    assert [prompt for _, prompt in read] == [prompt_at(t / 1000) for t, _ in read]
    assert {prompt for _, prompt in read} == {"a dog", "a cat", "a photo"}


def test_a_border_belongs_to_the_noisier_side() -> None:
    one, other, third = (Conditions(lambda t: None) for _ in range(3))  # type: ignore[arg-type]
    staged = dataclasses.replace(third, stages=((0.5, one), (0.9, other)))
    at = [staged.stage(share) for share in (0.0, 0.499, 0.5, 0.899, 0.9, 1.0)]
    assert at[:2] == [one, one] and at[2:4] == [other, other] and at[4:] == [staged, staged]


def test_timesteps_at_the_borders_are_told_exactly(backbone: Backbone, read: list[tuple[float, str]]) -> None:
    """In single precision 900 of 1,000 is below 0.9."""
    sampler = backbone.sampler(10)
    sampler.timesteps = torch.tensor([950, 900, 899, 500, 499, 100, 99, 50, 1, 0])
    backbone_sampler: Callable = lambda *_, **__: sampler  # noqa: E731
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backbone, "sampler", backbone_sampler)
        patch.setattr(sampler, "step", lambda prediction, number, latents: latents)
        pixels(backbone, dataclasses.replace(PLAIN, steps=10), **THREE)
    assert [prompt for _, prompt in read] == [*["a dog"] * 2, *["a cat"] * 2, *["a photo"] * 6]


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_main_prompt_in_every_part_is_the_plain_picture_bit_for_bit(family: str) -> None:
    backbone = FAMILIES[family]()
    same = dict.fromkeys(THREE, PLAIN.prompt)
    plain = pixels(backbone, PLAIN)
    assert np.array_equal(pixels(backbone, PLAIN, **same), plain)
    assert np.array_equal(pixels(backbone, PLAIN, layout_border=0.6), plain)
    # four steps of FLUX.2 are all in the noisier half
    assert not np.array_equal(pixels(backbone, PLAIN, style_prompt="a dog", style_border=0.9), plain)


@pytest.mark.parametrize("sampler", ["DPM++ 2M Karras", "Euler a"])
def test_a_sampler_is_not_begun_anew_at_a_border(backbone: Backbone, sampler: str) -> None:
    recipe = dataclasses.replace(PLAIN, sampler=sampler)
    same = {"content_prompt": PLAIN.prompt}
    assert np.array_equal(pixels(backbone, recipe, **same), pixels(backbone, recipe))


def staged(vectors: Tensor) -> ActiveEdit:
    return ActiveEdit(StagedWord("<lily>", "cat", vectors), handles=("<lily>",))


def latents_after(backbone: Backbone, vectors: Tensor, steps: int = 10) -> list[Tensor]:
    recipe = dataclasses.replace(RECIPE, steps=steps, guidance=1.0)
    return list(
        sample(backbone, recipe, compose_sum(backbone, Prompts("", "<lily>"), [staged(vectors)]), [1])
    )


def test_stages_of_a_word_act_from_coarse_to_fine(backbone: Backbone) -> None:
    """S1: item 9 changes the first step; item 0 leaves the first nine tenths bit-identical."""
    vectors = torch.randn(10, 1, tiny.WIDTH, generator=torch.Generator().manual_seed(1))
    plain = latents_after(backbone, vectors)
    for stage, first in ((9, 0), (0, 9)):
        changed = vectors.clone()
        changed[stage] += 1
        same = [torch.equal(*pair) for pair in zip(plain, latents_after(backbone, changed), strict=True)]
        assert same.index(False) == first and not any(same[first:])


def test_a_word_gives_each_timestep_the_vectors_of_its_tenth(backbone: Backbone) -> None:
    vectors = torch.arange(10.0)[:, None, None].expand(10, 1, tiny.WIDTH)
    t = torch.arange(1000)
    at = staged(vectors).edit.at(backbone, 1.0).at(t)[:, 0, 0]
    assert torch.equal(at, (t * 10 // 1000).float())


@pytest.mark.parametrize("mode", ["sum", "words", "regions"])
def test_concepts_act_only_where_a_prompt_names_them(backbone: Backbone, mode: str) -> None:
    """A part that names no concept is painted as if there were none, in every mode."""
    recipe = Recipe("<lily> and <tom>", seed=7, steps=3, guidance=2.0, composing=mode, regions=BOXES)
    everywhere = {"layout_prompt": "a dog", "content_prompt": "a dog", "style_prompt": "a dog"}
    plain = pixels(backbone, dataclasses.replace(recipe, prompt="a dog"))
    staged_picture = pixels(backbone, recipe, two(backbone), **everywhere)
    if mode == "regions":  # the parts of the picture stay apart
        assert not np.array_equal(staged_picture, plain)
    else:
        assert np.array_equal(staged_picture, plain)
    named = pixels(backbone, recipe, two(backbone))
    again = pixels(backbone, recipe, two(backbone), style_prompt="<lily> and <tom>")
    assert np.array_equal(named, again)
    only_late = pixels(backbone, recipe, two(backbone), style_prompt="<lily> and a dog")
    assert not np.array_equal(only_late, named)


def test_a_concept_may_be_named_in_one_part_alone(backbone: Backbone) -> None:
    lily, tom = two(backbone)
    recipe = dataclasses.replace(PLAIN, prompt="a photo of a cat")
    plain = pixels(backbone, recipe)
    late = pixels(backbone, recipe, (lily,), style_prompt="a photo of <lily>")
    assert not np.array_equal(late, plain)
    everywhere = dict.fromkeys(THREE, "a photo of <lily>")
    by_name = pixels(backbone, dataclasses.replace(recipe, prompt="a photo of <lily>"), (lily,))
    assert np.array_equal(pixels(backbone, recipe, (lily,), **everywhere), by_name)
    both = pixels(backbone, recipe, (lily, tom), layout_prompt="a <tom>", style_prompt="a photo of <lily>")
    assert not np.array_equal(both, late)
    off = dataclasses.replace(recipe, strengths={"<lily>": 0.0})
    assert np.array_equal(
        pixels(backbone, off, (lily,), style_prompt="a <lily>"),
        pixels(backbone, recipe, style_prompt="a cat"),
    )
    with pytest.raises(StudioError, match="no concept called <lily>"):
        pixels(backbone, recipe, (), style_prompt="a <lily>")


def test_with_other_refinements_each_part_is_refined(backbone: Backbone) -> None:
    lily = far_word(backbone)
    recipe = Recipe("a <lily> on blue", seed=7, steps=3, guidance=2.0)
    late = {"style_prompt": "a photo of <lily>"}
    several = [
        pixels(backbone, recipe, (lily,), **late, **more)
        for more in ({}, {"leave_out": "photo"}, {"prompt_tuning_steps": 2})
    ]
    assert not np.array_equal(several[0], several[1]) and not np.array_equal(several[0], several[2])


def test_a_part_that_is_too_long_is_read_in_chunks_and_then_said(backbone: Backbone) -> None:
    two_chunks = " ".join(["dog"] * (backbone.text.max_tokens + 3))
    pixels(backbone, PLAIN, style_prompt=two_chunks)
    endless = " ".join(["dog"] * (5 * backbone.text.max_tokens))
    recipe = dataclasses.replace(PLAIN, refinements={"style_prompt": endless})
    notes = [event.text for event in generate(backbone, recipe) if isinstance(event, Note)]
    assert len(notes) == 1 and notes[0].startswith("The style prompt is")


def test_a_part_without_a_step_is_said(backbone: Backbone) -> None:
    parts = {"layout_prompt": "a dog", "style_prompt": "a cat", "layout_border": 1.0}
    recipe = dataclasses.replace(PLAIN, refinements=parts)
    notes = [event.text for event in generate(backbone, recipe) if isinstance(event, Note)]
    assert notes == ["No step is in the part of the layout prompt: take more steps, or move its border."]


def test_a_step_at_a_border_is_said_to_be_of_the_noisier_part(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stages, "noise_shares", lambda backbone, timesteps: [0.9, 0.5])
    recipe = dataclasses.replace(PLAIN, refinements={"style_prompt": "a cat"})
    notes = [event.text for event in generate(backbone, recipe) if isinstance(event, Note)]
    assert notes == ["No step is in the part of the style prompt: take more steps, or move its border."]


def test_borders_in_the_wrong_order_are_refused(backbone: Backbone) -> None:
    with pytest.raises(StudioError, match="style would be settled before"):
        pixels(backbone, PLAIN, layout_border=0.2, style_prompt="a dog")


def test_a_layout_is_refused_where_the_first_steps_find_regions(backbone: Backbone) -> None:
    recipe = Recipe("<lily> and <tom>", seed=7, steps=3, guidance=2.0)
    with pytest.raises(StudioError, match="find the part of each concept"):
        pixels(backbone, recipe, two(backbone), layout_prompt="a dog")
    pixels(backbone, dataclasses.replace(recipe, regions=BOXES), two(backbone), layout_prompt="a dog")
    pixels(backbone, recipe, two(backbone), style_prompt="a dog")
