"""The checks that a wrong Textual Inversion fails (arXiv 2208.01618)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from studio.edits import ActiveEdit, NewWord, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Result
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.steps import attached_edits, loss_terms
from trainers import train
from trainers.kit import templates
from trainers.textual_inversion import Settings, TextualInversion

pytestmark = pytest.mark.usefixtures("short_verdict")

SUBJECT = Subject("<lily>", "cat")


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def prepared(backbone: Backbone, **settings: object) -> TextualInversion:
    method = TextualInversion(backbone, SUBJECT, Settings(**settings), torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), Path()))
    return method


def learn(backbone: Backbone, tmp_path: Path, **settings: object) -> Concept:
    sampling = Sampling(seed=1, steps=1)
    *_, last = train(TextualInversion, backbone, tiny.photos(), SUBJECT, settings, sampling, tmp_path)
    assert isinstance(last, Result)
    return last.value


def gradient(method: TextualInversion, seed: int = 0) -> torch.Tensor:
    method.word.vectors.grad = None
    loss_terms(method, seed)["denoising"].backward()
    assert method.word.vectors.grad is not None
    return method.word.vectors.grad


def test_every_other_row_is_untouched_by_weight_decay(backbone: Backbone, tmp_path: Path) -> None:
    table = backbone.text.embedding.weight
    before = table.detach().clone()
    learn(backbone, tmp_path, steps=3, weight_decay=0.5, learning_rate=0.1)
    assert torch.equal(table, before)


def test_exactly_n_times_d_numbers_are_optimised(backbone: Backbone) -> None:
    (stage,) = prepared(backbone, vectors=3).stages()
    assert sum(tensor.numel() for tensors, _ in stage.groups for tensor in tensors) == 3 * tiny.WIDTH


def test_the_gradient_reaches_the_word_with_and_without_checkpointing(backbone: Backbone) -> None:
    method = prepared(backbone)
    plain = gradient(method).clone()
    backbone.unet.enable_gradient_checkpointing()
    try:
        checkpointed = gradient(method)
    finally:
        backbone.unet.disable_gradient_checkpointing()
    assert plain.abs().max() > 0
    torch.testing.assert_close(plain, checkpointed)


def test_three_vectors_take_three_positions_start_equal_and_diverge(
    backbone: Backbone, tmp_path: Path
) -> None:
    method = prepared(backbone, vectors=3)
    assert torch.equal(method.word.vectors[0], method.word.vectors[2])
    with attach(backbone, [ActiveEdit(method.word)]):
        tokens = backbone.text.tokenize("a photo of <lily> on blue")
        again = backbone.text.tokenize("<Lily> and <LILY>")
    assert tokens.spans == {"<lily>": [4, 5, 6]}
    assert again.spans == {"<lily>": [1, 2, 3, 5, 6, 7]}
    (word,) = learn(backbone, tmp_path, steps=3, vectors=3, learning_rate=0.05).edits
    assert isinstance(word, NewWord)
    assert not torch.allclose(word.vectors[0], word.vectors[2])


def test_a_word_equal_to_the_noun_encodes_like_the_noun(backbone: Backbone) -> None:
    word = NewWord("<lily>", "cat", backbone.text.initial_vectors("cat", 1))
    plain = backbone.text.read(["a photo of cat on blue"]).hidden
    with attach(backbone, [ActiveEdit(word)]):
        named = backbone.text.read(["a photo of <lily> on blue"]).hidden
    assert torch.equal(plain, named)


def test_a_handle_that_is_already_a_word_is_refused(backbone: Backbone) -> None:
    vectors = backbone.text.initial_vectors("cat", 1)
    with pytest.raises(StudioError, match="already means"), backbone.text.new_words({"cat": vectors}):
        pass
    refused = pytest.raises(StudioError, match="already means")
    with backbone.text.new_words({"<lily>": vectors}), refused, backbone.text.new_words({"<LILY>": vectors}):
        pass


def test_taking_the_word_off_restores_tokenizer_and_table(backbone: Backbone) -> None:
    length, shape = len(backbone.tokenizer), backbone.text.embedding.weight.shape
    ids = backbone.text.tokenize("<lily>").ids
    with attach(backbone, [ActiveEdit(NewWord("<lily>", "cat", backbone.text.initial_vectors("cat", 2)))]):
        assert backbone.text.tokenize("<lily>").ids != ids
    assert backbone.text.tokenize("<lily>").ids == ids
    assert len(backbone.tokenizer) == length
    assert backbone.text.embedding.weight.shape == shape


def test_a_noun_of_several_tokens_starts_at_their_mean(backbone: Backbone) -> None:
    pieces = backbone.text.embeddings_of("teddy bear")
    assert len(pieces) > 1
    assert torch.equal(backbone.text.initial_vectors("teddy bear", 1)[0], pieces.mean(0))


def test_strength_lies_between_the_noun_and_the_word(backbone: Backbone) -> None:
    word = NewWord("<lily>", "cat", torch.randn(2, tiny.WIDTH))
    v0 = backbone.text.initial_vectors("cat", 2)
    torch.testing.assert_close(word.at(backbone, 0.5), (v0 + word.vectors) / 2)


def test_the_norm_is_reported_in_lengths_of_a_usual_word(backbone: Backbone) -> None:
    method = prepared(backbone)
    method.word.vectors.data *= 3 * backbone.text.median_norm / method.word.vectors.norm()
    assert method.report()["norm"] == pytest.approx(3, rel=1e-4)


def test_the_templates_are_the_published_ones() -> None:
    assert len(templates.OBJECT) == 27 and len(templates.STYLE) == 19
    assert all(template.count("{}") == 1 for template in templates.OBJECT + templates.STYLE)
    assert len(set(templates.OBJECT)) == 27


def test_each_photo_of_a_step_has_a_sentence_of_its_own(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone, batch=8)
    read: list[list[str]] = []
    tokenize_all = backbone.text.tokenize_all

    def spy(prompts: list[str]) -> object:
        read.append(list(prompts))
        return tokenize_all(prompts)

    monkeypatch.setattr(backbone.text, "tokenize_all", spy)
    gradient(method)
    (prompts,) = read
    assert len(prompts) == 8 and len(set(prompts)) > 3
    assert {prompt.replace("<lily>", "{}") for prompt in prompts} <= set(templates.OBJECT)


def test_a_style_is_learned_in_sentences_about_a_style(backbone: Backbone) -> None:
    method = prepared(backbone, batch=8, property="style")
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        styles = {tuple(backbone.text.tokenize(each.format("<lily>")).ids) for each in templates.STYLE}
    assert {tuple(tokens.ids) for tokens in batch.prompts.tokens} <= styles
    assert method.preview_prompt == "a painting in the style of <lily>"


def test_the_vectors_decay_as_set(backbone: Backbone) -> None:
    (stage,) = prepared(backbone, weight_decay=0.25).stages()
    assert stage.weight_decay == 0.25


def test_latents_are_drawn_with_fresh_noise_from_one_encoding(backbone: Backbone) -> None:
    method = prepared(backbone, flips=False)
    draws = [method.photos.latents.draw(3, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)]
    assert torch.equal(draws[0], draws[1]) and not torch.equal(draws[0], draws[2])
    mean, std = backbone.encode_photos(tiny.photos().pixels(backbone.resolution))
    raw = backbone.vae.encode(
        torch.from_numpy(tiny.photos().pixels(16).astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2)
    ).latent_dist
    torch.testing.assert_close(mean, raw.mean * backbone.vae.config.scaling_factor)
    torch.testing.assert_close(std, raw.std * backbone.vae.config.scaling_factor)
