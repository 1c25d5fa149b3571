"""Full tuning equals tuning in place, never changes the base, and is compressed at a known cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from studio.edits import ActiveEdit, Full, attach
from studio.edits.concept import Concept
from studio.edits.kinds.full import parameters_by_path
from studio.errors import StudioError
from studio.events import Event, FinishEarly, Insight, Note, Preview, Result, Step
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from trainers import train
from trainers.break_a_scene import BreakAScene, Settings
from trainers.kit import optimizing
from trainers.kit.svd_extraction import cut, effect_kept, extract

pytestmark = pytest.mark.usefixtures("short_verdict")

PAIR = Subject("<lily>", "cat", (Subject("<tom>", "dog"),))
QUICK = {
    "tuning": "full",
    "steps": 4,
    "batch": 2,
    "rank": 4,
    "class_pictures": 2,
    "class_steps": 1,
    "word_rate": 0.05,
    "full_rate": 0.003,
}
SAMPLING = Sampling(seed=7, steps=2, guidance=2.0)


@pytest.fixture
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture(scope="module")
def events(short_verdict: None, tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    """All events of one training."""
    return list(run(tiny.backbone(), tmp_path_factory.mktemp("cache")))


def run(backbone: Backbone, cache: Path, method: type = BreakAScene, **settings: object) -> Iterator[Event]:
    return train(method, backbone, tiny.pair(), PAIR, {**QUICK, **settings}, SAMPLING, cache)


def picture(backbone: Backbone, prompt: str, *concepts: Concept) -> np.ndarray:
    *_, last = generate(backbone, SAMPLING.with_prompt(prompt), concepts)
    return np.asarray(last.value.image)


def moved(backbone: Backbone, endings: tuple[str, ...] = ("",), scale: float = 0.02) -> Full:
    """A full edit whose weights with paths of these `endings` are a little off the base's."""
    full = Full.start("<lily>", "cat", backbone, True)
    generator = torch.Generator().manual_seed(1)
    for name, weight in full.weights.items():
        if name.endswith(endings):
            weight.data += scale * torch.randn(weight.shape, generator=generator)
    return full


def predicted(backbone: Backbone, *actives: ActiveEdit) -> torch.Tensor:
    noisy = torch.randn(1, *backbone.latent_shape, generator=torch.Generator().manual_seed(2))
    with torch.no_grad(), attach(backbone, actives):
        return backbone.predict(noisy, torch.tensor([400]), backbone.text.read(["a photo of a cat"]))


# the edit


def test_every_weight_is_copied_and_starts_as_the_base(backbone: Backbone) -> None:
    full = Full.start("<lily>", "cat", backbone, True)
    models = (backbone.unet, backbone.text_encoder)
    count = sum(weight.numel() for model in models for weight in model.parameters())
    assert sum(weight.numel() for weight in full.parameters()) == count
    assert torch.equal(predicted(backbone, ActiveEdit(full)), predicted(backbone))
    assert all(name.startswith("unet.") for name in Full.start("<lily>", "cat", backbone, False).weights)


def test_strengths_lie_between_the_base_and_the_tuned_model_and_several_add_up(backbone: Backbone) -> None:
    one, other = moved(backbone), moved(backbone, scale=-0.01)
    name, (layer, leaf) = next(iter(parameters_by_path(backbone).items()))
    own = getattr(layer, leaf)
    with attach(backbone, [ActiveEdit(one, 0.5)]):
        torch.testing.assert_close(getattr(layer, leaf), (own + one.weights[name]) / 2)
    with attach(backbone, [ActiveEdit(one), ActiveEdit(other, 2.0)]):
        both = one.weights[name] + 2 * (other.weights[name] - own)
        torch.testing.assert_close(getattr(layer, leaf), both)
    assert getattr(layer, leaf) is own


def test_a_full_edit_comes_off_whatever_happens_inside(backbone: Backbone) -> None:
    own = {name: getattr(*owner) for name, owner in parameters_by_path(backbone).items()}
    with pytest.raises(KeyError), attach(backbone, [ActiveEdit(moved(backbone))]):
        raise KeyError("inside")
    assert all(getattr(*owner) is own[name] for name, owner in parameters_by_path(backbone).items())


def test_no_file_can_bring_a_whole_model(backbone: Backbone, events: list[Event], tmp_path: Path) -> None:
    concept = events[-1].value
    assert moved(backbone).tensors() == {}
    path = tmp_path / "scene.safetensors"
    concept.save(path)
    tensors = load_file(path) | {"full/unet.conv_in.weight": torch.zeros(2)}
    save_file(tensors, path, metadata={"likeness": concept.header.to_text()})
    with pytest.raises(StudioError, match="a whole model"):
        Concept.open(path)


# training


