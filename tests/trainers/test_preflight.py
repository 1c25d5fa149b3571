"""The trial before a training: what it promises, and that it changes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from studio.events import Estimate, Event, FinishEarly, Insight, Note, Preview, Result, Step
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from tests import tiny
from tests.trainers.battery import SAMPLING, SUBJECT, run
from tests.variations import slow_but
from trainers import METHODS
from trainers.kit import loop, optimizing, painted_pictures, preflight, previews, verdict
from trainers.kit.batches import DenoisingBatch
from trainers.kit.optimizing import Optimization
from trainers.kit.training import Training
from trainers.regularizers.context import Context
from trainers.textual_inversion import TextualInversion

pytestmark = pytest.mark.usefixtures("short_verdict")
TRIED = ("break_a_scene", "dreambooth")  # one of each way to make a batch; -m slow tries all
FEW_STEPS = SAMPLING.steps - 1  # of a picture on the way
LONG = 4  # steps, from which a training is tried here


@pytest.fixture(autouse=True)
def _tries_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "MIN_STEPS", LONG)
    monkeypatch.setattr(previews, "MOST_STEPS", FEW_STEPS)


@pytest.fixture
def backbone() -> Backbone:
    return tiny.backbone()


@pytest.fixture
def clock(backbone: Backbone, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[float]]:
    """A clock that shows how many noisy pictures the network has seen, and nothing else.

    Bursts of steps grow as fast as on the fastest device.
    """
    seen = [0.0]
    own = backbone.predict

    def predict(noisy: torch.Tensor, *rest: Any) -> torch.Tensor:
        seen[0] += len(noisy)
        return own(noisy, *rest)

    monkeypatch.setattr(backbone, "predict", predict)
    monkeypatch.setattr(time, "perf_counter", lambda: seen[0])
    monkeypatch.setattr(optimizing, "BURST_SECONDS", 1e9)
    yield seen


def estimate_of(events: Iterator[Event]) -> Estimate:
    """Return the estimate that a training begins with."""
    found = next(event for event in events if isinstance(event, Estimate))
    events.close()
    return found


def painted() -> int:
    """Return how often the network sees the noisy pictures of the previews, the last one and the verdict."""
    guided, previews = 2, (loop.PREVIEWS + 1) * FEW_STEPS
    return guided * (previews + SAMPLING.steps + verdict.SETS * verdict.SEEDS * verdict.STEPS)


def test_the_time_of_all_steps_and_pictures_is_promised(
    backbone: Backbone, clock: list[float], tmp_path: Path
) -> None:
    events = run("textual_inversion", backbone, tmp_path, steps=LONG, batch=2)
    assert estimate_of(events).seconds == pytest.approx(2 * LONG + painted())


def test_class_pictures_that_are_missing_are_counted(
    backbone: Backbone, clock: list[float], tmp_path: Path
) -> None:
    settings = {"steps": LONG, "batch": 2, "class_pictures": 5, "class_steps": 4}
    learned = (2 + 2) * LONG + painted()  # photos and class pictures in each step
    events = run("dreambooth", backbone, tmp_path, **settings)
    assert estimate_of(events).seconds == pytest.approx(learned + 2 * 5 * 4)
    short = {**settings, "steps": 2}
    assert isinstance(list(run("dreambooth", backbone, tmp_path, **short))[-1], Result)
    again = run("dreambooth", backbone, tmp_path, **settings)
    assert estimate_of(again).seconds == pytest.approx(learned)


def test_a_trial_paints_few_class_pictures_and_leaves_none_behind(
    backbone: Backbone, clock: list[float], tmp_path: Path
) -> None:
    settings = {"steps": LONG, "class_pictures": 50, "class_steps": 40}
    assert estimate_of(run("dreambooth", backbone, tmp_path, **settings)).seconds > 2 * 50 * 40
    assert clock[0] < 2 * 50 * 40 / 10
    assert not list(tmp_path.rglob("*.png"))


def test_each_stage_has_its_own_time(backbone: Backbone, clock: list[float], tmp_path: Path) -> None:
    settings = {"steps": LONG, "batch": 1, "tuning_steps": 20, "tuning_batch": 4}
    own = {"context_embedding_weight": 0.0, "context_attention_weight": 0.0}
    events = run("context_regularized", backbone, tmp_path, **settings, **own)
    assert estimate_of(events).seconds == pytest.approx(LONG + 4 * 20 + painted())


@pytest.mark.parametrize("method_id", slow_but(TRIED, sorted(METHODS)))
def test_the_training_is_the_same_bit_for_bit_without_a_trial(
    method_id: str, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = list(run(method_id, backbone, tmp_path / "tried", steps=LONG, batch=1))
    monkeypatch.setattr(preflight, "MIN_STEPS", LONG + 1)
    untried = list(run(method_id, backbone, tmp_path / "untried", steps=LONG, batch=1))
    assert any(isinstance(event, Estimate) for event in tried)
    assert not any(isinstance(event, Estimate) for event in untried)
    for one, other in zip(tried[-1].value.edits, untried[-1].value.edits, strict=True):
        for name, tensor in one.tensors().items():
            assert torch.equal(tensor, other.tensors()[name]), name


def test_a_device_too_small_is_known_before_the_first_step(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two photos at once are too much for it, so each step has four batches of one from the start."""
    own = TextualInversion.loss

    def loss(self: TextualInversion, batch: DenoisingBatch) -> Any:
        if len(batch) > 1:
            raise torch.OutOfMemoryError
        return own(self, batch)

    monkeypatch.setattr(TextualInversion, "loss", loss)
    events = list(run("textual_inversion", backbone, tmp_path, steps=LONG, batch=4))
    told = [event.text for event in events if isinstance(event, Note)]
    assert "little memory" in told[1] and not any("ran out" in text for text in told)
    learned = [event for event in events if isinstance(event, Step) and "loss" in event.values]
    assert len(learned) == LONG
    assert events[-1].value.header.memory == "batches in 4 parts, accumulated"


