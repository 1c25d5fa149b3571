"""How prompts are read: long ones in chunks, and with a layer of the encoder left out."""

from __future__ import annotations

import pytest
import torch

from studio.events import Note
from studio.generation.generate import generate
from studio.generation.prompt_length import unread_note
from studio.models.text_reader import MAX_CHUNKS, TextReader
from studio.models.unet_backbone import UNetBackbone
from studio.recipes.recipe import MODES, Recipe, Sampling
from tests import tiny
from tests.generation.two_concepts import recipe_for, two

EXACT = {"rtol": 0, "atol": 1e-5}
LONG = "a cat on the blue background and " * 5 + "a <lily>"  # 37 tokens where 22 are read at once


@pytest.fixture(scope="module", params=sorted(tiny.FAMILIES))
def backbone(request: pytest.FixtureRequest) -> UNetBackbone:
    return tiny.FAMILIES[request.param]()


@pytest.fixture
def text(backbone: UNetBackbone) -> TextReader:
    return backbone.text


@torch.no_grad()
def test_a_long_prompt_is_read_in_chunks_each_by_itself(text: TextReader) -> None:
    """As other programs do it: 75 tokens at a time, joined along the tokens."""
    words = LONG.split()
    pieces = [" ".join(words[:22]), " ".join(words[22:])]
    vectors = torch.randn(2, text.width, generator=torch.Generator().manual_seed(0))
    with text.new_words({"<lily>": vectors}):
        apart = [text.read([piece]) for piece in pieces]
        with text.reading(chunks=2):
            (tokens,) = (whole := text.read([LONG])).tokens
    torch.testing.assert_close(whole.hidden, torch.cat([part.hidden for part in apart], 1), **EXACT)
    assert tokens.dropped == 0
    assert tokens.spans["<lily>"] == [24 + position for position in apart[1].tokens[0].spans["<lily>"]]
    assert tokens.end == 24 + apart[1].tokens[0].end
    assert tokens.ids[tokens.end] == text.tokenizer.eos_token_id
    if whole.pooled is not None:
        torch.testing.assert_close(whole.pooled, apart[0].pooled, **EXACT)


@torch.no_grad()
def test_a_word_across_two_chunks_keeps_all_of_its_vectors(text: TextReader) -> None:
    prompt = "a cat " * 10 + "a <lily> on the blue background"
    vectors = torch.randn(3, text.width, generator=torch.Generator().manual_seed(0))
    with text.new_words({"<lily>": vectors}), text.reading(chunks=2):
        tokens = text.tokenize(prompt)
        assert tokens.spans["<lily>"] == [22, 25, 26]
        plain = text.read([prompt]).hidden
        for number, position in enumerate(tokens.spans["<lily>"]):
            changed = vectors.clone()
            changed[number] = -changed[number]  # adding a number to all would be normalised away
            text._new_words["<lily>"] = changed
            difference = (text.read([prompt]).hidden - plain).abs().amax((0, 2))
            assert difference[position] > 1e-3
            assert difference[:position].max() < 1e-5  # text encoders look back only
        text._new_words["<lily>"] = vectors


@torch.no_grad()
def test_a_short_prompt_is_read_as_always_and_an_empty_chunk_is_the_empty_prompt(text: TextReader) -> None:
    plain, empty = text.read(["a cat"]), text.read([""])
    with text.reading(chunks=3):
        three = text.read(["a cat"])
    torch.testing.assert_close(
        three.hidden, torch.cat([plain.hidden, empty.hidden, empty.hidden], 1), **EXACT
    )
    assert three.tokens[0].written == plain.tokens[0].written
    assert text.read(["a cat"]).hidden.shape == plain.hidden.shape


def test_more_than_all_chunks_is_dropped_and_said() -> None:
    backbone = tiny.backbone()
    most = MAX_CHUNKS * 22
    fits, not_all = (Recipe("a " * count, steps=1) for count in (most, most + 3))
    assert not [event for event in generate(backbone, fits) if isinstance(event, Note)]
    (note,) = (event.text for event in generate(backbone, not_all) if isinstance(event, Note))
    assert note.startswith(f"The prompt is 3 tokens too long: only its first {most} are read. Not read: “a a")