def test_it_learns_what_tuning_a_copy_in_place_learns(backbone: Backbone, tmp_path: Path) -> None:
    tuned: list[dict[str, torch.Tensor]] = []

    class Kept(BreakAScene):
        def finish(self) -> Iterator[Event]:
            tuned.append({name: weight.detach().clone() for name, weight in self.change.weights.items()})
            yield from super().finish()

    list(run(backbone, tmp_path, Kept, word_share=0.0))
    copy = tiny.backbone()
    settings = Settings(**{**QUICK, "word_share": 0.0})
    generator = torch.Generator().manual_seed(SAMPLING.seed)
    naive = BreakAScene(copy, PAIR, settings, generator)
    list(naive.prepare(tiny.pair(), tmp_path))
    weights = {name: getattr(*owner).requires_grad_() for name, owner in parameters_by_path(copy).items()}
    words = [word.vectors for word in naive.words]
    groups = [{"params": words, "lr": 2e-6}, {"params": list(weights.values()), "lr": 0.003}]
    optimizer = torch.optim.AdamW(groups, weight_decay=1e-2, fused=True)
    for _ in range(settings.steps):
        with attach(copy, [ActiveEdit(word) for word in naive.words]):
            torch.stack(list(naive.loss(naive.draw(generator)).values())).sum().backward()
        torch.nn.utils.clip_grad_norm_([*words, *weights.values()], 1.0)
        optimizer.step()
        optimizer.zero_grad()
    (learned,) = tuned
    assert learned.keys() == weights.keys()
    for name, weight in weights.items():
        assert torch.equal(learned[name], weight), name


def test_the_base_is_untouched_after_every_event_and_when_given_up(
    backbone: Backbone, tmp_path: Path
) -> None:
    before, plain = tiny.weights(backbone), picture(backbone, "a photo of cat")

    def assert_unchanged() -> None:
        for name, after in tiny.weights(backbone).items():
            assert np.array_equal(after, before[name]), name
        assert np.array_equal(picture(backbone, "a photo of cat"), plain)

    for _ in run(backbone, tmp_path):
        assert_unchanged()
    events = run(backbone, tmp_path)
    for event in events:
        if isinstance(event, Step) and "prior" in event.values:
            events.close()
    assert_unchanged()


