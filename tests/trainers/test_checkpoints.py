"""The checkpoints of a training: small concepts of their own, and which of them is better than the end."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

from studio.concepts.verdict import Verdict
from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.events import Checkpoint, Event, Note, Preview, Result, Step
from studio.method import Method
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from tests.edits.test_concept import HEADER
from trainers import METHODS, train
from trainers.kit import checkpoints, previews
from trainers.kit.checkpoints import Checkpoints, Taken
from trainers.kit.training import Training

pytestmark = pytest.mark.usefixtures("short_verdict")
SAMPLING = Sampling(seed=7, steps=2, guidance=8.0)
GOOD = Verdict(likeness=0.9, noise=0.1, seeds=2, encoder="made", obeyed=0.9, variety=0.5)
WEAK = dataclasses.replace(GOOD, likeness=0.1)
BROKEN = dataclasses.replace(GOOD, strange=9.0)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def run(backbone: Backbone, cache: Path, method: str = "textual_inversion", **more: Any) -> list[Event]:
    settings = {**METHODS[method].quick_settings, "steps": 12}
    subject = Subject("<lily>", "cat")
    return list(train(METHODS[method], backbone, tiny.photos(), subject, settings, SAMPLING, cache, **more))


@pytest.mark.parametrize("method", ["textual_inversion", "dreambooth"])
def test_every_preview_on_the_way_comes_with_a_checkpoint_of_its_own(
    backbone: Backbone, tmp_path: Path, method: str
) -> None:
    events = run(backbone, tmp_path, method)
    taken = [event for event in events if isinstance(event, Checkpoint) and not event.is_suggested]
    shown = [event.step for event in events if isinstance(event, Preview)]
    assert [event.step for event in taken] == [2, 4, 6, 8, 10] and set(shown) >= {0, 2, 4, 6, 8, 10, 12}
    last = events[-1].value
    for number, event in enumerate(taken):
        assert event.concept.header.steps == event.step and event.concept.header.preview
        event.concept.save(tmp_path / "step.safetensors")
        opened = Concept.open(tmp_path / "step.safetensors")
        assert opened.header.handles == last.header.handles and opened.header.created == last.header.created
        later = [*taken[number + 1 :], Checkpoint(last, 12)]
        for other in later:  # the training went on without changing it
            pairs = zip(opened.edits, other.concept.copied().edits, strict=True)
            tensors = [(one.tensors(), two.tensors()) for one, two in pairs]
            assert any(not torch.equal(one[name], two[name]) for one, two in tensors for name in one)


def test_what_is_too_large_is_left_out(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MAX_BYTES", 10)
    assert not any(isinstance(event, Checkpoint) for event in run(backbone, tmp_path))


def test_pictures_on_the_way_have_fewer_sampling_steps_than_the_last(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(previews, "MOST_STEPS", 1)
    taken, preview = [], Training.preview

    def noted(training: Training, method: Method, recipe: Recipe) -> Image.Image:
        taken.append((recipe.prompt, recipe.steps))
        return preview(training, method, recipe)

    monkeypatch.setattr(Training, "preview", noted)
    events = run(backbone, tmp_path, samples=("<lily> on blue",))
    painted = [event for event in events if isinstance(event, Preview)]
    last = {prompt: steps for prompt, steps in taken if steps != 1}
    assert set(last) == {"a photo of <lily>", "<lily> on blue"} and set(last.values()) == {SAMPLING.steps}
    assert len(painted) == len(taken) and [steps for _, steps in taken].count(1) == len(taken) - 2 > 2


def test_it_learns_the_same_with_samples_which_are_painted_beside_every_preview(
    backbone: Backbone, tmp_path: Path
) -> None:
    plain, sampled = (run(backbone, tmp_path, samples=samples) for samples in ((), ("<lily> on blue",)))
    own = [event.step for event in sampled if isinstance(event, Preview) and event.prompt == "<lily> on blue"]
    assert own == [0, 2, 4, 6, 8, 10, 12]
    one, other = (events[-1].value.edits[0].tensors() for events in (plain, sampled))
    assert all(torch.equal(one[name], other[name]) for name in one)


class MadeJudge:
    """Judges every concept alike."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict, self.asked = verdict, 0

    def judge(self, concept: Concept) -> Generator[Event, None, dict[str, Verdict]]:
        self.asked += 1
        yield Step(1, 1)
        return {"<lily>": self.verdict}


def made(*found_and_error: tuple[float, float]) -> Checkpoints:
    """Return checkpoints at steps 10, 20 ... of a training that began at 0.2 and an error of 1."""
    collected = Checkpoints.__new__(Checkpoints)
    concept = Concept(HEADER, (NewWord("<lily>", "cat", torch.ones(1, 4)),))
    collected._start = (0.2, 1.0)
    collected.taken = [Taken(concept, 10 * n, *pair) for n, pair in enumerate(found_and_error, 1)]
    return collected


@pytest.mark.parametrize(
    ("found_and_error", "step"),
    [
        (((0.3, 1.0), (0.6, 1.0), (0.62, 1.0)), 20),  # nearly the best, and less worn
        (((0.3, 1.0), (0.9, 9.0), (0.5, 1.0)), 30),  # the best is noise
        (((0.1, 1.0), (0.2, 1.0)), None),  # nothing was learned
        ((), None),
    ],
)
def test_the_earliest_of_the_best_sound_previews_is_judged(found_and_error: Any, step: int | None) -> None:
    candidate = made(*found_and_error).candidate()
    assert (candidate and candidate.step) == step


@pytest.mark.parametrize(
    ("end", "step", "asked", "is_suggested"),
    [
        (GOOD, GOOD, 0, False),  # nothing to mend, nothing painted
        (WEAK, GOOD, 1, True),
        (BROKEN, WEAK, 1, True),
        (WEAK, WEAK, 1, False),
        (WEAK, BROKEN, 1, False),
    ],
)
def test_a_step_is_suggested_only_where_its_verdict_is_better_than_the_ends(
    end: Verdict, step: Verdict, asked: int, is_suggested: bool
) -> None:
    judge: Any = MadeJudge(step)
    events = list(made((0.6, 1.0)).better_than({"<lily>": end}, judge))
    assert judge.asked == asked
    suggested = [event for event in events if isinstance(event, Checkpoint)]
    assert bool(suggested) is is_suggested
    if is_suggested:
        assert suggested[0].is_suggested and suggested[0].concept.header.verdicts == {"<lily>": step}
        assert any(isinstance(event, Note) and "Step 10 looks better" in event.text for event in events)


def test_a_training_ends_with_its_result_whatever_is_suggested(backbone: Backbone, tmp_path: Path) -> None:
    events = run(backbone, tmp_path)
    assert isinstance(events[-1], Result) and events[-1].value.header.steps == 12
