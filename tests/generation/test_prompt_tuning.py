"""Test-time optimisation of words (CoRe, arXiv 2408.15914): only copies of words move, and the loss falls."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import ActiveEdit, RankOne, attach
from studio.edits.concept import Concept
from studio.edits.gated_projection import decompose
from studio.errors import StudioError
from studio.generation.conditions import Prompts
from studio.generation.painting import Painting
from studio.generation.refinements import prompt_tuning
from studio.generation.refinements.prompt_tuning import PromptTuning, Settings, learning_rate, tune_words
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from tests.generation.far_word import (
    RECIPE,
    STEPS,
    far_word,
    latents,
    loss_terms,
    returned,
    tuned_edits,
    vectors_of,
)
from trainers import METHODS, train

pytestmark = pytest.mark.usefixtures("short_verdict")

SETTINGS = {
    "textual_inversion": {"steps": 2, "batch": 1, "vectors": 2},
    "context_regularized": {"steps": 2, "batch": 1},
    "perfusion": {"steps": 2, "batch": 1, "captions": 200},
    "dreambooth": {"steps": 2, "batch": 1, "class_pictures": 1, "class_steps": 1},
}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def learn(method_id: str, backbone: Backbone, cache: Path) -> Concept:
    subject, sampling, settings = Subject("<lily>", "cat"), Sampling(seed=1, steps=1), SETTINGS[method_id]
    *_, last = train(METHODS[method_id], backbone, tiny.photos(), subject, settings, sampling, cache)
    return last.value


def test_both_terms_fall_over_ten_steps(backbone: Backbone) -> None:
    lily = far_word(backbone)
    before = loss_terms(backbone, RECIPE.prompt, lily.active_edits(RECIPE))
    after = loss_terms(backbone, RECIPE.prompt, tuned_edits(backbone, RECIPE.prompt, [lily]))
    assert after[0] < before[0] and after[1] < before[1]


def test_only_a_copy_of_the_word_moves(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def target(*arguments: object) -> None:
        raise AssertionError("the denoising loss was evaluated")

    monkeypatch.setattr(backbone, "target", target)
    path = tmp_path / "lily.safetensors"
    far_word(backbone).save(path)
    stored, weights = path.read_bytes(), tiny.weights(backbone)
    opened = Concept.open(path)
    (word,) = opened.edits
    start = word.vectors.clone()
    (copy,) = tuned_edits(backbone, RECIPE.prompt, [opened])
    assert copy.edit is not word and not copy.edit.vectors.requires_grad
    assert torch.equal(word.vectors, start) and not torch.equal(copy.edit.vectors, start)
    assert (copy.edit.vectors - start).abs().max() < 1.1 * STEPS * learning_rate(backbone.text)
    opened.save(path)
    assert path.read_bytes() == stored
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, weights[name]), name


def test_no_step_gives_the_words_as_they_are(backbone: Backbone) -> None:
    edits = far_word(backbone).active_edits(RECIPE)
    untuned = returned(tune_words(backbone, Prompts("", RECIPE.prompt), edits, latents(backbone), 0, seed=3))
    assert torch.equal(vectors_of(untuned)["<lily>"], vectors_of(edits)["<lily>"])


@pytest.mark.parametrize("method_id", sorted(SETTINGS))
def test_the_word_of_every_method_moves_and_nothing_else(
    method_id: str, backbone: Backbone, tmp_path: Path
) -> None:
    learned = learn(method_id, backbone, tmp_path)
    before = {edit.kind: {name: t.clone() for name, t in edit.tensors().items()} for edit in learned.edits}
    for active in tuned_edits(backbone, RECIPE.prompt, [learned], steps=2):
        for name, tensor in active.edit.tensors().items():
            assert torch.equal(tensor, before[active.edit.kind][name]) == (active.edit.kind != "tokens"), name
    for edit in learned.edits:
        assert all(torch.equal(tensor, before[edit.kind][name]) for name, tensor in edit.tensors().items())


def test_the_gate_of_perfusion_stays_open_for_a_word_that_moved(backbone: Backbone) -> None:
    """i* stays at the encoding that training gave the word; the moved word leaves it a little."""
    lily = far_word(backbone)

    def encoding(edits: Sequence[ActiveEdit]) -> Tensor:
        with torch.no_grad(), attach(backbone, edits):
            words = backbone.text.read([RECIPE.prompt])
        (position,) = words.tokens[0].spans["<lily>"]
        return words.hidden[0, position]

    i_star = encoding(lily.active_edits(RECIPE))
    values = {site: backbone.sites[site] for site in backbone.value_sites}
    targets = {site: -layer.weight.detach() @ i_star for site, layer in values.items()}
    gated = RankOne("<lily>", "cat", i_star.clone(), i_star.clone(), targets)
    perfusion = Concept(lily.header, (*lily.edits, gated))
    after = encoding(tuned_edits(backbone, RECIPE.prompt, [perfusion]))
    r, gate, _ = decompose(torch.stack([i_star, after])[None], [gated])
    assert r[0, 0] == pytest.approx(1) and r[0, 1] != r[0, 0]
    assert r[0, 1] == pytest.approx(1, abs=0.05) and gate[0, 1] > 0.9


def test_the_order_of_concepts_does_not_matter(backbone: Backbone) -> None:
    lily, tom = far_word(backbone), far_word(backbone, "<tom>", "dog", seed=1)
    prompt = "<tom> and <lily> on blue"
    first, second = (
        vectors_of(tuned_edits(backbone, prompt, pair, steps=3)) for pair in ([lily, tom], [tom, lily])
    )
    for handle, source in (("<lily>", lily), ("<tom>", tom)):
        assert torch.equal(first[handle], second[handle])
        assert not torch.equal(first[handle], source.edits[0].vectors)


def test_a_weaker_word_is_tuned_at_its_strength(backbone: Backbone) -> None:
    lily, half = far_word(backbone), {"strengths": {"<lily>": 0.5}}
    before = loss_terms(backbone, RECIPE.prompt, lily.active_edits(Recipe(RECIPE.prompt, **half)))
    tuned = tuned_edits(backbone, RECIPE.prompt, [lily], **half)
    assert tuned[0].strength == 0.5
    assert loss_terms(backbone, RECIPE.prompt, tuned)[0] < before[0]


def test_half_precision_moves_the_word_in_the_same_direction(backbone: Backbone) -> None:
    lily = far_word(backbone)
    start = lily.edits[0].vectors
    full, half = (
        vectors_of(tuned_edits(base, RECIPE.prompt, [lily], steps=3))["<lily>"] - start
        for base in (backbone, tiny.backbone(dtype=torch.float16))
    )
    assert torch.cosine_similarity(full, half).item() > 0.999


def test_a_word_of_values_that_are_not_numbers_is_refused(backbone: Backbone) -> None:
    broken = far_word(backbone)
    broken.edits[0].vectors.fill_(torch.nan)
    with pytest.raises(StudioError, match="cannot be made to obey"):
        tuned_edits(backbone, RECIPE.prompt, [broken])


def test_the_seed_decides_on_which_noise_a_word_is_tuned(backbone: Backbone) -> None:
    lily = far_word(backbone)

    def tuned(seed: int) -> Tensor:
        edits = lily.active_edits(RECIPE)
        made = returned(tune_words(backbone, Prompts("", RECIPE.prompt), edits, latents(backbone), 2, seed))
        return vectors_of(made)["<lily>"]

    assert torch.equal(tuned(3), tuned(3)) and not torch.equal(tuned(3), tuned(4))


def test_a_picture_tunes_its_words_on_itself_with_its_own_seed(backbone: Backbone) -> None:
    """On the latents that sampling without tuning gives."""
    lily = far_word(backbone)
    edits = lily.active_edits(RECIPE)
    recipe = dataclasses.replace(RECIPE, seed=9)
    painting = Painting(backbone, recipe, Prompts("", recipe.prompt), edits, {})
    plain = returned(painting.sample())
    expected = returned(tune_words(backbone, Prompts("", recipe.prompt), edits, plain, 2, 9))
    refined = returned(PromptTuning(Settings(prompt_tuning_steps=2)).refine(painting))
    assert torch.equal(vectors_of(refined.edits)["<lily>"], vectors_of(expected)["<lily>"])


def test_the_two_terms_are_weighted_as_in_the_paper(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    """1.5e-4 and 0.05: with gradients of one length, the second decides where the word goes."""
    lily = far_word(backbone)

    def terms(backbone: Backbone, prompt: str, *more: object, by_paper: bool) -> tuple[Tensor, Tensor]:
        assert not by_paper  # the weights belong to the released code's terms
        with torch.enable_grad():
            first = backbone.text.read([prompt]).hidden[..., 0].sum()
        return first, -first

    monkeypatch.setattr(prompt_tuning, "context_loss", terms)
    start = lily.edits[0].vectors
    (moved,) = vectors_of(tuned_edits(backbone, RECIPE.prompt, [lily], 1)).values()
    with torch.enable_grad():
        vectors = start.clone().requires_grad_()
        with attach(backbone, [ActiveEdit(lily.edits[0].with_word_vectors(vectors))]):
            backbone.text.read([RECIPE.prompt]).hidden[..., 0].sum().backward()
    # a step of AdamW is the rate against the sign of the gradient; here that of -0.05 + 1.5e-4 times it
    decayed = start * (1 - learning_rate(backbone.text) * 1e-2)
    expected = decayed + learning_rate(backbone.text) * vectors.grad.sign()
    torch.testing.assert_close(moved, expected, atol=1e-4, rtol=1e-3)


def test_the_rate_is_a_share_of_a_component_of_a_usual_word(backbone: Backbone) -> None:
    usual = backbone.text.median_norm / tiny.WIDTH**0.5
    assert learning_rate(backbone.text) == pytest.approx(0.04 * usual)
