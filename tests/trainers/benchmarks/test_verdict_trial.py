"""Checking verdicts against known outcomes: the runs, that nothing is done twice, and the table."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from studio.concepts.verdict import Verdict
from studio.events import Event, Result, Step
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from tests import tiny
from trainers import METHODS
from trainers.benchmarks.variants import Variant
from trainers.benchmarks.verdict_cases import KNOWN_RUNS, KnownRun, photos_of
from trainers.benchmarks.verdict_trial import SHEET, JudgedRun, verdict_table, verdict_trial
from trainers.kit import verdict
from trainers.kit.verdict import Judge

pytestmark = pytest.mark.usefixtures("short_verdict")
RUNS = [
    KnownRun("good", "lily", "textual_inversion steps=4 batch=1", "learned"),
    KnownRun("stopped early", "robot", "textual_inversion steps=9 batch=1", "weak", stop=2),
    KnownRun("good", "noise", "textual_inversion steps=3 batch=1", "learned"),
]


def run(folder: Path, again: bool = False, some: Sequence[KnownRun] = RUNS) -> list[Event]:
    cards = {name: method.card() for name, method in METHODS.items()}
    parse = partial(Variant.parse, methods=METHODS, cards=cards)
    return list(verdict_trial(tiny.backbone(), some, parse, Sampling(steps=1), folder, again, RUNS))


def test_runs_are_trained_once_stopped_where_they_say_and_judged(tmp_path: Path) -> None:
    events = run(tmp_path)
    assert isinstance(events[-1], Result)
    judged = events[-1].value
    assert [one.known for one in judged] == RUNS and all(one.verdict for one in judged)
    assert [one.is_held_out for one in judged] == [False, False, True]  # every second of a kind
    losses = [event.step for event in events if isinstance(event, Step) and "loss" in event.values]
    assert losses[:4] == [1, 2, 3, 4] and losses[-3:] == [1, 2, 3] and losses[4:-3][:2] == [1, 2]
    assert all((tmp_path / known.name / SHEET).is_file() for known in RUNS)
    once_more = run(tmp_path)
    assert not any(isinstance(event, Step) for event in once_more)
    assert once_more[-1] == events[-1]
    (one,) = run(tmp_path, some=RUNS[2:])[-1].value
    assert one.is_held_out  # as among all, though it is the first of those that are judged
    again = run(tmp_path, again=True)
    assert again[-1] == events[-1] and not any("loss" in getattr(event, "values", ()) for event in again)


def test_it_judges_as_the_training_does_which_finds_the_subject(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_by: list[PhotoSet] = []

    class Noting(Judge):
        def __init__(self, backbone: Any, photos: PhotoSet, *rest: Any) -> None:
            judged_by.append(photos)
            super().__init__(backbone, photos, *rest)

    monkeypatch.setattr(verdict, "Judge", Noting)
    monkeypatch.setattr("trainers.benchmarks.verdict_trial.Judge", Noting)
    known = KnownRun("good", "lily", "dreambooth steps=2 batch=1 class_pictures=1 class_steps=1", "learned")
    run(tmp_path, some=[known])
    of_training, of_trial = judged_by
    assert of_training.masks and of_training.digest == of_trial.digest


def test_all_runs_have_names_of_their_own_and_photos_that_are_there() -> None:
    assert len({known.name for known in KNOWN_RUNS}) == len(KNOWN_RUNS) >= 40
    assert {known.method for known in KNOWN_RUNS} <= set(METHODS)
    for name in {known.photos for known in KNOWN_RUNS}:
        subject, photos = photos_of(name)
        assert photos and subject.noun, name
    assert len(photos_of("owl x4")[1]) == 4 and len(photos_of("robot")[1]) == 1


def test_the_table_counts_each_half_apart() -> None:
    good = Verdict(
        likeness=1, noise=0, seeds=3, encoder="", obeyed=1, variety=1, strange=1, unknown=1, contrast=1
    )
    judged = [
        JudgedRun(RUNS[0], good, is_held_out=False),
        JudgedRun(RUNS[1], good, is_held_out=True),
        JudgedRun(RUNS[1], None, is_held_out=True),
    ]
    table = verdict_table(judged)
    assert "levels chosen on these: 1 of 1 right" in table and "held out: 0 of 2 right" in table
    assert "| a person says weak | 1 | 0 | 1 |" in table and table.count("✗") == 2
    assert "the training failed" in table
