"""Test the judge that sees patches: its model, its losses, its training and its exam."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from assets.starter.recipe import judge_exam, judge_losses, timed_training
from assets.starter.recipe.drawings import save_drawings
from assets.starter.recipe.judge_model import configuration, save_judge
from assets.starter.recipe.judge_trainer import JudgeTrainer
from assets.starter.recipe.judge_training import JudgeMaterial, train_judge
from assets.starter.recipe.vocabulary import world_words, write_merges
from studio.models.clip import FILES, Clip
from studio.models.patch_judge import HEAD_FILE, PatchJudge, Seen, matched, subject_likeness
from tests.starter.test_judge_pictures import NOUNS, drawing


@pytest.fixture(autouse=True)
def counted_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of a training goes on by a quarter of a second whenever it is read, on a busy machine too."""
    times = itertools.count(0, 0.25)
    monkeypatch.setattr(timed_training, "time", SimpleNamespace(monotonic=lambda: next(times)))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an untrained judge."""
    folder = tmp_path_factory.mktemp("judge")
    torch.manual_seed(0)
    words = write_merges(world_words(), folder / "merges.txt.gz")
    save_judge(PatchJudge(configuration(words)), folder)
    return folder


def test_clip_opens_the_judge_and_gives_its_pooled_features(folder: Path) -> None:
    pictures = [Image.new("RGB", (128, 128), colour) for colour in ("red", "blue")]
    seen = PatchJudge.open(folder).see(pictures)
    assert torch.allclose(Clip.open(folder).encode(pictures), seen.pooled, atol=1e-5)
    assert seen.patches.shape == (2, 144, 96)
    assert sum(file.stat().st_size for file in folder.iterdir()) < 8e6


def test_a_picture_is_found_whole_in_itself_and_half_in_its_half() -> None:
    patches = torch.nn.functional.normalize(torch.randn(1, 16, 96, generator=torch.manual_seed(0)), dim=-1)
    half = patches.clone()
    half[:, 8:] = half[:, :8]
    weights = torch.ones(1, 16)
    assert matched(patches, weights, patches).item() == pytest.approx(1)
    assert 0.5 < matched(patches, weights, half).item() < 0.8
    first = torch.zeros(1, 16)
    first[:, :8] = 1  # the mask leaves the other half out
    assert matched(patches, first, half).item() == pytest.approx(1)
    nothing = torch.full((1, 16), -20.0)
    seen = Seen(patches[:, 0], patches, nothing, nothing[:, 0])
    assert subject_likeness(seen, seen, weights).item() == pytest.approx(1)


def test_the_losses_of_what_is_right_are_small() -> None:
    patches = torch.eye(48).view(4, 12, 48)
    cover = torch.ones(4, 12)
    picked = judge_losses.pick_patches(patches, cover, 12)
    ignored = torch.zeros(4, 4, dtype=torch.bool)
    right = judge_losses.drawing_loss(picked, picked, torch.tensor(20.0), ignored)
    shifted = judge_losses.Picked(picked.patches.roll(1, 0), picked.numbers, picked.weights)
    assert right < 0.01 < 5 < judge_losses.drawing_loss(picked, shifted, torch.tensor(20.0), ignored)
    places = torch.rand(4, 12, 2, generator=torch.manual_seed(0)) * 2 - 1
    at = places.gather(1, picked.numbers[..., None].expand(-1, -1, 2))
    wrong = patches.roll(1, 0)
    found = judge_losses.place_loss(picked, at, patches, places, wrong)
    assert found < judge_losses.place_loss(picked, at, patches.roll(1, 1), places, wrong)
    clean = torch.tensor([1.0, 0.9, 0.2, 0.1])
    graded = judge_losses.cleanliness_loss((clean - 0.5) * 10, clean, 2)
    assert graded < judge_losses.cleanliness_loss((0.5 - clean) * 10, clean, 2)


@pytest.fixture
def material(tmp_path: Path) -> JudgeMaterial:
    """Return a few drawings and one scenery."""
    known = [drawing(noun, source) for noun in NOUNS for source in ("twemoji", "fxemoji")]
    save_drawings(known, tmp_path / "drawings")
    save_drawings([drawing("red-kite")], tmp_path / "every")
    place = tmp_path / "backgrounds" / "beach__night"
    place.mkdir(parents=True)
    Image.new("RGB", (128, 128), "navy").save(place / "noto-0.webp")
    phrases = {"places": {"beach": ["on the beach"]}, "times": {"night": ["at night"]}}
    (tmp_path / "backgrounds" / "phrases.json").write_text(json.dumps(phrases))
    return JudgeMaterial(tmp_path / "drawings", tmp_path / "every", tmp_path / "backgrounds", world_words())


def test_training_stops_in_time_and_goes_on_from_its_checkpoint(
    material: JudgeMaterial, tmp_path: Path
) -> None:
    checkpoint, steps = tmp_path / "judge.pt", []
    for minutes in (0.05, 0.1):
        train_judge(material, tmp_path / "out", checkpoint, minutes, batch=4, second=True)
        steps.append(torch.load(checkpoint, weights_only=True)["step"])
    assert 0 < steps[0] < steps[1]
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*FILES, HEAD_FILE}
    seen = PatchJudge.open(tmp_path / "out").see([drawing(noun).picture for noun in NOUNS[:2]])
    assert all(part.isfinite().all() for part in seen)


@pytest.mark.parametrize("bad", [2, 10_000])
@pytest.mark.slow
def test_a_batch_without_a_finite_gradient_is_left_out(
    material: JudgeMaterial, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    losses, calls = JudgeTrainer.losses, []

    def first_ones_are_nan(trainer: JudgeTrainer, *batch: object) -> dict[str, torch.Tensor]:
        calls.append(1)
        factor = float("nan") if len(calls) <= bad else 1.0
        return {name: loss * factor for name, loss in losses(trainer, *batch).items()}

    monkeypatch.setattr(JudgeTrainer, "losses", first_ones_are_nan)
    arguments = material, tmp_path / "out", tmp_path / "judge.pt"
    if bad > 2:
        with pytest.raises(FloatingPointError, match="not finite at step 0"):
            train_judge(*arguments, minutes=5, batch=2, second=True)
        return
    train_judge(*arguments, minutes=0.15, batch=2, second=True)
    assert len(calls) > 3
    trained = PatchJudge.open(tmp_path / "out")
    assert all(parameter.isfinite().all() for parameter in trained.parameters())


def test_a_judge_goes_on_from_the_weights_of_another(
    material: JudgeMaterial, folder: Path, tmp_path: Path
) -> None:
    train_judge(material, tmp_path / "out", tmp_path / "judge.pt", minutes=1e-6, batch=2, start=folder)
    before, after = PatchJudge.open(folder).state_dict(), PatchJudge.open(tmp_path / "out").state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_the_exam_has_a_hundred_pairs_and_is_small() -> None:
    groups = judge_exam.read_exam()
    assert sum(map(len, groups.values())) == 100
    assert {question.better.size for group in groups.values() for question in group} == {(128, 128)}
    assert sum(file.stat().st_size for file in judge_exam.EXAM.iterdir()) < 1e6
    kept = json.loads((judge_exam.EXAM / "exam.json").read_text())
    assert all(len(groups[name]) == len(group["pairs"]) for name, group in kept.items())


def test_the_exam_counts_the_pairs_ordered_right() -> None:
    groups = {"two": judge_exam.read_exam()["faulty"][:2]}
    better = [question.better for question in groups["two"]]

    def score(references: list[Image.Image], pictures: list[Image.Image]) -> torch.Tensor:
        return torch.tensor([1.0 if pictures == better and number == 0 else 0.0 for number in range(2)])

    leads = judge_exam.sit_exam({"cleanliness": score}, groups)
    assert "| two | 1 of 2 |" in judge_exam.report(leads)


def test_judges_that_rank_alike_agree() -> None:
    scores = torch.tensor([0.1, 0.5, 0.3, 0.9])
    assert judge_exam.rank_agreement(scores, scores**3) == pytest.approx(1)
    assert judge_exam.rank_agreement(scores, -scores) == pytest.approx(-1)
