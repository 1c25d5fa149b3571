"""The checks that a wrong Break-A-Scene fails (arXiv 2305.16311): sampling, both losses, masks, phases."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel

from studio.edits import LowRank, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Insight, Note, Preview, Result, Step
from studio.generation.generate import active_edits, generate
from studio.models.backbone import Backbone
from studio.models.families.stable_diffusion import StableDiffusion
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.attention_by_hand import layer_calls
from tests.trainers.steps import attached_edits, loss_terms
from trainers import train
from trainers.break_a_scene import BreakAScene, Settings
from trainers.kit.batches import DenoisingBatch
from trainers.kit.losses import attention_mask_loss, denoising_loss

pytestmark = pytest.mark.usefixtures("short_verdict")

PAIR = Subject("<lily>", "cat", (Subject("<tom>", "dog"),))
QUICK = {"class_pictures": 2, "class_steps": 1, "rank": 2, "flips": False}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def prepared(
    backbone: Backbone,
    cache: Path,
    photos: PhotoSet | None = None,
    **settings: object,
) -> BreakAScene:
    chosen = Settings(**{**QUICK, **settings})
    method = BreakAScene(backbone, PAIR, chosen, torch.Generator().manual_seed(0))
    list(method.prepare(photos or tiny.pair(), cache))
    return method


def learn(backbone: Backbone, cache: Path, **settings: object) -> Concept:
    chosen = {**QUICK, "steps": 4, "word_rate": 0.1, "late_word_rate": 0.1, "weight_rate": 0.05, **settings}
    *_, last = train(BreakAScene, backbone, tiny.pair(), PAIR, chosen, Sampling(seed=1, steps=1), cache)
    assert isinstance(last, Result)
    return last.value


@pytest.fixture(scope="module")
def concept(short_verdict: None, backbone: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Concept:
    """A scene that was learned once."""
    return learn(backbone, tmp_path_factory.mktemp("cache"))


def painted(backbone: Backbone, prompt: str, *concepts: Concept, **recipe: object) -> np.ndarray:
    *_, last = generate(backbone, Recipe(prompt, steps=2, **recipe), concepts)
    return np.asarray(last.value.image)


# the attention term


def block(side: int = 16) -> torch.Tensor:
    mask = torch.zeros(side, side)
    mask[:8, :8] = 1
    return mask


@pytest.mark.parametrize(
    ("maps", "loss"),
    [
        (0.3 * torch.ones(1, 16, 16), 0.75),
        (0.2 * block()[None], 0.0),
        (0.005 + 0.02 * block()[None], 0.03),
        (torch.stack([torch.ones(16, 16), 0.01 * torch.ones(16, 16)]), 1.5),
    ],
)
def test_maps_are_divided_by_their_maximum_and_summed_over_subjects(maps: torch.Tensor, loss: float) -> None:
    masks = block().expand(len(maps), 16, 16)
    assert attention_mask_loss(maps, masks).item() == pytest.approx(loss, abs=1e-6)


def test_the_attention_term_equals_a_naive_loop(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, batch=3, attention_weight=0.01, prior_weight=0.0)
    for B in method.change.B.values():
        B.data.normal_(std=0.1, generator=torch.Generator().manual_seed(1))
    with torch.no_grad(), attach(backbone, attached_edits(method)), layer_calls(backbone) as calls:
        batch = method.draw(torch.Generator().manual_seed(0))
        attention = method.loss(batch)["attention"].item()
        maps = {site: call.probabilities() for site, call in calls.items() if call.x.shape[1] == 64}
    assert 0 < len(maps) < len(calls)
    assert {len(subset) for _, subset in batch.named} == {1, 2}
    total = 0.0
    for row, (_, subset) in enumerate(batch.named):
        for order, index in enumerate(subset):
            position = 4 + 2 * order  # "<start> a photo of <one> and <other>"
            heads = [head[:, position] for probabilities in maps.values() for head in probabilities[row]]
            A = sum(heads) / len(heads)
            M = method.scene.attention_masks[0, index].flatten()
            total += sum((m - a / A.max()) ** 2 for m, a in zip(M, A, strict=True)).item() / 64
    assert attention == pytest.approx(0.01 * total / 3, rel=1e-4)


def test_the_attention_term_pulls_at_the_words(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, batch=4)
    loss_terms(method)["attention"].backward()
    assert all(word.vectors.grad.abs().max() > 0 for word in method.words)


def test_the_prior_never_feeds_the_attention_term(backbone: Backbone, tmp_path: Path) -> None:
    method, without = (prepared(backbone, tmp_path, prior_weight=weight) for weight in (0.5, 0.0))
    full, bare = loss_terms(method), loss_terms(without)
    assert set(full) - set(bare) == {"prior"}
    for name, term in bare.items():  # they go through the network together, which rounds in another way
        torch.testing.assert_close(term, full[name], rtol=1e-5, atol=0)
    with torch.no_grad(), attach(backbone, attached_edits(method)):
        batch = method.draw(torch.Generator().manual_seed(0))
        other = dataclasses.replace(batch.prior, latents=batch.prior.latents + 1)
        one, two = (method.loss(dataclasses.replace(batch, prior=prior)) for prior in (batch.prior, other))
    assert one["prior"] != two["prior"]
    for name in bare:  # other class pictures change nothing else, not by a bit
        assert torch.equal(one[name], two[name])


# union sampling


def test_every_size_and_every_subject_is_drawn_equally_often(backbone: Backbone) -> None:
    scene = Subject("<a>", "cat", tuple(Subject(handle, "dog") for handle in ("<b>", "<c>", "<d>")))
    method = BreakAScene(backbone, scene, Settings(**QUICK), torch.Generator())
    generator = torch.Generator().manual_seed(0)
    draws = [method.sampling.draw([0, 1, 2, 3], generator) for _ in range(10_000)]
    assert all(len(set(draw)) == len(draw) for draw in draws)
    sizes, subjects = Counter(map(len, draws)), Counter(index for draw in draws for index in draw)
    pairs = Counter(tuple(draw) for draw in draws if len(draw) == 2)
    assert all(abs(sizes[size] - 2500) < 200 for size in (1, 2, 3, 4))
    assert all(abs(subjects[index] - 6250) < 250 for index in range(4))
    assert len(pairs) == 12 and max(pairs.values()) < 1.5 * min(pairs.values())


def test_prompts_name_subjects_in_the_order_drawn_and_the_background_last(backbone: Backbone) -> None:
    method = BreakAScene(backbone, PAIR, Settings(**QUICK, background=True), torch.Generator())
    assert method.sampling.prompt([1, 0]) == "a photo of <tom> and <lily>"
    assert method.sampling.prompt([2, 1]) == "a photo of <tom> at <lily-background>"
    assert method.sampling.prompt([2]) == "a photo of <lily-background>"
    assert method.preview_prompt == "a photo of <lily> and <tom>"


def test_one_by_one_is_an_ablation(backbone: Backbone) -> None:
    method = BreakAScene(backbone, PAIR, Settings(**QUICK, together=False), torch.Generator())
    generator = torch.Generator().manual_seed(0)
    assert Counter(len(method.sampling.draw([0, 1], generator)) for _ in range(50)) == {1: 50}


# masks


def test_the_masked_loss_is_not_divided_by_the_area(
    backbone: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone, "target", lambda latents, noise, timesteps: torch.zeros_like(latents))
    monkeypatch.setattr(backbone, "predict", lambda noisy, t, words: torch.ones_like(noisy))
    masks = torch.zeros(1, 1, 64, 64)
    masks[..., :8, :8] = 1
    latents, t = torch.zeros(1, 4, 64, 64), torch.tensor([500])
    batch = DenoisingBatch(latents, latents, t, backbone.text.tokenize_all(["a cat"]), masks)
    assert denoising_loss(backbone, batch, backbone.text.read(["a cat"])).item() == 0.015625


def test_nothing_outside_the_named_masks_counts(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = prepared(backbone, tmp_path)
    predict = backbone.predict
    for subset in ([0], [1], [1, 0]):
        monkeypatch.setattr(method.sampling, "draw", lambda present, generator, drawn=subset: drawn)
        union = method.scene.masks[0, subset].amax(0)
        before = loss_terms(method)["denoising"]
        for inside, same in ((0, True), (1, False)):
            where = union == inside
            monkeypatch.setattr(backbone, "predict", lambda *a, where=where: predict(*a) + 3.0 * where)
            assert (loss_terms(method)["denoising"] == before).item() is same
            monkeypatch.setattr(backbone, "predict", predict)


def test_what_is_inside_each_of_the_named_masks_counts(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    method, predict = prepared(backbone, tmp_path), backbone.predict
    monkeypatch.setattr(method.sampling, "draw", lambda present, generator: [1, 0])
    before = loss_terms(method)["denoising"]
    for mask in method.scene.masks[0]:
        monkeypatch.setattr(backbone, "predict", lambda *a, mask=mask: predict(*a) + 3.0 * mask)
        assert loss_terms(method)["denoising"] != before


def test_a_mask_of_everything_gives_the_ordinary_loss(backbone: Backbone, tmp_path: Path) -> None:
    method, unmasked = prepared(backbone, tmp_path), prepared(backbone, tmp_path, masked=False)
    assert not torch.equal(loss_terms(method)["denoising"], loss_terms(unmasked)["denoising"])
    method.scene.masks.fill_(1)
    assert torch.equal(loss_terms(method)["denoising"], loss_terms(unmasked)["denoising"])


def test_photos_may_lack_a_subject(backbone: Backbone, tmp_path: Path) -> None:
    masks = {"<lily>": (tiny.LEFT, None, None), "<tom>": (tiny.RIGHT, None, tiny.RIGHT)}
    photos = PhotoSet(tiny.photos(3).squares, masks)
    method = BreakAScene(backbone, PAIR, Settings(**QUICK), torch.Generator())
    notes = [event.text for event in method.prepare(photos, tmp_path) if isinstance(event, Note)]
    assert "Nothing is masked in photo 2, so it is left out." in notes
    assert method.scene.present == [[0, 1], [1]]
    assert set(method.report()) >= {"map IoU of <lily>", "map IoU of <tom>", "norm of <lily>"}
    assert all(np.isfinite(value) for value in method.report().values())


def test_a_background_has_a_name_of_its_own(backbone: Backbone) -> None:
    taken = Subject("<lily>", "cat", (Subject("<lily-background>", "dog"),))
    with pytest.raises(StudioError, match="Two things are called"):
        BreakAScene(backbone, taken, Settings(background=True), torch.Generator())


# the two phases


def test_each_phase_learns_its_own_with_a_fresh_optimiser(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    methods, optimizers = [], []

    class Spy(BreakAScene):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)
            methods.append(self)

    class Kept(torch.optim.AdamW):
        def __init__(self, groups: list[dict], **options: object) -> None:
            super().__init__(groups, **options)
            optimizers.append(self)

    monkeypatch.setattr(torch.optim, "AdamW", Kept)
    settings = {**QUICK, "steps": 6, "word_rate": 0.1, "late_word_rate": 0.2, "weight_rate": 0.05}
    sampling, stages, before = Sampling(seed=1, steps=1), [], tiny.weights(backbone)
    for event in train(Spy, backbone, tiny.pair(), PAIR, settings, sampling, tmp_path):
        if not (isinstance(event, Step) and "loss" in event.values):
            continue
        (method,), weights = methods, methods[0].change.parameters()
        stages.append(event.stage)
        if len(stages) == 3:
            assert set(event.values) == {"denoising", "attention", "loss"}
            assert all(not tensor.requires_grad and tensor.grad is None for tensor in weights)
            assert all(B.abs().max() == 0 for B in method.change.B.values())
        if len(stages) == 4:
            assert "prior" in event.values and all(tensor.requires_grad for tensor in weights)
    assert stages == ["learning the words"] * 3 + ["tuning the model"] * 3
    first, second = optimizers
    words = [word.vectors for word in method.words]
    assert [id(tensor) for tensor in first.param_groups[0]["params"]] == list(map(id, words))
    assert len(first.param_groups) == 1 and [group["lr"] for group in second.param_groups] == [0.2, 0.05]
    for optimizer in optimizers:
        assert all(0 < optimizer.state[vectors]["step"] <= 3 for vectors in words)
    assert all(second.state[tensor]["step"] == 3 for tensor in method.change.parameters())
    assert all(B.abs().max() > 0 for B in method.change.B.values())
    assert any(site.startswith("text_encoder.") for site in method.change.B)
    for name, after in tiny.weights(backbone).items():
        assert np.array_equal(after, before[name]), name


def test_both_phases_decay(backbone: Backbone) -> None:
    method = BreakAScene(backbone, PAIR, Settings(**QUICK, weight_decay=0.03), torch.Generator())
    assert [stage.weight_decay for stage in method.stages()] == [0.03, 0.03]


def test_with_words_alone_the_model_takes_no_part(backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(backbone, tmp_path, word_share=1.0)
    assert [edit.kind for edit in concept.edits] == ["tokens", "tokens"] and concept.header.steps == 4
    assert not list(tmp_path.rglob("*.png"))


def test_the_attention_term_alone_brings_words_to_their_own_masks(backbone: Backbone, tmp_path: Path) -> None:
    def left_of_the_distance(attention_weight: float) -> float:
        """Return the share of the distance between attention and masks that training leaves."""
        weights = {"prior_weight": 0.0, "attention_weight": attention_weight}
        method = prepared(backbone, tmp_path, batch=4, rank=8, **weights)
        tensors = [*(word.vectors for word in method.words), *method.change.parameters()]
        optimizer = torch.optim.AdamW(tensors, lr=0.005)

        def distance() -> float:
            return sum(loss_terms(method, 1000 + seed)["attention"].item() for seed in range(8))

        before = distance()
        for step in range(20):
            torch.stack(list(loss_terms(method, step).values())).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
        return distance() / before

    # not the overlap, which jumps with every step on random weights
    assert left_of_the_distance(1.0) < 0.5 < 0.75 < left_of_the_distance(1e-6)


def test_a_larger_base_uses_a_quarter_of_its_latents(tmp_path: Path) -> None:
    small = tiny.backbone()
    torch.manual_seed(0)
    unet = UNet2DConditionModel(
        sample_size=96,
        block_out_channels=(8, 8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=tiny.WIDTH,
        attention_head_dim=8,
        norm_num_groups=4,
    )
    backbone = StableDiffusion(
        "wide", small.tokenizer, small.text_encoder, unet, small.vae, small.schedule.config
    )
    method = prepared(backbone, tmp_path, prior_weight=0.0)
    assert backbone.attention_side == 24
    assert method.scene.masks.shape == (1, 2, 96, 96) and method.scene.attention_masks.shape == (1, 2, 24, 24)
    assert all(term.isfinite() and term > 0 for term in loss_terms(method).values())


# the file


def test_a_scene_is_one_file_of_all_its_handles(backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(backbone, tmp_path, background=True)
    concept.save(tmp_path / "scene.safetensors")
    opened = Concept.open(tmp_path / "scene.safetensors")
    nouns = {"<lily>": "cat", "<tom>": "dog", "<lily-background>": "background"}
    assert opened.header.handles == nouns
    assert [edit.kind for edit in opened.edits].count("low_rank") == 1
    for prompt in ("a photo of <lily>", "<tom> and <lily>", "a cat at <lily-background>"):
        picture = painted(backbone, prompt, opened)
        assert np.array_equal(picture, painted(backbone, prompt, concept))
        assert not np.array_equal(picture, painted(backbone, prompt.translate({60: None, 62: None})))
    assert np.array_equal(painted(backbone, "a cat", opened), painted(backbone, "a cat"))
    assert {"map IoU of <tom> before", "map IoU of <lily-background>"} <= set(opened.header.report)


@pytest.mark.parametrize(
    ("prompt", "strengths", "strength"),
    [
        ("a photo of <tom>", {}, 1.0),
        ("a photo of <tom>", {"<tom>": 0.4}, 0.4),
        ("<lily> and <tom>", {"<lily>": 0.0, "<tom>": 0.7}, 0.7),
        ("<lily> and <tom>", {"<lily>": 0.9, "<tom>": 0.7}, 0.9),
        ("<lily> and <tom>", {"<lily>": 0.0, "<tom>": 0.0}, 0.0),
    ],
)
def test_the_shared_change_is_as_strong_as_the_strongest_handle_named(
    concept: Concept, prompt: str, strengths: dict[str, float], strength: float
) -> None:
    actives = active_edits(Recipe(prompt, strengths=strengths), [concept])
    (shared,) = [active.strength for active in actives if isinstance(active.edit, LowRank)]
    assert shared == strength


def test_strength_zero_of_one_leaves_the_other(backbone: Backbone, concept: Concept) -> None:
    alone = painted(backbone, "cat and <tom>", concept)
    assert np.array_equal(painted(backbone, "<lily> and <tom>", concept, strengths={"<lily>": 0.0}), alone)
    nothing = painted(
        backbone, "<lily> and <tom>", concept, strengths=dict.fromkeys(concept.header.handles, 0.0)
    )
    assert np.array_equal(nothing, painted(backbone, "cat and dog"))


def test_the_prior_is_of_the_beach_or_of_each_noun_in_turn(backbone: Backbone) -> None:
    prompts = [
        BreakAScene(backbone, PAIR, dataclasses.replace(Settings(), **change), torch.Generator())
        for change in ({}, {"prior_prompt": ""})
    ]
    assert [[one.pictures.recipe.prompt for one in made.class_pictures.sets] for made in prompts] == [
        ["a photo at the beach"],
        ["a photo of a cat", "a photo of a dog"],
    ]
    assert [one.pictures.count for one in prompts[1].class_pictures.sets] == [50, 50]


def test_each_handle_gets_a_picture_alone_and_an_attention_map(backbone: Backbone, tmp_path: Path) -> None:
    chosen = {**QUICK, "steps": 2}
    events = list(
        train(BreakAScene, backbone, tiny.pair(), PAIR, chosen, Sampling(seed=1, steps=1), tmp_path)
    )
    captions = [event.caption for event in events if isinstance(event, Insight)]
    assert captions == ["Attention of <lily>", "Attention of <tom>"]
    prompts = [event.prompt for event in events if isinstance(event, Preview)][-3:]
    assert prompts == ["a photo of <lily>", "a photo of <tom>", "a photo of <lily> and <tom>"]