def test_a_failing_step_leaves_the_base_as_it_was(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, plain = tiny.weights(backbone), picture(backbone, "a photo of cat")
    events = run(backbone, tmp_path)
    next(event for event in events if isinstance(event, Step) and "prior" in event.values)

    def fail(*arguments: object) -> None:
        raise RuntimeError("in the middle of a step")

    monkeypatch.setattr(backbone, "predict", fail)
    with pytest.raises(RuntimeError):
        list(events)
    monkeypatch.undo()
    assert np.array_equal(picture(backbone, "a photo of cat"), plain)
    assert all(np.array_equal(after, before[name]) for name, after in tiny.weights(backbone).items())


def test_previews_show_the_tuned_model_and_the_last_one_the_small_edit(
    backbone: Backbone, tmp_path: Path
) -> None:
    events = list(run(backbone, tmp_path, late_word_rate=0.0, full_rate=0.02))
    previews = [event for event in events if isinstance(event, Preview)]
    pictures = [np.asarray(preview.picture) for preview in previews]
    words_learned, one_more_step = (
        next(picture for preview, picture in zip(previews, pictures, strict=True) if preview.step == step)
        for step in (2, 3)
    )
    assert not np.array_equal(words_learned, one_more_step)
    concept = events[-1].value
    assert np.array_equal(pictures[-1], picture(backbone, previews[-1].prompt, concept))


@pytest.mark.parametrize("steps", [1, 3])
def test_finishing_early_keeps_a_small_file(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steps: int
) -> None:
    monkeypatch.setattr(optimizing, "MAX_BURST", 1)  # a longer burst would be finished first
    events = run(backbone, tmp_path, steps=50, word_share=0.04)
    done = 0
    for event in events:
        done += isinstance(event, Step) and "loss" in event.values
        if done == steps:
            break
    *_, last = [events.throw(FinishEarly()), *events]
    assert isinstance(last, Result) and last.value.header.steps == steps
    assert [edit.kind for edit in last.value.edits] == ["tokens", "tokens", "low_rank"]


def test_the_file_opens_and_reports_what_was_lost(
    backbone: Backbone, events: list[Event], tmp_path: Path
) -> None:
    concept = events[-1].value
    concept.save(tmp_path / "scene.safetensors")
    opened = Concept.open(tmp_path / "scene.safetensors")
    prompt = "a photo of <lily> and <tom>"
    assert np.array_equal(picture(backbone, prompt, opened), picture(backbone, prompt, concept))
    report = opened.header.report
    shares = [value for name, value in report.items() if name.startswith("change ")]
    assert 0 < report["residual of linear layers, mean"] < report["residual of linear layers, worst"] < 1
    assert all(0 < share < 1 for share in shares) and sum(shares) < 1 and "effect kept" in report
    assert any("Rank 4 keeps" in event.text for event in events if isinstance(event, Note))
    captions = [event.caption for event in events if isinstance(event, Insight)]
    assert captions[-1] == "What rank 4 loses of each layer's change"
    assert len(opened.header.to_text()) < 20_000


# compression


def test_the_cut_is_the_best_there_is_of_its_rank() -> None:
    change = torch.randn(12, 20, generator=torch.Generator().manual_seed(0))
    U, S, Vh = np.linalg.svd(change.numpy(), full_matrices=False)
    A, B = cut(change, 5)
    assert A.shape == (5, 20) and B.shape == (12, 5)
    np.testing.assert_allclose((B @ A).numpy(), (U[:, :5] * S[:5]) @ Vh[:5], atol=1e-4)
    np.testing.assert_allclose(A.norm(dim=1).numpy(), np.sqrt(S[:5]), rtol=1e-4)
    np.testing.assert_allclose(B.norm(dim=0).numpy(), np.sqrt(S[:5]), rtol=1e-4)


def test_residuals_are_those_of_numpy_and_all_energy_is_accounted_for(backbone: Backbone) -> None:
    full = moved(backbone)
    made = extract(full, backbone, 3)
    linear = {f"{site}.weight" for site in backbone.linear_sites("")}
    assert {f"{site}.weight" for site in made.residuals} == linear
    linear_energy = whole = 0.0
    for name, (layer, leaf) in parameters_by_path(backbone).items():
        change = (full.weights[name] - getattr(layer, leaf)).detach().numpy()
        energy = float(np.square(change).sum())
        whole += energy
        if name in linear:
            S = np.linalg.svd(change, compute_uv=False)
            assert made.residuals[name[: -len(".weight")]] == pytest.approx(
                (S[3:] ** 2).sum() / energy, rel=1e-3
            )
            linear_energy += (S[:3] ** 2).sum()
    assert made.kept == pytest.approx(linear_energy / whole, rel=1e-3)
    assert set(made.left_out) == {"convolutions", "norms", "biases", "embeddings"}
    lost = sum(made.left_out.values())
    linear_share = sum(
        np.square((full.weights[name] - getattr(*parameters_by_path(backbone)[name])).detach().numpy()).sum()
        for name in linear
    )
    assert lost + linear_share / whole == pytest.approx(1, rel=1e-4)


def test_at_full_rank_the_small_edit_answers_as_the_tuned_model_did(backbone: Backbone) -> None:
    full = moved(backbone, (".to_q.weight", ".to_v.weight", "v_proj.weight"))
    made = extract(full, backbone, 128)
    assert made.kept == pytest.approx(1, abs=1e-4) and max(made.residuals.values()) < 1e-6
    tuned, small, plain = (
        predicted(backbone, ActiveEdit(full)),
        predicted(backbone, ActiveEdit(made.edit)),
        predicted(backbone),
    )
    torch.testing.assert_close(small, tuned, rtol=1e-3, atol=1e-4)
    assert (tuned - plain).abs().max() > 100 * (tuned - small).abs().max()
    latents = torch.randn(1, *backbone.latent_shape)
    assert effect_kept(backbone, latents, "a cat", [], full, made.edit) > 0.999
    lower = extract(full, backbone, 2)
    assert effect_kept(backbone, latents, "a cat", [], full, lower.edit) < 0.9


def test_a_change_of_nothing_is_compressed_without_error(backbone: Backbone) -> None:
    full = Full.start("<lily>", "cat", backbone, True)
    made = extract(full, backbone, 2)
    assert set(made.report().values()) == {0.0} and made.chart().size[0] > 0
    assert effect_kept(backbone, torch.randn(1, *backbone.latent_shape), "a cat", [], full, made.edit) == 1.0


def test_the_copies_stay_float32_on_a_bfloat16_base(tmp_path: Path) -> None:
    backbone = tiny.backbone(dtype=torch.bfloat16)
    full = Full.start("<lily>", "cat", backbone, True)
    assert all(weight.dtype == torch.float32 for weight in full.parameters())
    assert torch.equal(predicted(backbone, ActiveEdit(full)), predicted(backbone))
    tuned: dict[str, torch.Tensor] = {}

    class Kept(BreakAScene):
        def finish(self) -> Iterator[Event]:
            tuned.update(self.change.weights)
            yield from super().finish()

    # at this rate a step is lost when a weight is rounded to bfloat16
    list(run(backbone, tmp_path, Kept, word_share=0.0, full_rate=1e-5))
    assert all(weight.dtype == torch.float32 for weight in tuned.values())
    moved = {name: weight - full.weights[name] for name, weight in tuned.items()}
    for name in ("unet.conv_in.weight", "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_v.weight"):
        assert 0 < moved[name].abs().max() < 1e-4
        assert not torch.equal(tuned[name], tuned[name].bfloat16().float()), name
