"""Encoded prompts: repeating and joining them."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from studio.edits import ActiveEdit, attach, cached_text_projections
from studio.errors import StudioError
from studio.models.backbone import Backbone
from studio.models.words import Words
from tests import tiny
from tests.by_hand import low_rank, rank_one
from tests.tiny_families import FAMILIES


@pytest.fixture(scope="module")
def words() -> Words:
    read = tiny.backbone().text.read(["a cat", "a dog on blue"])
    present = torch.zeros(read.hidden.shape[:2], dtype=torch.bool)
    present[:, :5] = True
    by_site = {"key": torch.randn_like(read.hidden)}
    return dataclasses.replace(read, pooled=torch.randn(2, 3), present=present, by_site=by_site)


@pytest.mark.parametrize(
    ("change", "order"),
    [
        (lambda words: words.repeat(2), [0, 1, 0, 1]),
        (lambda words: words.repeat_each(2), [0, 0, 1, 1]),
        (lambda words: words.rows(slice(1, None)), [1]),
        (lambda words: Words.joined([words.rows(slice(1, None)), words]), [1, 0, 1]),
    ],
)
def test_every_part_of_the_words_is_repeated_alike(words: Words, change: object, order: list[int]) -> None:
    changed = change(words)
    assert len(changed) == len(order)
    assert changed.tokens == tuple(words.tokens[row] for row in order)
    for name in ("hidden", "pooled", "present"):
        assert torch.equal(getattr(changed, name), getattr(words, name)[order]), name
    assert torch.equal(changed.by_site["key"], words.by_site["key"][order])


def test_encodings_are_joined_along_the_tokens_and_keep_the_first_pooled_one(words: Words) -> None:
    other = dataclasses.replace(words, hidden=-words.hidden, pooled=-words.pooled)
    joined = words.beside([other])
    length = words.hidden.shape[1]
    assert torch.equal(joined.hidden[:, :length], words.hidden)
    assert torch.equal(joined.hidden[:, length:], other.hidden)
    assert torch.equal(joined.pooled, words.pooled)
    assert torch.equal(joined.present, words.present.repeat(1, 2))
    assert words.beside([dataclasses.replace(other, present=None)]).present is None


def test_what_one_of_two_has_at_a_site_stands_beside_what_the_other_reads_everywhere(words: Words) -> None:
    plain = dataclasses.replace(words, hidden=-words.hidden, by_site={})
    for first, second in ((words, plain), (plain, words)):
        joined = first.beside([second])
        assert torch.equal(joined.at("key"), torch.cat([first.at("key"), second.at("key")], dim=1))
        assert torch.equal(joined.at("another"), joined.hidden)


def test_encodings_of_a_site_are_cast_with_the_others(words: Words) -> None:
    half = words.to(torch.bfloat16)
    assert {half.hidden.dtype, half.pooled.dtype, half.at("key").dtype} == {torch.bfloat16}


# words that differ by site


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def test_every_projection_reads_the_words_of_its_own_site(backbone: Backbone) -> None:
    noisy, t = torch.randn(2, *backbone.latent_shape), torch.tensor(500)
    cats, dogs = (backbone.text.read([prompt, ""]) for prompt in ("a cat", "a dog"))
    keys, values = backbone.key_sites, backbone.value_sites

    def at(words: Words, *sites: str) -> Words:
        return dataclasses.replace(words, by_site=dict.fromkeys(sites, cats.hidden))

    with torch.no_grad():
        plain = backbone.predict(noisy, t, cats)
        everywhere = backbone.predict(noisy, t, at(dogs, *keys, *values))
        key, value = (backbone.predict(noisy, t, at(dogs, site)) for site in (keys[0], values[0]))
        dog = backbone.predict(noisy, t, dogs)
        after = backbone.predict(noisy, t, cats)
    assert len(keys) > 1 and torch.equal(everywhere, plain) and torch.equal(after, plain)
    for one_site in (key, value):
        assert not torch.equal(one_site[0], dog[0]) and torch.equal(one_site[1], dog[1])
    assert not torch.equal(key, value)


def test_an_edit_changes_what_a_projection_makes_of_the_words_of_its_site(backbone: Backbone) -> None:
    noisy, t = torch.randn(1, *backbone.latent_shape), torch.tensor(500)
    cat, dog = (backbone.text.read([prompt]) for prompt in ("a cat", "a dog"))
    sites = (*backbone.key_sites, *backbone.value_sites)
    layered = dataclasses.replace(dog, by_site=dict.fromkeys(sites, cat.hidden))
    edits = [ActiveEdit(make(backbone, "<lily>", "cat", 0)) for make in (low_rank, rank_one)]
    with torch.no_grad(), attach(backbone, edits), cached_text_projections(backbone)():
        expected, found = (backbone.predict(noisy, t, words) for words in (cat, layered))
    assert torch.equal(found, expected)


@pytest.mark.parametrize(
    ("made", "count"), [(tiny.backbone(levels=2), 7), (tiny.backbone_xl(), 4)], ids=sorted(tiny.FAMILIES)
)
def test_blocks_are_numbered_as_a_prediction_runs_them(made: Backbone, count: int) -> None:
    """The middle of a U-Net is listed last among its modules."""
    ran: list[str] = []
    sites = [site for block in made.text_blocks for site in (*block.keys, *block.values)]
    hooks = [made.sites[site].register_forward_hook(lambda *_, site=site: ran.append(site)) for site in sites]
    with torch.no_grad():
        made.predict(torch.randn(1, *made.latent_shape), torch.tensor(500), made.text.read(["a cat"]))
    for hook in hooks:
        hook.remove()
    assert sorted(sites) == sorted((*made.key_sites, *made.value_sites)) and len(sites) == len(ran)
    numbers = {site: number for number, block in enumerate(made.text_blocks) for site in block.keys}
    assert [numbers[site] for site in ran if site in numbers] == sorted(numbers.values())
    assert len(made.text_blocks) == count


@pytest.mark.parametrize("family", ["z_image", "flux2_klein"])
def test_where_no_layer_reads_the_prompt_alone_words_cannot_differ_by_site(family: str) -> None:
    made = FAMILIES[family]()
    words = made.text.read(["a cat"])
    noisy, t = torch.randn(1, *made.latent_shape), torch.tensor(500.0)
    with pytest.raises(StudioError, match="no layers of its own"):
        made.predict(noisy, t, dataclasses.replace(words, by_site={"here": words.hidden}))
    assert made.text_blocks == ()
