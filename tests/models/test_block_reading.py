"""Reading prompts for each block of a denoiser apart, against a loop over the blocks."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from studio.models.text_reader import TextReader
from studio.models.unet_backbone import UNetBackbone
from studio.models.words import LayeredVectors, TimedVectors, Words
from tests import tiny

PROMPTS = ["a <lily> on blue and <lily>", "", "a <tom> and a <lily>"]
T = torch.tensor([100, 500, 900])


@pytest.fixture(scope="module", params=sorted(tiny.FAMILIES))
def backbone(request: pytest.FixtureRequest) -> UNetBackbone:
    return tiny.FAMILIES[request.param]()


def vectors_at(width: int, t: float, block: int) -> tuple[Tensor, Tensor]:
    """Return the vector (1, width) of <lily> and what moves its state, at one timestep and block."""
    generator = torch.Generator().manual_seed(1000 * block + int(t))
    vector, move = torch.randn(2, 1, width, generator=generator)
    return vector, 0.3 * move


def layered(backbone: UNetBackbone) -> LayeredVectors:
    def at(t: Tensor, blocks: Tensor) -> tuple[Tensor, Tensor]:
        pairs = [
            vectors_at(backbone.text.width, *pair) for pair in zip(t.tolist(), blocks.tolist(), strict=True)
        ]
        vectors, moves = (torch.stack(each) for each in zip(*pairs, strict=True))
        return vectors, moves

    return LayeredVectors(1, backbone.text_blocks, at)


def normalised(text: TextReader, states: Tensor) -> Tensor:
    """Stable Diffusion normalises the last states, Stable Diffusion XL reads earlier ones as they are."""
    return states if hasattr(text, "second") else text.encoder.final_layer_norm(states)


def naive(
    text: TextReader, prompt: str, t: int, block: int, others: dict[str, Tensor]
) -> tuple[Tensor, Tensor]:
    """Return what keys and values of a block read of a single prompt, (L, D) each."""
    vector, move = vectors_at(text.width, t, block)
    with text.new_words({"<lily>": vector, **others}):
        batch = text.tokenize_all([prompt])
        learned = batch.gather({"<lily>": vector, **others}, None) if batch.vectors else None
        states = text.states(batch, learned).hidden[0]
    moved = states.clone()
    for position in batch.tokens[0].spans.get("<lily>", []):
        moved[position] = states[position] + states[position].norm() * move[0]
    return normalised(text, states), normalised(text, moved)


def test_each_block_reads_its_own_words_and_only_values_the_moved_states(backbone: UNetBackbone) -> None:
    tom = torch.randn(2, backbone.text.width)
    with torch.no_grad(), backbone.text.new_words({"<lily>": layered(backbone), "<tom>": tom}):
        assert backbone.text.is_timed
        words = backbone.text.read(PROMPTS, T)
    assert set(words.by_site) == {*backbone.key_sites, *backbone.value_sites}
    for block, sites in enumerate(backbone.text_blocks):
        for row, (prompt, t) in enumerate(zip(PROMPTS, T.tolist(), strict=True)):
            with torch.no_grad():
                key, value = naive(backbone.text, prompt, t, block, {"<tom>": tom})
            for site in sites.keys:
                torch.testing.assert_close(words.at(site)[row], key, rtol=1e-4, atol=1e-5)
            for site in sites.values:
                torch.testing.assert_close(words.at(site)[row], value, rtol=1e-4, atol=1e-5)
            assert torch.equal(key, value) is ("<lily>" not in prompt)


def test_what_takes_one_encoding_gets_the_mean_over_the_blocks(backbone: UNetBackbone) -> None:
    with torch.no_grad(), backbone.text.new_words({"<lily>": layered(backbone)}):
        words = backbone.text.read(["a <lily>"], T[:1])
        alone = []
        for block in range(len(backbone.text_blocks)):
            vector, _ = vectors_at(backbone.text.width, T[0].item(), block)
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(backbone.text._new_words, "<lily>", vector)
                alone.append(backbone.text.read(["a <lily>"]))
    torch.testing.assert_close(words.hidden, torch.stack([each.hidden for each in alone]).mean(0))
    if words.pooled is not None:
        torch.testing.assert_close(words.pooled, torch.stack([each.pooled for each in alone]).mean(0))


def test_all_blocks_are_read_in_one_pass_of_the_encoder(
    backbone: UNetBackbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    forward = backbone.text.encoder.forward
    monkeypatch.setattr(
        backbone.text.encoder,
        "forward",
        lambda **given: passes.append(len(given["input_ids"])) or forward(**given),
    )
    with torch.no_grad(), backbone.text.new_words({"<lily>": layered(backbone)}):
        backbone.text.read(PROMPTS, T)
        backbone.text.read(["a cat"], T[:1])
    assert passes == [len(PROMPTS) * len(backbone.text_blocks), 1]


def test_a_word_of_the_timestep_alone_is_read_at_the_same_one_in_every_block(backbone: UNetBackbone) -> None:
    vector = torch.randn(1, backbone.text.width)
    timed = TimedVectors(1, lambda t: (t[:, None, None] / 1000) * vector)
    with torch.no_grad(), backbone.text.new_words({"<lily>": layered(backbone), "<tom>": timed}):
        words = backbone.text.read([PROMPTS[2]], torch.tensor(500))
    with torch.no_grad():
        expected, _ = naive(backbone.text, PROMPTS[2], 500, 1, {"<tom>": 0.5 * vector})
    key = backbone.text_blocks[1].keys[0]
    torch.testing.assert_close(words.at(key)[0], expected, rtol=1e-4, atol=1e-5)


def test_a_prompt_without_the_word_is_read_alike_everywhere(backbone: UNetBackbone) -> None:
    with torch.no_grad(), backbone.text.new_words({"<lily>": layered(backbone)}):
        words = backbone.text.read(["a cat", "a <lily>"], torch.tensor(500))
        plain = backbone.text.read(["a cat"], torch.tensor(500))
    assert not plain.by_site
    for hidden in words.by_site.values():
        torch.testing.assert_close(hidden[0], plain.hidden[0], rtol=1e-4, atol=1e-5)


def test_amendments_change_what_every_block_reads(backbone: UNetBackbone) -> None:
    """Each sees the prompts as one block's projections read them: as many, and with their own tokens."""
    seen: list[int] = []

    def double(words: Words, t: Tensor | None) -> Words:
        seen.append(len(words))
        return dataclasses.replace(words, hidden=2 * words.hidden)

    text = backbone.text
    with torch.no_grad(), text.new_words({"<lily>": layered(backbone)}):
        plain = text.read(PROMPTS[:2], T[:2])
        with text.amending(double):
            doubled = text.read(PROMPTS[:2], T[:2])
    assert set(seen) == {2}
    for site, hidden in plain.by_site.items():
        assert torch.equal(doubled.at(site), 2 * hidden)
    torch.testing.assert_close(doubled.hidden, 2 * plain.hidden)


