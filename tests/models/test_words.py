"""Encoded prompts: repeating and joining them."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from studio.models.backbone import Backbone
from studio.models.words import Words
from tests import tiny


@pytest.fixture(scope="module")
def words() -> Words:
    read = tiny.backbone().text.read(["a cat", "a dog on blue"])
    present = torch.zeros(read.hidden.shape[:2], dtype=torch.bool)
    present[:, :5] = True
    return dataclasses.replace(read, pooled=torch.randn(2, 3), present=present)


@pytest.mark.parametrize(
    ("change", "order"),
    [
        (lambda words: words.repeat(2), [0, 1, 0, 1]),
        (lambda words: words.repeat_each(2), [0, 0, 1, 1]),
        (lambda words: words.rows(slice(1, None)), [1]),
    ],
)
def test_every_part_of_the_words_is_repeated_alike(words: Words, change: object, order: list[int]) -> None:
    changed = change(words)
    assert len(changed) == len(order)
    assert changed.tokens == tuple(words.tokens[row] for row in order)
    for name in ("hidden", "pooled", "present"):
        assert torch.equal(getattr(changed, name), getattr(words, name)[order]), name


def test_encodings_are_joined_along_the_tokens_and_keep_the_first_pooled_one(words: Words) -> None:
    other = dataclasses.replace(words, hidden=-words.hidden, pooled=-words.pooled)
    joined = words.beside([other])
    length = words.hidden.shape[1]
    assert torch.equal(joined.hidden[:, :length], words.hidden)
    assert torch.equal(joined.hidden[:, length:], other.hidden)
    assert torch.equal(joined.pooled, words.pooled)
    assert torch.equal(joined.present, words.present.repeat(1, 2))
    assert words.beside([dataclasses.replace(other, present=None)]).present is None


# words that differ by layer


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_the_same_words_at_every_site_give_the_plain_prediction(backbone: Backbone) -> None:
    noisy, t = torch.randn(2, *backbone.latent_shape), torch.tensor(500)
    cats, dogs = (backbone.text.read([prompt, ""]) for prompt in ("a cat", "a dog"))
    sites = [site for site in backbone.sites if site.endswith(".attn2")]
    with torch.no_grad():
        plain = backbone.predict(noisy, t, cats)
        by_site = backbone.predict(noisy, t, {"": dogs, **dict.fromkeys(sites, cats)})
        one_site = backbone.predict(noisy, t, {"": cats, sites[0]: dogs})
        after = backbone.predict(noisy, t, cats)
    assert len(sites) > 1 and torch.equal(by_site, plain) and torch.equal(after, plain)
    assert not torch.equal(one_site[0], plain[0]) and torch.equal(one_site[1], plain[1])