@torch.no_grad()
def test_the_words_and_concepts_that_are_not_read_are_named(text: TextReader) -> None:
    room = "a " * (text.max_tokens - 1)
    with text.new_words({"<lily>": torch.zeros(2, text.width), "<tom>": torch.zeros(1, text.width)}):
        assert unread_note(text, f"{room}<tom>", "prompt") == ""
        note = unread_note(text, f"{room}a <lily> by <tom> a a a a", "negative prompt")
        assert note.startswith("The negative prompt is 9 tokens too long")
        assert "Not read: “<lily> by <tom> a a a” and 1 more, <lily>, <tom> among them." in note
        half_read = unread_note(text, f"{room}<lily>", "prompt")
        assert "1 token too long" in half_read and "Not read: “<lily>”, <lily> among them." in half_read


def test_a_negative_prompt_that_is_too_long_is_said_too() -> None:
    recipe = Recipe("a", negative="a " * (MAX_CHUNKS * 22 + 1), steps=1)
    (note,) = (event.text for event in generate(tiny.backbone(), recipe) if isinstance(event, Note))
    assert note.startswith("The negative prompt is 1 token too long")


def test_signs_of_other_programs_are_said_while_painting() -> None:
    recipe = Recipe("a (cat:1.3)", negative="[old] <lora:paint:1>", steps=1)
    notes = [event.text for event in generate(tiny.backbone(), recipe) if isinstance(event, Note)]
    assert ["<lora:paint:1>" in notes[0], "(cat:1.3)" in notes[1], "[old]" in notes[2]] == [True] * 3


@pytest.mark.parametrize("mode", MODES)
def test_a_concept_far_back_in_a_prompt_acts_in_every_mode(mode: str) -> None:
    """Without chunks it would not be read at all."""
    backbone = tiny.backbone()
    concepts = two(backbone)
    prompt = f"{'a blue photo on the background and ' * 4} <lily> and <tom>"
    recipe = recipe_for(mode, prompt=prompt)
    pictures = []
    for strength in (1.0, 0.0):
        asked = recipe.__class__(**{**recipe.to_json(), "strengths": {"<lily>": strength}})
        *_, last = generate(backbone, asked, concepts)
        pictures.append(last.value.image.tobytes())
    assert pictures[0] != pictures[1]


@torch.no_grad()
def test_a_layer_is_left_out_as_other_programs_count(text: TextReader) -> None:
    """1 is the usual one; 2 the one before, normalised like it (A1111)."""
    usual = text.read(["a cat"]).hidden
    with text.reading(clip_skip=2):
        skipped = text.read(["a cat"]).hidden
    with text.reading(clip_skip=12):  # there are only two layers: what comes before both
        first = text.read(["a cat"]).hidden
    is_paired = text.embedding.embedding_dim != text.width
    assert torch.equal(skipped, usual) is is_paired  # on Stable Diffusion XL 2 is the usual one
    assert (first - usual).abs().max() > 1e-3
    states = text.encoder(input_ids=torch.tensor([text.tokenize("a cat").ids]), output_hidden_states=True)
    width = text.embedding.embedding_dim
    if width == text.width:
        norm = text.encoder.final_layer_norm
        torch.testing.assert_close(skipped, norm(states.hidden_states[-2]), **EXACT)
        torch.testing.assert_close(first, norm(states.hidden_states[0]), **EXACT)
    else:  # the last but one is what Stable Diffusion XL was trained with
        torch.testing.assert_close(usual[..., :width], states.hidden_states[-2], **EXACT)
        torch.testing.assert_close(first[..., :width], states.hidden_states[0], **EXACT)


def test_every_dial_of_a_recipe_shows_in_the_picture(backbone: UNetBackbone) -> None:
    plain = Sampling(seed=3, steps=4, guidance=5.0).with_prompt("a cat on blue")
    seen = {}
    for dial, value in {
        "": 0,
        "sampler": "Euler a",
        "clip_skip": 3,
        "guidance_rescale": 0.7,
        "width": 24,
        "height": 24,
    }.items():
        recipe = plain.__class__(**{**plain.to_json(), **({dial: value} if dial else {})})
        *_, last = generate(backbone, recipe)
        assert last.value.recipe == recipe.__class__(**{**recipe.to_json(), "base": backbone.name})
        seen[dial] = (last.value.image.size, last.value.image.tobytes())
    assert len(set(seen.values())) == len(seen)
    assert seen["width"][0] == (24, 16) and seen["height"][0] == (16, 24)
