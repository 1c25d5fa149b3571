"""What an edit changes grows with its strength, and starts from nothing, for every kind of edit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit, Edit, LowRank, NewWord, attach
from studio.edits.kinds import KINDS
from studio.edits.kinds.encoded_tokens import EncodedWord
from studio.edits.kinds.sorted_tokens import SortedWord
from studio.edits.kinds.space_time import SpaceTimeWord
from studio.edits.kinds.staged_tokens import StagedWord
from studio.edits.space_time_mapper import Form, SpaceTimeMapper
from studio.models.backbone import Backbone
from tests import tiny
from tests.by_hand import low_rank, rank_one, word

STRENGTHS = (0.25, 0.5, 1.0, 1.5)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def output(backbone: Backbone, edit: Edit, strength: float, site: str, x: Tensor) -> Tensor:
    """What a layer makes of x with the edit at a strength."""
    with torch.no_grad(), attach(backbone, [ActiveEdit(edit, strength)]):
        return backbone.sites[site](x)


@pytest.mark.parametrize("make", [low_rank, rank_one])
@pytest.mark.parametrize("projection", ["to_k", "to_v"])
@pytest.mark.parametrize("strength", STRENGTHS)
def test_the_change_of_a_layer_is_the_strength_times_the_whole_change(
    backbone: Backbone, make: object, projection: str, strength: float
) -> None:
    edit = make(backbone, "<lily>", "cat", 0)
    site = next(site for site in backbone.sites if site.endswith(f"attn2.{projection}"))
    x = torch.randn(2, 5, backbone.text.width)
    plain = backbone.sites[site](x).detach()
    whole = output(backbone, edit, 1.0, site, x) - plain
    assert whole.abs().max() > 0.1
    part = output(backbone, edit, strength, site, x) - plain
    torch.testing.assert_close(part, strength * whole, rtol=1e-4, atol=1e-4)


def test_two_rank_one_edits_are_each_as_strong_as_asked(backbone: Backbone) -> None:
    """Together they change what eq. 3 of appendix B says, each of its two sums by the strengths."""
    lily, tom = rank_one(backbone, "<lily>", "cat", 0), rank_one(backbone, "<tom>", "dog", 1)
    site = backbone.value_sites[0]
    layer, e = backbone.sites[site], torch.randn(2, 5, backbone.text.width)
    I = torch.stack([lily.i_star, tom.i_star])  # noqa: E741  the paper's letter, as below
    similarity = e @ I.T  # these edits have C = 1
    removed = similarity @ torch.linalg.inv(I @ I.T)
    gates = torch.sigmoid((similarity / I.square().sum(1) - 0.6) / 0.15)
    strengths = torch.tensor([0.3, 1.2])
    targets = torch.stack([lily.targets[site], tom.targets[site]])
    expected = layer(e) - (strengths * removed) @ (I @ layer.weight.T) + (strengths * gates) @ targets
    with torch.no_grad(), attach(backbone, [ActiveEdit(lily, 0.3), ActiveEdit(tom, 1.2)]):
        torch.testing.assert_close(layer(e), expected.detach(), rtol=1e-3, atol=1e-3)


def test_a_global_lock_is_as_strong_as_the_edit(backbone: Backbone) -> None:
    edit = rank_one(backbone, "<lily>", "cat", 0).with_knobs({"global_lock": 1.0})
    layer, hidden = backbone.sites[backbone.key_sites[0]], torch.randn(2, 5, backbone.text.width)
    edit.with_noun = torch.randn(2, 5, backbone.text.width)
    local = output(backbone, edit.with_knobs({"global_lock": 0.0}), 0.5, backbone.key_sites[0], hidden)
    with torch.no_grad():
        expected = 0.5 * local + 0.5 * layer(edit.with_noun)
    locked = output(backbone, edit, 0.5, backbone.key_sites[0], hidden)
    torch.testing.assert_close(locked, expected, rtol=1e-4, atol=1e-4)


def encoded(backbone: Backbone, edit: Edit, strength: float, t: int) -> Tensor:
    with torch.no_grad(), attach(backbone, [ActiveEdit(edit, strength)]):
        return backbone.text.read(["a photo of <lily>"], torch.tensor(t)).hidden


def test_a_word_lies_between_its_noun_and_what_was_learned(backbone: Backbone) -> None:
    noun = backbone.text.initial_vectors("cat", 2)
    learned = word(backbone, "<lily>", "cat", 0)
    for strength in STRENGTHS:
        between = noun + strength * (learned.vectors - noun)
        expected = encoded(backbone, NewWord("<lily>", "cat", between), 1.0, 500)
        torch.testing.assert_close(encoded(backbone, learned, strength, 500), expected)


def test_a_staged_word_is_that_of_its_stage_and_as_strong_as_asked(backbone: Backbone) -> None:
    """Stage 0 has the least noise."""
    noun, vectors = backbone.text.initial_vectors("cat", 1), torch.randn(2, 1, backbone.text.width)
    staged = StagedWord("<lily>", "cat", vectors)
    for t, stage in ((0, 0), (499, 0), (500, 1), (999, 1)):
        for strength in STRENGTHS:
            between = noun + strength * (vectors[stage] - noun)
            expected = encoded(backbone, NewWord("<lily>", "cat", between), 1.0, t)
            torch.testing.assert_close(encoded(backbone, staged, strength, t), expected)


def test_a_space_time_word_and_its_bypass_are_as_strong_as_asked(backbone: Backbone) -> None:
    form = Form(length=0.4)
    blocks, generator = len(backbone.text_blocks), torch.Generator().manual_seed(0)
    mapper = SpaceTimeMapper.start(backbone.text.width, blocks, (0.03, 2.0), form, generator)
    edit, noun = SpaceTimeWord("<lily>", "cat", mapper), backbone.text.initial_vectors("cat", 1)
    t, numbers = torch.tensor([100, 900]), torch.tensor([0, 3])
    v, b = mapper(t, numbers, torch.tensor([128, 128]))
    for strength in STRENGTHS:
        vectors, moves = edit.at(backbone, strength).at(t, numbers)
        torch.testing.assert_close(vectors[:, 0], noun + strength * (v - noun))
        torch.testing.assert_close(moves[:, 0], 0.2 * strength * b)


def test_an_encoded_word_lies_between_its_noun_and_what_was_learned(backbone: Backbone) -> None:
    learned = EncodedWord("<lily>", "cat", torch.randn(2, backbone.text.width))
    noun, whole = (encoded(backbone, edit, 1.0, 500)[0] for edit in (noun_twice(backbone), learned))
    for strength in STRENGTHS:
        between = encoded(backbone, learned, strength, 500)[0]
        torch.testing.assert_close(between, noun + strength * (whole - noun))
    assert torch.equal(whole[4:6], learned.rows)


def test_a_sorted_words_categories_are_as_strong_as_asked(backbone: Backbone) -> None:
    """At 0 they add nothing: the noun stays, with tokens of zeros after it."""
    red, blue = torch.randn(2, 2, backbone.text.width)
    vectors = {"colour": torch.stack([red, blue])}
    edit = SortedWord("<lily>", "cat", vectors, {"colour": ("red", "blue")}).with_knobs({"colour": 2.0})
    for strength in STRENGTHS:
        expected = torch.cat([backbone.text.embeddings_of("cat"), strength * blue])
        torch.testing.assert_close(edit.at(backbone, strength), expected)


def noun_twice(backbone: Backbone) -> NewWord:
    return NewWord("<lily>", "cat", backbone.text.initial_vectors("cat", 2))


def test_a_new_low_rank_edit_starts_with_the_published_spread(backbone: Backbone) -> None:
    """A is normal with standard deviation 1 / r, B is zero."""
    sites = backbone.linear_sites(".to_q", ".to_k")
    for rank in (2, 8):
        edit = LowRank.start("<lily>", "cat", sites, rank, torch.Generator().manual_seed(0))
        numbers = torch.cat([A.flatten() for A in edit.A.values()])
        assert numbers.std().item() == pytest.approx(1 / rank, rel=0.05)
        assert not any(B.any() for B in edit.B.values())


def test_no_kind_of_edit_was_forgotten() -> None:
    """Whole models are in test_full_tuning.py; a new kind needs a test of its strength, here or there."""
    kinds = {name for name, kind in KINDS.items() if kind.__module__.startswith("studio.")}
    assert {
        "tokens",
        "staged_tokens",
        "space_time",
        "encoded_tokens",
        "sorted_tokens",
        "low_rank",
        "rank_one",
        "full",
    } >= kinds
