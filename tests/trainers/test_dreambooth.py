"""The checks that a wrong DreamBooth fails (arXiv 2208.12242)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from studio.edits import ActiveEdit, LowRank, attach
from studio.edits.concept import Concept
from studio.edits.kinds.low_rank import shared_rows
from studio.events import Step
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from studio.subject import Subject
from tests import tiny
from trainers import train
from trainers.dreambooth import DreamBooth, Settings

SUBJECT = Subject("<lily>", "cat")
QUICK = {"class_pictures": 3, "class_steps": 2, "class_guidance": 2.0}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def prepared(backbone: Backbone, cache: Path, **settings: object) -> DreamBooth:
    chosen = Settings(**{**QUICK, **settings})
    method = DreamBooth(backbone, SUBJECT, chosen, torch.Generator().manual_seed(0))
    list(method.prepare(tiny.photos(), cache))
    return method


def actives(method: DreamBooth) -> list[ActiveEdit]:
    return [ActiveEdit(edit) for edit in method.edits()]


@pytest.mark.parametrize(("prior_weight", "total"), [(1.0, 0.6), (0.5, 0.4)])
def test_the_loss_is_the_sum_of_two_means(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prior_weight: float, total: float
) -> None:
    method = prepared(backbone, tmp_path, prior_weight=prior_weight, batch=2)
    errors = iter((0.2, 0.4))
    monkeypatch.setattr(backbone, "target", lambda latents, noise, timesteps: torch.zeros_like(latents))
    monkeypatch.setattr(
        backbone, "predict", lambda noisy, t, hidden: torch.full_like(noisy, next(errors) ** 0.5)
    )
    with attach(backbone, actives(method)):
        terms = method.loss(torch.Generator().manual_seed(0))
    assert sum(term.item() for term in terms.values()) == pytest.approx(total, abs=1e-6)


def test_both_terms_draw_their_own_noise_and_timestep(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone, tmp_path, batch=2)
    seen = []
    add_noise = backbone.add_noise

    def spy(latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        seen.append((noise, timesteps))
        return add_noise(latents, noise, timesteps)

    monkeypatch.setattr(backbone, "add_noise", spy)
    with attach(backbone, actives(method)):
        method.loss(torch.Generator().manual_seed(0))
    (noise, timesteps), (prior_noise, prior_timesteps) = seen
    assert not torch.equal(noise, prior_noise)
    assert len(torch.cat([timesteps, prior_timesteps]).unique()) == 4


def test_class_pictures_come_from_the_untouched_base_and_are_kept(backbone: Backbone, tmp_path: Path) -> None:
    before = tiny.weights(backbone)
    method = DreamBooth(backbone, SUBJECT, Settings(**QUICK), torch.Generator().manual_seed(0))
    first = [event for event in method.prepare(tiny.photos(), tmp_path) if isinstance(event, Step)]
    assert first[-1].steps == 3
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, before[name]), name
    again = DreamBooth(backbone, SUBJECT, Settings(**{**QUICK, "class_pictures": 5}), torch.Generator())
    second = [event for event in again.prepare(tiny.photos(), tmp_path) if isinstance(event, Step)]
    assert second[-1].steps == 2
    assert not list(prepared(backbone, tmp_path).prepare(tiny.photos(), tmp_path))


def test_without_a_prior_the_class_takes_no_part(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, prior_weight=0.0)
    assert not list(tmp_path.rglob("*.png"))
    with attach(backbone, actives(method)):
        assert list(method.loss(torch.Generator().manual_seed(0))) == ["denoising"]


def test_the_first_step_starts_from_the_base(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, text_encoder=True)
    noisy, timesteps = torch.randn(1, *backbone.latent_shape), torch.tensor([500])
    with torch.no_grad():
        hidden = backbone.text.read(["a photo of a cat"]).hidden
        plain = backbone.predict(noisy, timesteps, hidden)
        with attach(backbone, [ActiveEdit(method.low_rank)]):
            assert torch.equal(backbone.text.read(["a photo of a cat"]).hidden, hidden)
            assert torch.equal(backbone.predict(noisy, timesteps, hidden), plain)


@pytest.mark.parametrize("rank", [1, 4])
def test_a_reopened_file_equals_what_was_learned_text_encoder_included(
    backbone: Backbone, tmp_path: Path, rank: int
) -> None:
    settings = {**QUICK, "steps": 3, "rank": rank, "text_encoder": True, "learning_rate": 0.05}
    look = Recipe("", seed=2, steps=1)
    *_, last = train(DreamBooth, backbone, tiny.photos(), SUBJECT, settings, look, tmp_path)
    last.value.save(tmp_path / "lily.safetensors")
    opened = Concept.open(tmp_path / "lily.safetensors")

    def encoded(concept: Concept) -> torch.Tensor:
        with torch.no_grad(), attach(backbone, [ActiveEdit(edit) for edit in concept.edits]):
            return backbone.text.read(["a photo of <lily>"]).hidden

    assert torch.equal(encoded(last.value), encoded(opened))
    low_rank = next(edit for edit in opened.edits if isinstance(edit, LowRank))
    assert any(site.startswith("text_encoder.") for site in low_rank.A)
    assert all(B.abs().max() > 0 for B in low_rank.B.values())


def test_a_v_base_is_trained_on_v(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = tiny.backbone("v_prediction")
    latents, noise, t = torch.randn(2, 4, 8, 8), torch.randn(2, 4, 8, 8), torch.tensor([10, 900])
    level = backbone.schedule.alphas_cumprod[t].view(-1, 1, 1, 1)
    v = level.sqrt() * noise - (1 - level).sqrt() * latents
    torch.testing.assert_close(backbone.target(latents, noise, t), v)
    torch.testing.assert_close(backbone.schedule.get_velocity(latents, noise, t), v)
    assert torch.equal(tiny.backbone("epsilon").target(latents, noise, t), noise)


def test_a_rare_word_stays_as_it_is_and_stands_before_the_noun(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, identifier="rare word", rare_word="sks")
    word, _ = method.edits()
    plain = backbone.text.read(["a photo of sks cat on blue"]).hidden
    with attach(backbone, [ActiveEdit(word)]):
        assert torch.equal(backbone.text.read(["a photo of <lily> on blue"]).hidden, plain)
    assert all(
        tensor is not method.identifier for tensors, _ in method.stages()[0].groups for tensor in tensors
    )


def test_blocks_of_the_shared_basis_do_not_meet(backbone: Backbone, tmp_path: Path) -> None:
    """Orthogonal Adaptation: A_i A_j' = 0 and A_i A_i' = I, A has no gradient, and on the span of its own A a
    sum of two concepts is the one concept."""
    one, other = (prepared(backbone, tmp_path, basis="shared", block=block).low_rank for block in (0, 1))
    generator = torch.Generator().manual_seed(0)
    for edit in (one, other):
        assert not any(A.requires_grad for A in edit.A.values())
        assert len(edit.parameters()) == len(edit.B) and all(B.requires_grad for B in edit.parameters())
        edit.B = {site: torch.randn(B.shape, generator=generator) for site, B in edit.B.items()}
    for site, A in one.A.items():
        torch.testing.assert_close(A @ A.T, torch.eye(len(A)), atol=1e-5, rtol=0)
        torch.testing.assert_close(A @ other.A[site].T, torch.zeros(len(A), len(A)), atol=1e-5, rtol=0)
        layer, x = backbone.sites[site], torch.randn(3, len(A)) @ A
        with torch.no_grad(), attach(backbone, [ActiveEdit(one)]):
            alone = layer(x)
        with torch.no_grad(), attach(backbone, [ActiveEdit(one), ActiveEdit(other)]):
            torch.testing.assert_close(layer(x), alone, atol=1e-4, rtol=1e-4)


def test_a_concept_in_the_shared_basis_learns_and_keeps_its_block(backbone: Backbone, tmp_path: Path) -> None:
    settings = {**QUICK, "steps": 2, "basis": "shared", "block": 1, "learning_rate": 0.05}
    look = Recipe("", seed=2, steps=1)
    *_, last = train(DreamBooth, backbone, tiny.photos(), SUBJECT, settings, look, tmp_path)
    low_rank = next(edit for edit in last.value.edits if isinstance(edit, LowRank))
    for site, A in low_rank.A.items():
        fresh = shared_rows(A.shape[1], len(A), 1)
        assert torch.equal(A, fresh.half().float()) and low_rank.B[site].abs().max() > 0
    assert last.value.header.settings["block"] == 1


def test_a_low_rank_edit_acts_as_its_matrix(backbone: Backbone) -> None:
    site, layer = next(iter(backbone.linear_sites("attn2.to_k").items()))
    A, B = torch.randn(3, layer.in_features), torch.randn(layer.out_features, 3)
    x = torch.randn(5, layer.in_features)
    expected = x @ (layer.weight + 0.7 * B @ A).T
    with attach(backbone, [ActiveEdit(LowRank("<lily>", "cat", {site: A}, {site: B}), 0.7)]):
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(layer(x), x @ layer.weight.T)
