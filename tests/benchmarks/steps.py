"""What a training step costs: milliseconds and memory, by method, base and batch.

    python -m tests.benchmarks steps --threads 1
    python -m tests.benchmarks steps --shapes sd-1.5 --methods dreambooth perfusion --batch 1 --steps 2

Settings are the methods' own defaults, the published recipes, with the batch of the row. Each case runs in a
process of its own; one that fails or does not fit is a row that says so.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from tests.benchmarks.alone import FAILURE, run_alone
from tests.benchmarks.bases import BASES
from tests.benchmarks.report import Report, Table, say
from tests.benchmarks.spread import CPU_TIMES, TIMES, milliseconds
from trainers import METHODS

COLUMNS = ("base", "method", "batch", "ms a step", "ms of processor", "GB at most", "steps timed")
GROWTH = ("base", "method", "smallest batch", "largest batch", "ms of processor", "times")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("--shapes", nargs="+", default=["starter"], metavar="BASE", help=", ".join(BASES))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS), metavar="ID")
    parser.add_argument("--batch", nargs="+", type=int, default=[1, 4], metavar="N", help="(default: 1 4)")
    parser.add_argument("--steps", type=int, default=12, help="that are timed (default: 12)")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before them (default: 3)")
    parser.add_argument("--seconds", type=float, default=120.0, help="no step of a stage is timed later")
    parser.add_argument("--photos", type=int, default=3, help="to learn from (default: 3)")
    parser.add_argument("--pixels", type=int, default=0, help="of a side, at real shapes (default: theirs)")
    parser.add_argument("--device", help="of torch (default: a GPU if there is one)")
    parser.add_argument("--dtype", default="", help="of the base, such as bfloat16 (default: the studio's)")
    parser.add_argument("--memory", type=float, metavar="GB", help="that a case may take (default: the free)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="compare with diffusers' examples there")
    parser.add_argument("--rounds", type=int, default=3, help="of --against, in turn (default: 3)")
    parser.add_argument("--plain", action="store_true", help="without what makes the studio faster")
    parser.add_argument("--flush", action="store_true", help="of --against: their denormal numbers too")


def run(given: argparse.Namespace, report: Report) -> None:
    """Measure all cases."""
    if given.against:
        from tests.benchmarks.against import compare

        compare(given, report)
        return
    table = report.table("A training step", *COLUMNS)
    for base, method, batch in product(given.shapes, given.methods, given.batch):
        say(f"{base}, {METHODS[method].title}, batch {batch}")
        measured = run_alone("step_case", arguments_of(given, base, method, batch), given.memory)
        report.note(base=base, method=method, batch=batch, **measured)
        add_rows(table, base, METHODS[method].title, batch, measured)
    if len(given.batch) > 1:
        add_growth(report)


def arguments_of(given: argparse.Namespace, base: str, method: str, batch: int) -> dict[str, Any]:
    """Return the arguments of `step_case.measure` for a case."""
    return {
        "base": base,
        "method": method,
        "batch": batch,
        "warm_up": given.warm_up,
        "timed": given.steps,
        "seconds": given.seconds,
        "photos": given.photos,
        "device": given.device,
        "pixels": given.pixels,
        "dtype": given.dtype,
        "plain": given.plain,
    }


def add_rows(table: Table, base: str, title: str, batch: int, measured: Mapping[str, Any]) -> None:
    """Add a row for each stage of a case, or one with the reason why there is none."""
    if FAILURE in measured:
        table.add(base, title, str(batch), measured[FAILURE])
        return
    stages = measured["stages"]
    for stage in stages:
        name = title if len(stages) == 1 else f"{title}, {stage['stage']}"
        parts = f"{batch} x {stage['batches']}" if stage["batches"] > 1 else str(batch)
        times = milliseconds(stage[TIMES]), milliseconds(stage[CPU_TIMES])
        table.add(base, name, parts, *times, f"{stage['peak_gb']:.2f}", str(len(stage[TIMES])))


def add_growth(report: Report) -> None:
    """Add a table of how a step grows from the smallest to the largest batch that was measured."""
    table = report.table("How a step grows with the batch", *GROWTH)
    by_case: dict[tuple[str, str, str], dict[int, float]] = {}
    for case in report.measured:
        for stage in case.get("stages", ()):
            key = case["base"], METHODS[case["method"]].title, stage["stage"]
            by_case.setdefault(key, {})[case["batch"]] = milliseconds(stage[CPU_TIMES]).median
    for (base, title, stage), times in by_case.items():
        least, most = min(times), max(times)
        if least < most:
            several = sum(key[:2] == (base, title) for key in by_case) > 1
            grown = f"{times[least]:,.0f} to {times[most]:,.0f}"
            name = f"{title}, {stage}" if several else title
            table.add(base, name, str(least), str(most), grown, f"{times[most] / times[least]:.2f}")
