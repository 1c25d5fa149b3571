"""The checks that a wrong DreamBooth fails (arXiv 2208.12242)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.edits import ActiveEdit, LowRank, attach
from studio.edits.concept import Concept
from studio.edits.kinds import low_rank as kind
from studio.edits.kinds.low_rank import shared_rows
from studio.events import Step
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.steps import attached_edits, loss_terms
from trainers import train
from trainers.dreambooth import DreamBooth, Settings
from trainers.kit.batches import DenoisingBatch, encode_prompts
from trainers.kit.class_pictures import FOLDER, ClassPictures
from trainers.kit.losses import denoising_loss
from trainers.kit.painted_pictures import PaintedPictures

pytestmark = pytest.mark.usefixtures("short_verdict")

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


@pytest.mark.parametrize(("prior_weight", "total"), [(1.0, 0.6), (0.5, 0.4)])
def test_the_loss_is_the_sum_of_two_means(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prior_weight: float, total: float
) -> None:
    method = prepared(backbone, tmp_path, prior_weight=prior_weight, batch=2)
    errors = torch.tensor([0.2, 0.2, 0.4, 0.4])[:, None, None, None]  # of two photos, two class pictures
    monkeypatch.setattr(backbone, "target", lambda latents, noise, timesteps: torch.zeros_like(latents))
    monkeypatch.setattr(backbone, "predict", lambda noisy, t, words: errors.sqrt().expand_as(noisy))
    total_loss = sum(term.item() for term in loss_terms(method).values())
    assert total_loss == pytest.approx(total, abs=1e-6)


@pytest.mark.parametrize("sides", [(64, 64), (8, 8), (8, 64), (64, 8)])
def test_a_small_subject_counts_as_much_as_a_large_one(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch, sides: tuple[int, int]
) -> None:
    """Squared errors of 1 and 9 inside the masks give 5, whatever the areas, and those outside nothing."""
    masks = torch.zeros(2, 1, 64, 64)
    for mask, side in zip(masks, sides, strict=True):
        mask[0, :side, :side] = 1
    inside = torch.tensor([1.0, 3.0])[:, None, None, None].expand_as(masks)
    monkeypatch.setattr(backbone, "target", lambda latents, noise, timesteps: torch.zeros_like(latents))
    monkeypatch.setattr(
        backbone, "predict", lambda noisy, t, words: inside.where(masks > 0, 5).expand_as(noisy)
    )
    latents, t = torch.zeros(2, 4, 64, 64), torch.tensor([500, 500])
    batch = DenoisingBatch(latents, latents, t, backbone.text.tokenize_all(["a cat"] * 2), masks)
    words = backbone.text.read(["a cat"] * 2)
    assert denoising_loss(backbone, batch, words, by_area=True).item() == pytest.approx(5)


def test_a_mask_without_a_cell_is_no_division_by_zero(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone, "target", lambda latents, noise, timesteps: torch.zeros_like(latents))
    monkeypatch.setattr(backbone, "predict", lambda noisy, t, words: torch.ones_like(noisy))
    latents, t = torch.zeros(1, 4, 8, 8), torch.tensor([500])
    tokens = backbone.text.tokenize_all(["a cat"])
    batch = DenoisingBatch(latents, latents, t, tokens, torch.zeros(1, 1, 8, 8))
    assert denoising_loss(backbone, batch, backbone.text.read(["a cat"]), by_area=True).item() == 0


def test_one_pass_for_both_terms_gives_what_two_give(backbone: Backbone, tmp_path: Path) -> None:
    """The terms and every gradient of the joint pass are those of two passes, to rounding."""
    method = prepared(backbone, tmp_path, batch=2, prior_weight=0.5)
    learned = [*method.low_rank.parameters(), method.identifier]
    for B in method.low_rank.B.values():
        B.data = torch.randn(B.shape, generator=torch.Generator().manual_seed(B.numel())) / 50
    with attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        together = method.loss(batch)
    gradients = torch.autograd.grad(together["denoising"] + together["prior"], learned)
    assert batch.prior is not None
    with attach(backbone, attached_edits(method)):
        apart = [
            denoising_loss(backbone, part, encode_prompts(backbone, part), by_area=by_area)
            for part, by_area in ((batch, True), (batch.prior, False))
        ]
    expected = torch.autograd.grad(apart[0] + 0.5 * apart[1], learned)
    assert together["denoising"].item() == pytest.approx(apart[0].item(), rel=1e-5)
    assert together["prior"].item() == pytest.approx(0.5 * apart[1].item(), rel=1e-5)
    for ours, theirs in zip(gradients, expected, strict=True):
        assert ours.abs().max() > 0
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-6)


def test_both_terms_draw_their_own_noise_and_timestep(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone, tmp_path, batch=2)
    noised = []
    add_noise = backbone.add_noise

    def spy(latents: torch.Tensor, noise: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
        noised.append((noise, timesteps))
        return add_noise(latents, noise, timesteps)

    monkeypatch.setattr(backbone, "add_noise", spy)
    loss_terms(method)
    noise, timesteps = (torch.cat(parts) for parts in zip(*noised, strict=True))
    assert len(noise) == len(timesteps.unique()) == 4
    assert not torch.equal(noise[:2], noise[2:])


def test_class_pictures_come_from_the_untouched_base_and_are_painted_once(
    backbone: Backbone, tmp_path: Path
) -> None:
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
    other_base = DreamBooth(tiny.backbone(seed=1), SUBJECT, Settings(**QUICK), torch.Generator())
    third = [event for event in other_base.prepare(tiny.photos(), tmp_path) if isinstance(event, Step)]
    assert third[-1].steps == 3


@pytest.mark.parametrize("change", [{"prompt": "a dog"}, {"steps": 3}, {"guidance": 3.0}, {"side": 24}])
def test_class_pictures_of_another_kind_are_painted_anew(
    backbone: Backbone, tmp_path: Path, change: dict[str, Any]
) -> None:
    kind: dict[str, Any] = {"prompt": "a cat", "count": 3, "steps": 2, "guidance": 2.0, "side": 16}
    made, other = (
        ClassPictures(PaintedPictures(backbone, **{**kind, **more}, folder=FOLDER)) for more in ({}, change)
    )
    assert made.work_ahead(tmp_path) == 3 * 2
    list(made.prepare(tmp_path))
    assert made.work_ahead(tmp_path) == 0
    assert other.work_ahead(tmp_path) == 3 * other.pictures.recipe.steps
    list(other.prepare(tmp_path))
    assert made.work_ahead(tmp_path) == other.work_ahead(tmp_path) == 0


def test_a_class_picture_is_what_painting_its_prompt_gives(backbone: Backbone, tmp_path: Path) -> None:
    prepared(backbone, tmp_path, class_guidance=8.0)
    paths = sorted(tmp_path.rglob("*.png"))
    assert [path.stem for path in paths] == ["0000", "0001", "0002"]

    def painted(seed: int, prompt: str, negative: str) -> np.ndarray:
        recipe = Recipe(prompt, negative=negative, seed=seed, steps=2, guidance=8.0)
        *_, last = generate(backbone, recipe)
        return np.asarray(last.value.image).astype(int)

    for seed, path in enumerate(paths):
        picture = np.asarray(Image.open(path)).astype(int)
        # painted together and one by one, pictures may differ by a rounding
        assert np.abs(picture - painted(seed, "a photo of a cat", "")).max() <= 1
        assert np.abs(picture - painted(seed, "a photo", "a photo of a cat")).max() > 1


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_bytes(path.read_bytes()[:60])])
def test_class_pictures_that_are_missing_or_damaged_are_painted_again_as_they_were(
    backbone: Backbone, tmp_path: Path, spoil: Callable[[Path], object]
) -> None:
    prepared(backbone, tmp_path)
    paths = sorted(tmp_path.rglob("*.png"))
    before = [path.read_bytes() for path in paths]
    spoil(paths[1])
    prepared(backbone, tmp_path)
    assert [path.read_bytes() for path in paths] == before


def test_without_a_prior_the_class_takes_no_part(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, prior_weight=0.0)
    assert not list(tmp_path.rglob("*.png"))
    assert list(loss_terms(method)) == ["denoising"]


def test_the_first_step_starts_from_the_base(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, text_encoder=True)
    noisy, timesteps = torch.randn(1, *backbone.latent_shape), torch.tensor([500])
    with torch.no_grad():
        words = backbone.text.read(["a photo of a cat"])
        plain = backbone.predict(noisy, timesteps, words)
        with attach(backbone, [ActiveEdit(method.low_rank)]):
            assert torch.equal(backbone.text.read(["a photo of a cat"]).hidden, words.hidden)
            assert torch.equal(backbone.predict(noisy, timesteps, words), plain)


@pytest.mark.parametrize("rank", [1, 4])
def test_a_reopened_file_equals_what_was_learned_text_encoder_included(
    backbone: Backbone, tmp_path: Path, rank: int
) -> None:
    settings = {**QUICK, "steps": 3, "rank": rank, "text_encoder": True, "learning_rate": 0.05}
    sampling = Sampling(seed=2, steps=1)
    *_, last = train(DreamBooth, backbone, tiny.photos(), SUBJECT, settings, sampling, tmp_path)
    last.value.save(tmp_path / "lily.safetensors")
    opened = Concept.open(tmp_path / "lily.safetensors")

    def encoded(concept: Concept) -> torch.Tensor:
        with torch.no_grad(), attach(backbone, [ActiveEdit(edit) for edit in concept.edits]):
            return backbone.text.read(["a photo of <lily>"]).hidden

    assert torch.equal(encoded(last.value), encoded(opened))
    low_rank = next(edit for edit in opened.edits if isinstance(edit, LowRank))
    assert any(site.startswith("text_encoder.") for site in low_rank.A)
    assert all(B.abs().max() > 0 for B in low_rank.B.values())


@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
def test_the_loss_is_against_what_the_base_predicts(tmp_path: Path, prediction_type: str) -> None:
    backbone = tiny.backbone(prediction_type)
    method = prepared(backbone, tmp_path, prior_weight=0.0, batch=2)
    with torch.no_grad(), attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        level = backbone.schedule.alphas_cumprod[batch.timesteps].view(-1, 1, 1, 1)
        noisy = level.sqrt() * batch.latents + (1 - level).sqrt() * batch.noise
        v = level.sqrt() * batch.noise - (1 - level).sqrt() * batch.latents
        target = v if prediction_type == "v_prediction" else batch.noise
        words = backbone.text.read(["a photo of <lily>"] * 2)
        expected = (backbone.predict(noisy, batch.timesteps, words) - target).square().mean()
        torch.testing.assert_close(method.loss(batch)["denoising"], expected)


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


@pytest.mark.parametrize(
    ("rank", "others", "block"),
    [
        (16, [], 0),
        (16, [(0, 16), (1, 16)], 2),
        (8, [(0, 16)], 2),  # rows 0 to 15 are those of two blocks of 8
        (16, [(0, 8), (5, 8)], 1),
        (16, [(0, 8), (3, 8)], 2),
        (4, [(1, 16)], 0),
        (16, [(-1, 16)], 0),  # queued, and without a block as yet
    ],
)
def test_a_free_block_meets_none_of_another_rank(
    rank: int, others: list[tuple[int, int]], block: int
) -> None:
    values = DreamBooth.card().parse({"basis": "shared", "rank": rank})
    past = [{"basis": "shared", "block": taken, "rank": other} for taken, other in others]
    elsewhere = [
        {"basis": "free", "block": 0, "rank": 128},
        {"<lily>": "merged"},
        {"basis": "shared"},
        {"basis": "shared", "block": "0", "rank": 2.5},
    ]
    assert DreamBooth.resolve_settings(values, [*past, *elsewhere])["block"] == block
    rows = [shared_rows(128, other, taken) for taken, other in others if taken >= 0]
    own = shared_rows(128, rank, block)
    assert all((own @ theirs.T).abs().max() < 1e-5 for theirs in rows)


def test_a_concept_in_the_shared_basis_learns_and_keeps_its_block(backbone: Backbone, tmp_path: Path) -> None:
    settings = {**QUICK, "steps": 2, "basis": "shared", "block": 1, "learning_rate": 0.05}
    sampling = Sampling(seed=2, steps=1)
    *_, last = train(DreamBooth, backbone, tiny.photos(), SUBJECT, settings, sampling, tmp_path)
    low_rank = next(edit for edit in last.value.edits if isinstance(edit, LowRank))
    for site, A in low_rank.A.items():
        fresh = shared_rows(A.shape[1], len(A), 1)
        assert torch.equal(A, fresh.half().float()) and low_rank.B[site].abs().max() > 0
    assert last.value.header.settings["block"] == 1


@pytest.mark.parametrize("small", [0, 1 << 15])
def test_a_low_rank_edit_learns_the_same_either_way(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch, small: int
) -> None:
    """Output and gradients of W x + s B A x, as a path of its own and as one weight, are those by hand."""
    monkeypatch.setattr(kind, "SMALL_WEIGHT", small)
    site, layer = next(iter(backbone.linear_sites(".to_q").items()))
    generator, out, width = torch.Generator().manual_seed(0), layer.out_features, layer.in_features
    A, B, x = (torch.randn(shape, generator=generator) for shape in ((1, width), (out, 1), (2, 5, width)))
    A.requires_grad_(), B.requires_grad_(), x.requires_grad_()
    with attach(backbone, [ActiveEdit(LowRank("<lily>", "cat", {site: A}, {site: B}), 0.7)]):
        assert (layer.weight.requires_grad, len(layer._forward_hooks)) == ((True, 0) if small else (False, 1))
        ours = layer(x)
    by_hand = x @ layer.weight.T + 0.7 * (x @ A.T) @ B.T
    by_hand = by_hand if layer.bias is None else by_hand + layer.bias
    torch.testing.assert_close(ours, by_hand, rtol=1e-4, atol=1e-5)
    gradients, expected = (torch.autograd.grad(y.square().sum(), (A, B, x)) for y in (ours, by_hand))
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-4)
    with attach(backbone, [ActiveEdit(LowRank("<lily>", "cat", {site: A.detach()}, {site: B.detach()}))]):
        assert not layer._forward_hooks  # nothing of it learns: one weight


def test_a_low_rank_edit_acts_as_its_matrix(backbone: Backbone) -> None:
    site, layer = next(iter(backbone.linear_sites("attn2.to_k").items()))
    A, B = torch.randn(3, layer.in_features), torch.randn(layer.out_features, 3)
    x = torch.randn(5, layer.in_features)
    expected = x @ (layer.weight + 0.7 * B @ A).T
    with attach(backbone, [ActiveEdit(LowRank("<lily>", "cat", {site: A}, {site: B}), 0.7)]):
        torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(layer(x), x @ layer.weight.T)
