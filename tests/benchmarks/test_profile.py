"""`profile`: operators of a real step, and tables that lose nothing."""

from __future__ import annotations

import pytest
import torch

from tests import tiny
from tests.benchmarks.operators import ALL, OTHERS, operators, profiler, side_by_side
from tests.benchmarks.profile import ours


def test_calls_and_times_are_of_one_step() -> None:
    matrix = torch.ones(200, 200)
    with profiler() as profile:
        for _ in range(6):
            matrix @ matrix
    rows = {row["operator"]: row for row in operators(profile, 3)}
    assert rows["aten::mm"]["calls"] == 2 and 0 < rows["aten::mm"]["ms"] < 1000


def test_the_slowest_of_any_profile_come_first_and_the_rest_is_summed() -> None:
    def rows(**spent: float) -> list[dict[str, object]]:
        return [{"operator": name, "ms": ms, "calls": 1} for name, ms in spent.items()]

    table = side_by_side({"ours": rows(a=5, b=3, c=1), "theirs": rows(d=9, b=2, c=1.5)}, 2)
    assert table == {
        "d": {"ours": 0.0, "theirs": 9.0},
        "a": {"ours": 5.0, "theirs": 0.0},
        OTHERS: {"ours": 4.0, "theirs": 3.5},
        ALL: {"ours": 9.0, "theirs": 12.5},
    }


def test_a_step_of_a_method_is_profiled() -> None:
    rows = ours(tiny.backbone(), "textual_inversion", 1, 1, 1)
    names = [row["operator"] for row in rows]
    assert "Optimizer.step#AdamW.step" in names and any("conv2d" in name for name in names)
    assert [row["ms"] for row in rows] == sorted((row["ms"] for row in rows), reverse=True)
    optimizer = next(row for row in rows if row["operator"] == "Optimizer.step#AdamW.step")
    assert optimizer["calls"] == pytest.approx(1)
