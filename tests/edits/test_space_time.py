"""Words of NeTI in prompts, in pictures and in files: where they act, and beside which other words."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.edits.kinds.space_time import SpaceTimeWord
from studio.edits.space_time_mapper import Form, SpaceTimeMapper
from studio.errors import StudioError
from studio.generation.composing import compose_in_regions, compose_sum
from studio.generation.conditions import Prompts
from studio.models.backbone import Backbone
from studio.models.words import Words
from tests import by_hand, tiny
from tests.by_hand import rank_one, word
from tests.generation.two_concepts import NOUNS, PROMPT, RECIPE, halves, pixels, prompts

LILY = Prompts("", "a <lily> on blue")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def spoken(backbone: Backbone, form: Form | None = None, seed: int = 0) -> SpaceTimeWord:
    form = form or Form(float(backbone.text.embeddings_of("cat").norm()))
    blocks = len(backbone.text_blocks)
    generator = torch.Generator().manual_seed(seed)
    mapper = SpaceTimeMapper.start(backbone.text.width, blocks, (0.03, 2.0), form, generator)
    return SpaceTimeWord("<lily>", "cat", mapper)


def concept(backbone: Backbone, form: Form | None = None) -> Concept:
    edit = spoken(backbone, form)
    header = dataclasses.replace(by_hand.header(backbone, {"<lily>": "cat"}), knobs=edit.knobs())
    return Concept(header, (edit,))


def read(backbone: Backbone, edit: SpaceTimeWord, t: int = 500, strength: float = 1.0) -> Words:
    with torch.no_grad(), attach(backbone, [ActiveEdit(edit, strength)]):
        return backbone.text.read([LILY.prompt], torch.tensor(t))


def attention(backbone: Backbone, words: Words) -> tuple[dict[str, Tensor], Tensor]:
    """Return the attention maps of the first layer that runs, and the prediction."""
    noisy = torch.randn(1, *backbone.latent_shape, generator=torch.Generator().manual_seed(0))
    with torch.no_grad(), backbone.require_attention().record() as recorded:
        predicted = backbone.predict(noisy, torch.tensor(500), words)
    return recorded.maps, predicted


# where it acts


def test_n3_the_bypass_reaches_values_alone(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of any size leaves the attention of the first layer as it is; later ones see what it has done."""
    plain = attention(backbone, read(backbone, spoken(backbone)))
    monkeypatch.setattr("studio.edits.kinds.space_time.BYPASS", 50.0)
    huge = attention(backbone, read(backbone, spoken(backbone)))
    first = backbone.text_blocks[0].keys[0].removesuffix(".to_k")
    assert torch.equal(plain[0][first], huge[0][first]) and not torch.allclose(plain[1], huge[1])


@pytest.mark.parametrize("strength", [1.0, 0.5])
def test_n3_the_state_is_moved_by_a_fifth_of_its_length_before_the_norm(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch, strength: float
) -> None:
    """At a strength between, by that share of a fifth."""
    normed: list[Tensor] = []
    normalised = backbone.text.normalised
    monkeypatch.setattr(
        backbone.text, "normalised", lambda words: normed.append(words.hidden) or normalised(words)
    )
    read(backbone, spoken(backbone), strength=strength)
    keys, values = normed
    moved, lengths = (values - keys).norm(dim=-1), keys.norm(dim=-1)
    assert torch.nonzero(moved[0]).flatten().tolist() == [2]  # only at the word
    share = torch.full((len(keys),), 0.2 * strength)
    torch.testing.assert_close(moved[:, 2] / lengths[:, 2], share, rtol=1e-3, atol=0)


def test_n4_without_a_bypass_keys_and_values_read_the_same(backbone: Backbone) -> None:
    plain, moved = read(backbone, spoken(backbone, Form(0.4, bypass=False))), read(backbone, spoken(backbone))
    for block in backbone.text_blocks:
        key, value = block.keys[0], block.values[0]
        assert torch.equal(plain.at(key), plain.at(value))
        assert not torch.equal(moved.at(key), moved.at(value))


def test_n6_the_negative_prompt_is_read_as_without_it(backbone: Backbone) -> None:
    conditions = compose_sum(backbone, LILY, [ActiveEdit(spoken(backbone))])
    words, plain = conditions.at(torch.tensor(500)), backbone.text.read([""]).hidden[0]
    assert conditions.is_timed and len(words.by_site) == 2 * len(backbone.key_sites)
    for hidden in words.by_site.values():
        torch.testing.assert_close(hidden[0], plain)
        assert not torch.allclose(hidden[1], words.at(backbone.key_sites[-1])[0])


def test_n8_it_is_asked_at_the_timesteps_of_the_sampler(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Tensor] = []
    call = SpaceTimeMapper.__call__
    monkeypatch.setattr(
        SpaceTimeMapper, "__call__", lambda self, t, *rest: asked.append(t) or call(self, t, *rest)
    )
    for steps in (2, 5):
        asked.clear()
        recipe = dataclasses.replace(RECIPE, prompt=LILY.prompt, steps=steps)
        pixels(backbone, recipe, concept(backbone))
        expected = backbone.sampler(steps).timesteps
        assert [round(float(t[0])) for t in asked] == expected.tolist()
        assert all(bool((t == t[0]).all()) for t in asked)


# its slider, strengths and other words


