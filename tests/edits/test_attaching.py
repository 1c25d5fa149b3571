"""Hooks that put edits on a model: what they cache, and that the model is as before afterwards."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch

from studio.edits import ActiveEdit, attach, cached_text_projections
from studio.generation.composing import compose_at_words
from studio.models.backbone import Backbone
from tests import tiny
from tests.by_hand import gated, low_rank, tuned
from tests.generation.two_concepts import T, active_edits, prompts


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_a_replaced_weight_gives_the_output_of_both_edits(backbone: Backbone) -> None:
    """W is replaced by W + s B A while edits are on, and is back afterwards."""
    edits = [
        ActiveEdit(low_rank(backbone, handle, "cat", seed), 0.7)
        for seed, handle in enumerate(("<lily>", "<tom>"))
    ]
    layer = backbone.sites[next(iter(edits[0].edit.A))]
    x = torch.randn(2, 5, layer.in_features)
    site = next(iter(edits[0].edit.A))
    original, expected = layer.weight, layer(x)
    for active in edits:
        expected = expected + 0.7 * x @ active.edit.A[site].T @ active.edit.B[site].T
    with torch.no_grad(), attach(backbone, edits):
        replaced = layer(x)
        assert layer.weight is not original
    assert layer.weight is original
    torch.testing.assert_close(replaced, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("make", [tuned, gated])
@pytest.mark.parametrize("caching", [cached_text_projections, lambda backbone: nullcontext])
def test_a_result_cached_for_one_text_is_not_used_for_another(
    backbone: Backbone, make: object, caching: object
) -> None:
    edits = active_edits([make(backbone, "<lily>"), tuned(backbone, "<tom>", "dog", seed=1)])
    conditions = compose_at_words(backbone, prompts(), edits)
    layer = backbone.sites[backbone.value_sites[0]]
    first = conditions.at(T).hidden
    other = first.flip(2)
    with torch.no_grad():
        fresh = []
        for text in (first, other):
            with attach(backbone, conditions.edits):
                fresh.append(layer(text))
        with attach(backbone, conditions.edits), caching(backbone)():
            again = [layer(text) for text in (first, first, other, first)]
    for one, index in zip(again, (0, 0, 1, 0), strict=True):
        assert torch.equal(one, fresh[index])


def test_keys_of_a_text_are_computed_once_until_gradients_are_enabled(backbone: Backbone) -> None:
    layer = backbone.sites[backbone.key_sites[0]]
    text = torch.randn(2, 5, backbone.text.width)
    with cached_text_projections(backbone)():
        with torch.no_grad():
            assert layer(text) is layer(text)
        assert layer(text) is not layer(text)
    with torch.no_grad():
        assert layer(text) is not layer(text)


def test_a_forward_function_put_on_a_layer_by_somebody_else_stays(backbone: Backbone) -> None:
    layer = backbone.sites[backbone.key_sites[0]]
    layer.forward = theirs = lambda x: x
    try:
        with cached_text_projections(backbone)():
            assert layer.forward is not theirs
        assert layer.forward is theirs
    finally:
        del layer.forward
