"""`painting`: everything is painted in turn; shares against a count by hand; the command on the tiny base."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from tests.benchmarks import painting
from tests.benchmarks.painting import BARE, Painted, in_turn, median_step, share_of_bare
from tests.benchmarks.report import Report
from tests.benchmarks.spread import Taken


def flags(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    painting.add_flags(parser)
    return parser.parse_args(arguments)


def test_rounds_paint_everything_in_turn_until_the_time_is_over() -> None:
    order: list[str] = []
    took = Painted(Taken(1.0, 1.0), 0.1)
    paintings = {name: lambda name=name: order.append(name) or took for name in "ab"}
    assert len(in_turn(paintings, 3, 60.0)) == 3
    assert order == ["a", "b"] * 3
    assert len(in_turn(paintings, 3, -1.0)) == 1


def test_a_share_is_the_median_of_the_rounds_quotients() -> None:
    def round_of(bare: float, one: float) -> dict[str, Painted]:
        return {BARE: Painted(Taken(9.0, bare), 0.1), "1": Painted(Taken(9.0, one), 0.1)}

    rounds = [round_of(1.0, 2.0), round_of(2.0, 2.0), round_of(4.0, 6.0)]
    assert share_of_bare(rounds, "1") == 1.5 and share_of_bare(rounds, BARE) == 1.0
    assert share_of_bare([{"1": rounds[0]["1"]}], "1") is None


def test_the_first_step_tells_no_time() -> None:
    assert median_step([5.0, 6.0, 8.0, 11.0]) == 2.0


def test_the_command_paints_bare_diffusers_and_every_number_in_every_mode(tmp_path: Path) -> None:
    report = Report("painting", tmp_path / "painting.json")
    chosen = ("--concepts", "1", "2", "--modes", "sum", "regions", "--steps", "3", "--rounds", "1")
    painting.run(flags("--shapes", "tiny", *chosen), report)
    written = json.loads((tmp_path / "painting.json").read_text())["measured"]
    names = [BARE, "none", "1", "2, sum", "2, regions"]
    assert [case["concepts"] for case in written] == names
    assert all(case["seconds"]["median"] >= case["cpu_seconds"]["median"] * 0.9 > 0 for case in written)
    assert all(2 * case["step_ms"]["median"] < 1000 * case["seconds"]["median"] for case in written)
    assert written[0]["share"] == 1.0
    cells = [row[1] for row in report.tables[0].rows]
    assert cells == names and report.tables[0].rows[0][4] == "100 %"


def test_too_few_steps_tell_no_time() -> None:
    with pytest.raises(SystemExit, match="3 or more"):
        painting.run(flags("--steps", "2"), Report("painting"))
