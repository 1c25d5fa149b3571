"""`whole`: every second of a training is counted once, for the part that it belongs to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from studio.errors import StudioError
from studio.events import Estimate, Result, Step
from tests.benchmarks import whole
from tests.benchmarks.alone import FAILURE
from tests.benchmarks.report import Report
from tests.benchmarks.spread import Taken
from tests.benchmarks.whole import PARTS, Parts, measure
from trainers.kit.training import Training

VALUES = {"loss": 1.0}


def test_a_stopwatch_follows_the_events_of_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr(Taken, "now", lambda: Taken(clock[0], clock[0] / 2))
    monkeypatch.setattr(Training, "preview", lambda *given: clock.__setitem__(0, clock[0] + 100))
    parts = Parts("trial")

    def after(seconds: float, event: Any) -> None:
        clock[0] += seconds
        parts.follow(event)

    with parts.previews():
        Training.preview(None)  # of the trial
        after(3, Estimate(1.0, 1, 1))
        after(5, Step(1, 9, stage="painting class pictures"))
        clock[0] += 2
        Training.preview(None)
        after(7, Step(1, 2, VALUES))
        Training.preview(None)
        after(11, Step(2, 2, VALUES))
        Training.preview(None)
        after(13, Result(None))
    clock[0] += 17
    parts.enter("saving")
    wanted = {"start": 0, "trial": 103, "preparation": 7, "steps": 18, "previews": 300}
    assert {name: taken.wall for name, taken in parts.taken.items()} == {
        **wanted,
        "verdict": 13,
        "saving": 17,
    }
    assert all(taken.cpu == taken.wall / 2 for taken in parts.taken.values())


@pytest.mark.usefixtures("short_verdict")
def test_the_parts_of_a_training_are_all_of_it() -> None:
    preview, began = Training.preview, time.time()
    measured = measure("tiny", "textual_inversion", {"steps": 3, "batch": 1}, 1, began - 10)
    elapsed = time.time() - began + 10
    assert FAILURE not in measured, measured
    assert measured["steps"] == 3 and tuple(measured["seconds"]) == PARTS
    assert Training.preview is preview
    seconds = measured["seconds"]
    assert seconds["trial"] == 0 and min(seconds[part] for part in PARTS if part != "trial") > 0
    assert seconds["start"] > 10 and sum(seconds.values()) == pytest.approx(elapsed, abs=2.0)
    assert all(measured["cpu_seconds"][part] <= seconds[part] + 0.5 for part in PARTS if part != "start")
    report = Report("whole")
    table = report.table("x", "base", "method", "steps", *PARTS, "all")
    whole.add_row(table, "tiny", "Textual Inversion", measured)
    cells = table.rows[0]
    assert cells[:3] == ("tiny", "Textual Inversion", "3") and len(cells) == len(PARTS) + 4
    total = f"{sum(measured['cpu_seconds'].values()):,.1f} ({sum(seconds.values()):,.1f})"
    assert cells[-1] == total


def test_a_training_that_fails_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*given: Any, **named: Any) -> Iterator[Any]:
        yield Step(1, 3, VALUES)
        raise StudioError("The loss was no longer a number.", "Train again.")

    monkeypatch.setattr(whole, "train", failing)
    measured = measure("tiny", "textual_inversion", {"steps": 3}, 1, time.time())
    assert measured == {FAILURE: "failed: The loss was no longer a number."}
    table = Report("whole").table("x", "base", "method", "steps", *PARTS, "all")
    whole.add_row(table, "tiny", "Textual Inversion", measured)
    assert table.rows[0][3] == measured[FAILURE] and len(table.rows[0]) == len(table.columns)
