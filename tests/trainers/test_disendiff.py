"""The checks that a wrong DisenDiff fails (arXiv 2403.18551): attention losses, what learns, what is kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from studio.edits import Full, LowRank, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Insight, Note, Preview, Result
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from tests import tiny
from tests.trainers.attention_by_hand import layer_calls
from tests.trainers.battery import picture
from tests.trainers.steps import attached_edits, loss_terms
from trainers import train
from trainers.disendiff import DisenDiff, Settings
from trainers.kit.attention_calibration import (
    binding_loss,
    blurred,
    calibrated,
    separation_loss,
    soft_iou,
    stretched,
)

pytestmark = pytest.mark.usefixtures("short_verdict")

PAIR = Subject("<lily>", "cat", (Subject("<tom>", "dog"),))
THREE = Subject("<lily>", "cat", (Subject("<tom>", "dog"), Subject("<sky>", "blue background")))
QUICK = {"class_pictures": 2, "class_steps": 1, "rank": 2, "batch": 2, "flips": False}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=2)


def prepared(backbone: Backbone, cache: Path, subject: Subject = PAIR, **settings: object) -> DisenDiff:
    chosen = Settings(**{**QUICK, **settings})
    method = DisenDiff(backbone, subject, chosen, torch.Generator().manual_seed(0))
    list(method.prepare(PhotoSet(tiny.pair().squares), cache))
    return method


def learn(backbone: Backbone, cache: Path, **settings: object) -> Concept:
    chosen = {**QUICK, "steps": 4, "word_rate": 0.1, "full_rate": 0.01, "weight_rate": 0.05, **settings}
    *_, last = train(DisenDiff, backbone, tiny.pair(), PAIR, chosen, Sampling(seed=1, steps=1), cache)
    assert isinstance(last, Result)
    return last.value


def random_maps(seed: int, subjects: int = 2, side: int = 6) -> Tensor:
    return torch.rand(3, subjects, side, side, generator=torch.Generator().manual_seed(seed))


# the losses


def naive(words: np.ndarray, nouns: np.ndarray) -> float:
    """Return L_bind + L_s&s of the maps (J, s, s) of one picture, written out cell by cell."""
    side = words.shape[-1]
    weights = {0: 1.0, 1: np.exp(-1.0)}  # exp(-(1 / (2 * 0.5))^2)
    whole = sum(weights[abs(y)] * weights[abs(x)] for y in (-1, 0, 1) for x in (-1, 0, 1))

    def mirrored(index: int) -> int:
        return -index if index < 0 else 2 * (side - 1) - index if index >= side else index

    def smoothed(map: np.ndarray) -> np.ndarray:
        flat = (map - map.min()) / (map.max() - map.min())
        out = np.zeros_like(flat)
        for row in range(side):
            for column in range(side):
                for y in (-1, 0, 1):
                    for x in (-1, 0, 1):
                        value = flat[mirrored(row + y), mirrored(column + x)]
                        out[row, column] += weights[abs(y)] * weights[abs(x)] / whole * value
        return out

    def iou(one: np.ndarray, other: np.ndarray) -> float:
        both = sum(a * b for a, b in zip(one.flat, other.flat, strict=True))
        return (both + 1) / (one.sum() + other.sum() - both + 1)

    smooth_words = [smoothed(map) for map in words]
    suppressed = [smoothed(map) ** 2 for map in nouns]
    bind = sum(1 - iou(noun, word) for noun, word in zip(suppressed, smooth_words, strict=True))
    pairs = [(i, j) for i in range(len(nouns)) for j in range(i + 1, len(nouns))]
    return bind + sum(iou(suppressed[i], suppressed[j]) for i, j in pairs) / len(pairs)


@pytest.mark.parametrize("subjects", [2, 3])
def test_the_losses_equal_a_naive_loop(subjects: int) -> None:
    words, nouns = random_maps(0, subjects), random_maps(1, subjects)
    calibrations = calibrated(words, nouns)
    found = binding_loss(*calibrations) + separation_loss(calibrations[1])
    expected = [naive(*pair) for pair in zip(words.double().numpy(), nouns.double().numpy(), strict=True)]
    assert found.tolist() == pytest.approx(expected, rel=1e-4)


def test_binding_moves_the_word_and_never_the_noun() -> None:
    words, nouns = random_maps(0).requires_grad_(), random_maps(1).requires_grad_()
    binding_loss(*calibrated(words, nouns)).sum().backward()
    assert words.grad.abs().max() > 0
    assert nouns.grad is None or nouns.grad.abs().max() == 0


def test_separation_moves_both_nouns() -> None:
    nouns = random_maps(1).requires_grad_()
    separation_loss(calibrated(random_maps(0), nouns)[1]).sum().backward()
    assert (nouns.grad.abs().amax((0, 2, 3)) > 0).all()


def test_the_overlap_of_boxes() -> None:
    left, right = torch.zeros(2, 1, 16, 16)
    left[:, :4, :4], right[:, 8:, 8:] = 1, 1
    assert soft_iou(left, right).item() == pytest.approx(1 / (16 + 64 + 1))
    assert soft_iou(left, left).item() == 1
    assert soft_iou(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4)).item() == 1
    assert separation_loss(torch.stack([left, right], 1)).item() == pytest.approx(1 / 81)
    assert separation_loss(left[:, None]).item() == 0  # one subject has nothing beside it


@pytest.mark.parametrize("number", [0, 1])
def test_how_strongly_a_word_is_attended_to_does_not_count(number: int) -> None:
    maps = [random_maps(0) / 100, random_maps(1) / 100]
    louder = [each.clone() for each in maps]
    louder[number][:, 1] *= 10
    for one, other in zip(calibrated(*maps), calibrated(*louder), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_maps_are_blurred_before_they_are_squared() -> None:
    dot = torch.zeros(1, 1, 5, 5)
    dot[..., 2, 2] = 1
    word, noun = calibrated(dot, dot)
    assert word[..., 2, 2].item() == pytest.approx(0.3319, abs=1e-4)
    assert word[..., 2, 1].item() == pytest.approx(0.1221, abs=1e-4)
    assert word[..., 1, 1].item() == pytest.approx(0.0449, abs=1e-4)
    assert noun[..., 2, 2].item() == pytest.approx(0.1102, abs=1e-4)
    assert not torch.allclose(noun, blurred(dot.square()))
    assert torch.equal(stretched(3 * dot - 7), dot)


# a step


def test_the_attention_term_equals_a_naive_loop(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, attention_weight=0.5, prior_weight=0.0, opening="a photo of")
    with torch.no_grad(), attach(backbone, attached_edits(method)), layer_calls(backbone) as calls:
        attention = method.loss(method.draw(torch.Generator().manual_seed(0)))["attention"].item()
        maps = {site: call.probabilities() for site, call in calls.items() if call.x.shape[1] == 64}
    assert 0 < len(maps) < len(calls)

    def mean_map(row: int, position: int) -> np.ndarray:
        heads = [head[:, position] for probabilities in maps.values() for head in probabilities[row]]
        return (sum(heads) / len(heads)).view(8, 8).double().numpy()

    total = 0.0
    for row in range(2):  # "<start> a photo of V1 cat and V2 dog"
        words, nouns = ([mean_map(row, place + shift) for place in (4, 7)] for shift in (0, 1))
        total += naive(np.stack(words), np.stack(nouns)) / 2
    assert attention == pytest.approx(0.5 * total, rel=1e-3)


def test_a_noun_of_two_tokens_is_the_mean_of_their_maps(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, THREE, prior_weight=0.0)
    with attach(backbone, attached_edits(method)):
        words, nouns = method._positions(backbone.text.tokenize(method.prompt).spans)
    assert words == [[1], [4], [7]] and nouns == [[2], [5], [8, 9]]
    assert all(term.isfinite() for term in loss_terms(method).values())


def test_the_prior_never_feeds_the_attention_term(backbone: Backbone, tmp_path: Path) -> None:
    full, bare = (loss_terms(prepared(backbone, tmp_path, prior_weight=w)) for w in (0.5, 0.0))
    assert set(full) - set(bare) == {"prior"}
    for name, term in bare.items():  # they go through the network together, which rounds in another way
        torch.testing.assert_close(term, full[name], rtol=1e-5, atol=0)


def test_no_gradient_passes_at_the_start_token(backbone: Backbone, tmp_path: Path) -> None:
    method = prepared(backbone, tmp_path, prior_weight=0.0)
    outputs: dict[str, Tensor] = {}

    def keep(layer: object, arguments: tuple, output: Tensor, site: str) -> None:
        output.retain_grad()
        outputs[site] = output

    hooks = [
        backbone.sites[site].register_forward_hook(
            lambda layer, arguments, output, site=site: keep(layer, arguments, output, site)
        )
        for site in method.sites
    ]
    sum(loss_terms(method).values()).backward()
    for hook in hooks:
        hook.remove()
    assert len(outputs) == len(method.sites)
    for output in outputs.values():
        assert output.grad[:, 0].abs().max() == 0 < output.grad[:, 1:].abs().max()


def test_only_keys_and_values_are_tuned(backbone: Backbone) -> None:
    for tuning, kind in (("full", Full), ("low-rank", LowRank)):
        method = DisenDiff(backbone, PAIR, Settings(**QUICK, tuning=tuning), torch.Generator())
        change = method.weights.change
        assert isinstance(change, kind)
        paths = change.weights if isinstance(change, Full) else change.A
        sites = {path.removesuffix(".weight") for path in paths}
        assert sites == {*backbone.key_sites, *backbone.value_sites}
        assert all(site.endswith((".attn2.to_k", ".attn2.to_v")) for site in sites)


def test_words_start_from_three_rare_pieces_or_from_their_nouns(backbone: Backbone) -> None:
    def starts(subject: Subject, start: str) -> list[Tensor]:
        chosen = Settings(**QUICK, start=start)
        return list(DisenDiff(backbone, subject, chosen, torch.Generator()).identifiers.values())

    three, two = starts(THREE, "rare pieces"), starts(PAIR, "rare pieces")
    assert len({tuple(start.flatten().tolist()) for start in three}) == 3
    assert all(torch.equal(one, other) for one, other in zip(two, three[1:], strict=True))
    assert torch.equal(starts(PAIR, "noun")[1], backbone.text.embeddings_of("dog").mean(0, keepdim=True))


def overlaps(backbone: Backbone, cache: Path, weight: float) -> Tensor:
    """Return the soft IoU of each word's attention with each noun's after a short training."""
    method = prepared(backbone, cache, prior_weight=0.0, attention_weight=weight)
    tensors = [*method.identifiers.values(), *method.weights.parameters()]
    optimizer = torch.optim.AdamW(tensors, lr=0.01)
    for step in range(25):
        torch.stack(list(loss_terms(method, step).values())).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
    return method.overlaps()


def test_each_word_ends_where_its_noun_is_and_without_the_losses_it_does_not(
    backbone: Backbone, tmp_path: Path
) -> None:
    def least_lead(overlaps: Tensor) -> float:
        return (overlaps.diag() - overlaps.flip(1).diag()).min().item()

    bound, free = (least_lead(overlaps(backbone, tmp_path, weight)) for weight in (1.0, 0.0))
    assert bound > 0.1 > 0.0 > free


# the contract


def test_a_scene_is_one_small_file_of_all_its_handles(backbone: Backbone, tmp_path: Path) -> None:
    concept = learn(backbone, tmp_path)
    assert [edit.kind for edit in concept.edits] == ["tokens", "tokens", "low_rank"]
    concept.save(tmp_path / "scene.safetensors")
    opened = Concept.open(tmp_path / "scene.safetensors")
    assert opened.header.handles == {"<lily>": "cat", "<tom>": "dog"}
    for prompt in ("a photo of <lily>", "<tom> and <lily>"):
        painted = picture(backbone, prompt, [opened])
        assert np.array_equal(painted, picture(backbone, prompt, [concept]))
        plain = prompt.replace("<lily>", "cat").replace("<tom>", "dog")
        assert not np.array_equal(painted, picture(backbone, plain, []))
    overlaps = {
        f"{handle} with {which}" for handle in opened.header.handles for which in ("its noun", "other nouns")
    }
    assert overlaps | {"effect kept", "change kept"} <= set(opened.header.report)


def test_it_shows_each_subject_alone_and_where_its_word_and_noun_attend(
    backbone: Backbone, tmp_path: Path
) -> None:
    chosen = {**QUICK, "steps": 2}
    events = list(train(DisenDiff, backbone, tiny.pair(), PAIR, chosen, Sampling(seed=1, steps=1), tmp_path))
    captions = [event.caption for event in events if isinstance(event, Insight)]
    assert captions[:2] == [
        f"Attention of {handle}: of its word, and of its noun" for handle in ("<lily>", "<tom>")
    ]
    prompts = [event.prompt for event in events if isinstance(event, Preview)][-3:]
    assert prompts == ["a photo of <lily>", "a photo of <tom>", "a photo of <lily> and <tom>"]


def test_what_it_cannot_learn_is_refused(backbone: Backbone, tmp_path: Path) -> None:
    twins = Subject("<lily>", "cat", (Subject("<tom>", "cat"),))
    with pytest.raises(StudioError, match="two have the same"):
        prepared(backbone, tmp_path, twins)
    with pytest.raises(StudioError, match="do not fit after the opening"):
        prepared(backbone, tmp_path, opening="a photo of " * 8)
    with pytest.raises(StudioError, match="do not fit after the opening"):
        prepared(backbone, tmp_path, opening="beside <lily>")


def test_captions_are_said_to_be_unused(backbone: Backbone, tmp_path: Path) -> None:
    method = DisenDiff(backbone, PAIR, Settings(**QUICK, prior_weight=0.0), torch.Generator())
    photos = PhotoSet(tiny.pair().squares, captions=("a cat beside a dog",))
    notes = [event.text for event in method.prepare(photos, tmp_path) if isinstance(event, Note)]
    assert notes == ["Captions are not used: one sentence names all that is learned."]
