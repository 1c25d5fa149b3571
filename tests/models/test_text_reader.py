"""Reading prompts: words that depend on the timestep, amendments, and batches of token ids."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.models.text_reader import TextReader
from studio.models.words import TimedVectors, Words
from tests import tiny

PROMPT = "a photo of a <lily> and a <lily>"


@pytest.fixture(scope="module")
def text() -> TextReader:
    return tiny.backbone().text


def growing(vectors: Tensor) -> TimedVectors:
    """Vectors (count, D) times t / 1000."""
    return TimedVectors(len(vectors), lambda t: (t[:, None, None] / 1000) * vectors)


def test_timed_vectors_take_as_many_positions_as_fixed_ones(text: TextReader) -> None:
    vectors = torch.randn(2, text.width)
    with text.new_words({"<lily>": vectors}):
        fixed = text.tokenize(PROMPT)
        assert not text.is_timed
    with text.new_words({"<lily>": growing(vectors)}):
        assert text.tokenize(PROMPT) == fixed and len(fixed.spans["<lily>"]) == 4
        assert text.is_timed
    assert not text.is_timed


def test_every_prompt_of_a_batch_is_read_at_its_own_timestep(text: TextReader) -> None:
    vectors, t = torch.randn(2, text.width), torch.tensor([100, 900])
    with text.new_words({"<lily>": growing(vectors)}):
        timed = text.read([PROMPT, PROMPT], t).hidden
        same = text.read([PROMPT, PROMPT], torch.tensor(900)).hidden
    for row, timestep in enumerate(t):
        with text.new_words({"<lily>": (timestep / 1000) * vectors}):
            torch.testing.assert_close(timed[row : row + 1], text.read([PROMPT]).hidden)
    torch.testing.assert_close(same[0], timed[1])
    assert not torch.equal(timed[0], timed[1])


def test_timed_words_without_a_timestep_are_an_error(text: TextReader) -> None:
    word, amendment = (
        {"<lily>": growing(torch.ones(1, text.width))},
        text.amending(lambda words, t: words, True),
    )
    for timed in (text.new_words(word), amendment):
        with timed, pytest.raises(ValueError, match="timestep"):
            text.read([PROMPT])


def test_gradients_reach_timed_vectors(text: TextReader) -> None:
    vectors = torch.randn(1, text.width, requires_grad=True)
    with text.new_words({"<lily>": growing(vectors)}):
        text.read([PROMPT], torch.tensor(500)).hidden.sum().backward()
    assert vectors.grad is not None and vectors.grad.abs().max() > 0


def test_amendments_apply_from_the_outermost_block_inwards(text: TextReader) -> None:
    def plus_one(words: Words, t: Tensor | None) -> Words:
        return dataclasses.replace(words, hidden=words.hidden + 1)

    def double(words: Words, t: Tensor | None) -> Words:
        return dataclasses.replace(words, hidden=2 * words.hidden)

    plain = text.read(["a cat"]).hidden
    with text.amending(plus_one):
        with text.amending(double):
            assert torch.equal(text.read(["a cat"]).hidden, 2 * (plain + 1))
        assert torch.equal(text.read(["a cat"]).hidden, plain + 1)
    assert torch.equal(text.read(["a cat"]).hidden, plain)


def test_an_amendment_gets_the_tokens_and_the_timestep(text: TextReader) -> None:
    calls = []

    def change(words: Words, t: Tensor | None) -> Words:
        calls.append((words.tokens, t))
        return words

    t = torch.tensor(300)
    with text.amending(change, timed=True):
        assert text.is_timed
        text.read(["a cat"], t)
    assert calls == [((text.tokenize("a cat"),), t)]
    with text.amending(change):
        assert not text.is_timed


def test_a_repeated_batch_encodes_as_the_prompts_written_out(text: TextReader) -> None:
    prompts = ["a cat", PROMPT, "<tom> on blue"]
    vectors = {"<lily>": torch.randn(2, text.width), "<tom>": torch.randn(1, text.width)}
    with text.new_words(vectors):
        repeated, written = text.tokenize_all(prompts).repeat(3), text.tokenize_all(prompts * 3)
        assert repeated.tokens == written.tokens and len(repeated) == 9
        for name in ("ids", "rows", "positions"):
            assert torch.equal(getattr(repeated, name), getattr(written, name)), name
        assert repeated.vectors == written.vectors
        assert torch.equal(text.encode(repeated).hidden, text.encode(written).hidden)


def test_what_the_user_wrote_ends_at_the_first_end_token(text: TextReader) -> None:
    tokens = text.tokenize("a photo of a cat")
    assert list(tokens.written) == [1, 2, 3, 4, 5, 6] and tokens.end == 6
    assert text.names_of(tokens) == ["a", "photo", "of", "a", "cat"]
    assert tokens.ids[tokens.end] not in tokens.ids[: tokens.end]


def test_a_handle_that_already_has_a_meaning_is_refused(text: TextReader) -> None:
    vectors = {"<lily>": torch.ones(1, text.width)}
    with text.new_words(vectors), pytest.raises(StudioError, match="already means"):
        text.new_words(vectors).__enter__()


def test_an_encoder_that_raises_leaves_no_word_behind(
    text: TextReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = text.read(["a cat"]).hidden

    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("in the middle of a prompt")

    with text.new_words({"<lily>": torch.ones(1, text.width)}):
        for _ in range(2):
            with monkeypatch.context() as broken, pytest.raises(RuntimeError):
                broken.setattr(text.encoder, "forward", fail)
                text.read(["<lily>"])
    assert not text.embedding._forward_hooks and not text._new_words
    assert torch.equal(text.read(["a cat"]).hidden, plain)


def test_a_prompt_that_is_too_long_keeps_its_beginning(text: TextReader) -> None:
    short, long = text.tokenize("a cat"), text.tokenize("a cat " + "on blue " * 20)
    assert long.ids[:3] == short.ids[:3] and long.dropped == 2 + 40 - text.max_tokens


def test_rows_that_no_training_met_do_not_count_in_the_usual_length() -> None:
    reader = tiny.backbone().text
    usual = reader.embedding.weight.norm(dim=1).median().item()
    with torch.no_grad():
        reader.embedding.weight[: len(reader.embedding.weight) * 2 // 3] = 0
    lengths = reader.embedding.weight.norm(dim=1)
    assert reader.median_norm == pytest.approx(lengths[lengths > 0].median().item())
    assert reader.median_norm > usual / 2


def test_every_vector_of_a_word_stands_at_its_own_position_in_their_order(text: TextReader) -> None:
    vectors = torch.randn(2, text.width)
    with text.new_words({"<lily>": vectors}):
        together = text.read(["a <lily> on <lily>"]).hidden
    with text.new_words({"<one>": vectors[:1], "<two>": vectors[1:]}):
        apart = text.read(["a <one><two> on <one><two>"]).hidden
    with text.new_words({"<lily>": vectors.flip(0)}):
        turned = text.read(["a <lily> on <lily>"]).hidden
    assert torch.equal(together, apart) and not torch.equal(together, turned)


def test_a_learned_word_does_not_end_the_prompt(text: TextReader) -> None:
    """Larger encoders take their pooled output at the first end token."""
    with text.new_words({"<lily>": torch.ones(2, text.width)}):
        tokens = text.tokenize("a <lily> on blue")
    assert tokens.ids.index(text.tokenizer.eos_token_id) == tokens.end == 6