def test_the_slider_changes_the_picture_and_ends_at_what_was_learned(backbone: Backbone) -> None:
    made, recipe = concept(backbone), dataclasses.replace(RECIPE, prompt=LILY.prompt)
    turned = {
        value: pixels(backbone, dataclasses.replace(recipe, knobs={"<lily>": {"faithfulness": value}}), made)
        for value in (4.0, 128.0)
    }
    assert np.array_equal(turned[128.0], pixels(backbone, recipe, made))
    assert not np.array_equal(turned[4.0], turned[128.0])
    with pytest.raises(StudioError, match="faithfulness"):
        made.active_edits(dataclasses.replace(recipe, knobs={"<lily>": {"faithfulness": 129.0}}))


def test_beside_another_concept_both_are_read(backbone: Backbone) -> None:
    lily, tom = ActiveEdit(spoken(backbone)), ActiveEdit(word(backbone, "<tom>", "dog", 1))
    other = ActiveEdit(word(backbone, "<tom>", "dog", 2))
    first, second = (
        compose_sum(backbone, prompts(), [lily, each]).at(torch.tensor(500)) for each in (tom, other)
    )
    place = backbone.text_blocks[0].keys[0]
    start = 2  # <lily> stands before <tom>, which the encoder reads from left to right
    assert torch.allclose(first.at(place)[1, : start + 1], second.at(place)[1, : start + 1], atol=1e-5)
    assert not torch.allclose(first.at(place)[1], second.at(place)[1])


def test_in_regions_only_its_own_reading_differs_by_block(backbone: Backbone) -> None:
    lily = ActiveEdit(spoken(backbone), handles=("<lily>",))
    tom = ActiveEdit(word(backbone, "<tom>", "dog", 1), handles=("<tom>",))
    words = compose_in_regions(backbone, prompts(), [lily, tom], NOUNS, halves(backbone)).at(
        torch.tensor(500)
    )
    length = words.hidden.shape[1] // 2
    early, late = (words.at(block.values[0]) for block in (backbone.text_blocks[0], backbone.text_blocks[-1]))
    assert not torch.allclose(early[1, :length], late[1, :length])
    assert torch.equal(early[:, length:], late[:, length:])


@pytest.mark.parametrize("mode", ["sum", "words", "regions"])
def test_it_is_painted_in_every_mode_beside_perfusion_with_its_global_lock(
    backbone: Backbone, mode: str
) -> None:
    """That lock reads the prompt by itself, without a timestep of the picture."""
    edits = (word(backbone, "<tom>", "dog", 1), rank_one(backbone, "<tom>", "dog", 1))
    tom = Concept(
        dataclasses.replace(by_hand.header(backbone, {"<tom>": "dog"}), knobs=edits[1].knobs()), edits
    )
    recipe = dataclasses.replace(RECIPE, prompt=PROMPT, composing=mode)
    locked = dataclasses.replace(recipe, knobs={"<tom>": {"global_lock": 1.0}})
    both = [pixels(backbone, each, concept(backbone), tom) for each in (recipe, locked)]
    assert not np.array_equal(*both)


def test_a_prompt_can_be_made_to_obey_by_moving_the_word_everywhere(backbone: Backbone) -> None:
    edit = spoken(backbone)
    assert not edit.word_vectors.any() and edit.word_vectors.shape == (1, backbone.text.width)
    moved = edit.with_word_vectors(torch.full_like(edit.word_vectors, 0.1))
    t, blocks = torch.tensor([100, 900]), torch.tensor([0, 3])
    before, after = (each.at(backbone, 1.0).at(t, blocks)[0] for each in (edit, moved))
    torch.testing.assert_close(after, before + 0.1)
    recipe = dataclasses.replace(RECIPE, prompt=LILY.prompt, refinements={"prompt_tuning_steps": 1})
    tuned = pixels(backbone, recipe, concept(backbone))
    assert not np.array_equal(
        tuned, pixels(backbone, dataclasses.replace(recipe, refinements={}), concept(backbone))
    )


# its file


def test_n7_a_file_speaks_the_same_words_whatever_was_drawn_since(backbone: Backbone, tmp_path: Path) -> None:
    made = concept(backbone, Form(0.4, joint=False)).round_to_file()
    made.save(tmp_path / "lily.safetensors")
    torch.manual_seed(99)
    (opened,) = Concept.open(tmp_path / "lily.safetensors").edits
    before, after = (read(backbone, edit) for edit in (made.edits[0], opened))
    assert all(torch.equal(before.at(site), after.at(site)) for site in before.by_site)


@pytest.mark.parametrize(
    "change",
    [
        lambda tensors: tensors.pop("<lily>/first/bias"),
        lambda tensors: tensors.pop("<lily>/form"),
        lambda tensors: tensors.update({"<lily>/more": torch.ones(2)}),
        lambda tensors: tensors.update({"<lily>/frequencies": torch.tensor(1.0)}),
        lambda tensors: tensors.update({"<lily>/form": torch.tensor([0.0, 1, 1])}),
        lambda tensors: tensors.update({"<lily>/second/weight": torch.ones(128, 127)}),
        lambda tensors: tensors.update({"<lily>/output/bias": torch.ones(65)}),
    ],
)
def test_a_file_with_other_tensors_is_none(backbone: Backbone, change: object) -> None:
    tensors = spoken(backbone).tensors()
    SpaceTimeWord.from_tensors("<lily>", "cat", tensors, {})
    change(tensors)
    with pytest.raises(ValueError, match="a space-time word"):
        SpaceTimeWord.from_tensors("<lily>", "cat", tensors, {})


def test_it_fits_bases_with_as_many_blocks_and_the_same_width(backbone: Backbone) -> None:
    edit = spoken(backbone)
    assert edit.is_compatible(backbone)
    assert not edit.is_compatible(tiny.backbone()) and not edit.is_compatible(tiny.backbone(width=48))