def test_gradients_reach_the_vectors_and_what_moves_the_state(backbone: UNetBackbone) -> None:
    width, count = backbone.text.width, len(backbone.text_blocks)
    vectors = torch.randn(count, 1, width, requires_grad=True)
    moves = torch.randn(count, 1, width, requires_grad=True)
    word = LayeredVectors(1, backbone.text_blocks, lambda t, blocks: (vectors[blocks], moves[blocks]))
    with backbone.text.new_words({"<lily>": word}):
        words = backbone.text.read(["a <lily>"], torch.tensor(500))
    weights = torch.randn(width)
    sum((words.at(block.values[0]) @ weights).sum() for block in backbone.text_blocks).backward()
    for tensor in (vectors, moves):
        assert all(tensor.grad[block].abs().max() > 0 for block in range(count))


def test_a_word_in_a_later_chunk_of_a_long_prompt_is_moved_where_it_stands(backbone: UNetBackbone) -> None:
    prompt = "a photo of the cat and " * 5 + "a <lily>"
    with torch.no_grad(), backbone.text.reading(chunks=2):
        with backbone.text.new_words({"<lily>": layered(backbone)}):
            words = backbone.text.read([prompt], T[:1])
        key, value = naive(backbone.text, prompt, T[0].item(), 2, {})
    (place,) = words.tokens[0].spans["<lily>"]
    assert place > len(key) // 2 and not torch.allclose(key[place], value[place])
    block = backbone.text_blocks[2]
    torch.testing.assert_close(words.at(block.keys[0])[0], key, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(words.at(block.values[0])[0], value, rtol=1e-4, atol=1e-5)
