"""`steps`: bursts and warm-up against a clock of our own, and the whole command on the tiny base."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.benchmarks import step_case, steps
from tests.benchmarks.alone import FAILURE
from tests.benchmarks.report import Report
from tests.benchmarks.spread import Taken
from tests.benchmarks.step_case import Steps, measure, photos_for, settings_for, time_stage
from trainers import METHODS


def flags(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    steps.add_flags(parser)
    return parser.parse_args(arguments)


def in_process(module: str, arguments: Mapping[str, Any], memory: float | None) -> dict[str, Any]:
    if arguments["method"] == "break_a_scene" and arguments["batch"] == 2:
        return {FAILURE: f"does not fit: {memory} GB are free"}
    return measure(**arguments)


class Loop:
    """Stands for the optimisation: bursts of 1, 2, 4 ... steps that end at breaks; step k takes k seconds."""

    def __init__(self) -> None:
        self.breaks: set[int] = set()
        self.done, self.clock = 0, 0.0

    def skip_to(self, step: int) -> None:
        self.done = step

    def run(self) -> Iterator[int]:
        burst = 1
        while True:
            ends = [self.done + burst, *(step for step in self.breaks if step > self.done)]
            first, self.done = self.done, min(ends)
            self.clock += sum(range(first + 1, self.done + 1))
            yield from range(first + 1, self.done + 1)
            burst *= 2


@pytest.mark.parametrize(("first", "wanted"), [(0, [4, 6.5, 8]), (100, [104, 106.5, 108])])
def test_a_burst_is_shared_out_over_its_steps_and_the_warm_up_left_out(
    first: int, wanted: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    monkeypatch.setattr(Taken, "now", lambda: Taken(loop.clock, 2 * loop.clock))
    taken = time_stage(loop, first, Steps(warm_up=3, timed=5, seconds=60))
    bursts = [[4, 5, 6, 7], [8]]  # after 1, 2-3: a burst of 4, then one as far as the last step
    assert [each.wall for each in taken] == [first + sum(burst) / len(burst) for burst in bursts]
    assert [each.cpu for each in taken] == [2 * each.wall for each in taken]


def test_no_step_is_timed_after_its_time_but_one_in_any_case(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = Loop()
    monkeypatch.setattr(Taken, "now", lambda: Taken(loop.clock, loop.clock))
    assert len(time_stage(loop, 0, Steps(warm_up=1, timed=1000, seconds=-1))) == 1


def test_settings_are_the_defaults_with_the_batch_of_the_case() -> None:
    values = settings_for(METHODS["dreambooth"], 7, Steps(2, 3, 1), {"rank": 2})
    defaults = METHODS["dreambooth"].card().parse({})
    changed = {name for name in values if values[name] != defaults[name]}
    assert changed == {"batch", "rank", "class_pictures", "class_steps", "backgrounds"}
    assert (values["batch"], values["rank"]) == (7, 2)
    assert settings_for(METHODS["iti_gen"], 1, Steps(10, 90, 1), {})["steps"] == 400


@pytest.mark.parametrize("method", ["dreambooth", "break_a_scene", "iti_gen"])
def test_photos_are_what_the_method_needs(method: str) -> None:
    photos = photos_for(METHODS[method], 1)
    needs = METHODS[method].needs
    assert len(photos) == needs.min_photos and set(photos.masks) == {step_case.SUBJECT.handle}
    assert len(set(photos.captions)) == (2 if needs.sorted else 0)


@pytest.mark.slow
def test_the_command_measures_every_stage_of_every_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(steps, "run_alone", in_process)
    methods = ("textual_inversion", "break_a_scene")
    sizes = ("--batch", "1", "2", "--steps", "2", "--warm-up", "1", "--photos", "1", "--memory", "9")
    report = Report("steps", tmp_path / "steps.json")
    steps.run(flags("--shapes", "tiny", "--methods", *methods, *sizes), report)
    written = json.loads((tmp_path / "steps.json").read_text())["measured"]
    assert [(case["method"], case["batch"]) for case in written] == [
        (method, batch) for method in methods for batch in (1, 2)
    ]
    cases = {(case["method"], case["batch"]): case for case in written}
    assert [stage["stage"] for stage in cases["break_a_scene", 1]["stages"]] == [
        "learning the words",
        "tuning the model",
    ]
    for case in written[:3]:
        assert case["pixels"] == 16 and case["base_gb"] > 0.1 and case["threads"] >= 1
        for stage in case["stages"]:
            assert len(stage["seconds"]) == len(stage["cpu_seconds"]) >= 1
            assert all(0 < value < 60 for value in (*stage["seconds"], *stage["cpu_seconds"]))
            assert -0.05 < stage["peak_gb"] < 1.0
    report.show()
    shown = capsys.readouterr().out
    assert "| Break-A-Scene, tuning the model" in shown
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in shown.splitlines()]
    assert ["tiny", "Break-A-Scene", "2", "does not fit: 9.0 GB are free", "", "", ""] in rows
    assert "How a step grows with the batch" in shown and shown.count("| Textual Inversion") == 3


def test_growth_is_the_quotient_of_medians_between_the_outer_batches() -> None:
    report = Report("steps")
    for batch, times in ((4, [0.03, 0.09, 0.06]), (1, [0.02, 0.03, 0.01]), (2, [5.0])):
        stage = {"stage": "learning the word", "cpu_seconds": times}
        report.note(base="tiny", method="textual_inversion", batch=batch, stages=[stage])
    report.note(base="tiny", method="cones", batch=1, failure="does not fit")
    steps.add_growth(report)
    assert report.tables[0].rows == [("tiny", "Textual Inversion", "1", "4", "20 to 60", "3.00")]