def test_a_photo_too_large_for_every_measure_is_told_at_once(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Optimization, stage: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(Optimization, "_step", fail)
    with pytest.raises(torch.OutOfMemoryError):
        for event in run("textual_inversion", backbone, tmp_path, steps=LONG, batch=4):
            assert not isinstance(event, Preview)


def test_a_trial_can_be_stopped_and_leaves_nothing(backbone: Backbone, tmp_path: Path) -> None:
    events = run("dreambooth", backbone, tmp_path, steps=LONG)
    assert isinstance(next(events), Note) and isinstance(next(events), Step)
    with pytest.raises(StopIteration):
        events.throw(FinishEarly())
    assert not list(tmp_path.rglob("*.png"))


def test_class_pictures_too_many_at_once_are_painted_singly(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, sizes = painted_pictures.sample, []

    def sample(base: Backbone, recipe: Any, conditions: Any, seeds: Any) -> Any:
        sizes.append(len(seeds))
        if len(seeds) > 1:
            raise torch.OutOfMemoryError
        return own(base, recipe, conditions, seeds)

    monkeypatch.setattr(painted_pictures, "sample", sample)
    events = list(run("dreambooth", backbone, tmp_path, steps=2, class_pictures=3))
    assert isinstance(events[-1], Result) and sizes == [3, 1, 1, 1]


def test_what_was_learned_is_kept_though_it_cannot_be_judged(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def judge(*arguments: Any) -> Any:
        raise torch.OutOfMemoryError
        yield

    monkeypatch.setattr(verdict, "judge_concept", judge)
    events = list(run("textual_inversion", backbone, tmp_path, steps=2))
    assert isinstance(events[-1], Result) and events[-1].value.header.verdicts == {}
    assert any("too little memory to judge" in event.text for event in events if isinstance(event, Note))


def test_what_was_learned_is_kept_though_there_is_no_memory_for_its_last_picture(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = Training.preview

    def preview(this: Training, method: Any, recipe: Recipe) -> Any:
        if recipe.steps == SAMPLING.steps:  # more than on the way
            raise torch.OutOfMemoryError
        return own(this, method, recipe)

    monkeypatch.setattr(Training, "preview", preview)
    events = list(run("textual_inversion", backbone, tmp_path, steps=2))
    assert isinstance(events[-1], Result) and events[-1].value.header.preview == b""
    assert any("too little memory to judge" in event.text for event in events if isinstance(event, Note))


@pytest.mark.parametrize(("source", "left"), [(TextualInversion, "gradient of denoising"), (Context, "norm")])
def test_what_cannot_be_measured_is_left_out_of_the_report(
    source: Any, left: str, backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def report(this: Any) -> dict[str, float]:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(source, "report", report)
    settings = {"steps": 2, "context_embedding_weight": 0.5}
    events = list(run("textual_inversion", backbone, tmp_path, **settings))
    assert isinstance(events[-1], Result) and left in events[-1].value.header.report
    assert events[-1].value.header.preview and events[-1].value.header.verdicts
    assert sum("to measure all" in event.text for event in events if isinstance(event, Note)) == 1


def test_a_short_training_begins_at_once(backbone: Backbone, tmp_path: Path) -> None:
    events = run("textual_inversion", backbone, tmp_path, steps=LONG - 1)
    assert isinstance(next(event for event in events if not isinstance(event, Insight)), Preview)
    events.close()


@pytest.mark.parametrize(
    ("seconds", "used", "total", "words"),
    [
        (4, 0.36e9, 8.2e9, "about 10 seconds, 0.4 of 8.2 GB"),
        (42, 9.14e9, 12.3e9, "about 40 seconds, 9.1 of 12 GB"),
        (6 * 60 + 20, 9.96e9, 151e9, "about 6 minutes, 10 of 151 GB"),
        (2.52 * 3600, 1e9, 2e9, "about 2.5 hours, 1.0 of 2.0 GB"),
    ],
)
def test_it_is_said_as_people_guess(seconds: float, used: float, total: float, words: str) -> None:
    assert Estimate(seconds, int(used), int(total)).words == words


def test_the_subject_is_not_changed(backbone: Backbone, tmp_path: Path) -> None:
    before = {name: weight.clone() for name, weight in backbone.unet.named_parameters()}
    estimate = estimate_of(run("break_a_scene", backbone, tmp_path, steps=LONG, tuning="full"))
    assert estimate.used_bytes <= estimate.total_bytes and SUBJECT.handle not in backbone.text._new_words
    assert all(torch.equal(weight, before[name]) for name, weight in backbone.unet.named_parameters())
