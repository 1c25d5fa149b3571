"""The mode `words`: token masks (TARA), which a low-rank edit that acts everywhere would fail."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit, EditMask, attach
from studio.generation.composing import compose_at_words, compose_sum
from studio.generation.conditions import Conditions
from studio.models.backbone import Backbone
from tests import tiny
from tests.generation.two_concepts import PROMPT, T, active_edits, prompts, two


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_a_masked_edit_leaves_keys_and_values_alone_in_a_prompt_without_its_word(
    backbone: Backbone,
) -> None:
    edits = active_edits(two(backbone))
    both = compose_at_words(backbone, prompts(), edits)
    only = compose_at_words(backbone, prompts("a <tom> on blue"), edits)
    layer = backbone.sites[backbone.key_sites[0]]

    def keys(conditions: Conditions, attached: Sequence[ActiveEdit]) -> Tensor:
        hidden = conditions.at(T).hidden
        with torch.no_grad(), attach(backbone, attached):
            return layer(hidden)

    def of_lily(conditions: Conditions) -> list[ActiveEdit]:
        return [active for active in conditions.edits if active.edit.handle == "<lily>"]

    assert torch.equal(keys(only, of_lily(only)), keys(only, []))
    changed = (keys(both, of_lily(both)) != keys(both, [])).any(-1)
    with attach(backbone, edits):
        span = backbone.text.tokenize(PROMPT).spans["<lily>"]
    assert changed[1].nonzero().flatten().tolist() == span and not changed[0].any()


def test_masks_of_ones_equal_the_plain_sum(backbone: Backbone) -> None:
    plain = active_edits(two(backbone))
    words = compose_sum(backbone, prompts(), plain).at(T)
    side, length = backbone.latent_shape[-1], words.hidden.shape[1]
    ones = EditMask(torch.ones(2, length), torch.ones(side, side))
    masked = [dataclasses.replace(active, mask=ones) for active in plain]
    noisy = torch.randn(2, *backbone.latent_shape, generator=torch.Generator().manual_seed(0))
    predictions = []
    for edits, seen in ((plain, noisy), (masked, noisy), (plain, noisy * (1 + 1e-6)), ([], noisy)):
        with torch.no_grad(), attach(backbone, edits):
            predictions.append(backbone.predict(seen, T, words))
    # without a mask an edit is one weight, W + s B A, and with one a path of its own, which rounds otherwise
    # (each layer to 3e-7 of double precision). How far that goes here, a millionth more noise says.
    summed, masks, disturbed, without = predictions
    rounding = (summed - disturbed).abs().max()
    assert (summed - masks).abs().max() < 3 * rounding < (summed - without).abs().max() / 30
