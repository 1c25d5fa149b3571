"""Where the time of a training step goes, by operator of torch: ours, and diffusers' example scripts.

    python -m tests.benchmarks profile --threads 1
    python -m tests.benchmarks profile --threads 1 --against DIFFUSERS/examples

Settings are those of `steps --against`, so that both do the same. The profiler itself takes time: a step is
slower under it than in `steps`.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from studio.models.backbone import Backbone
from tests.benchmarks.against import COUNTERPARTS, script_in, theirs
from tests.benchmarks.alone import FAILURE
from tests.benchmarks.bases import BASES, folder_of, open_base
from tests.benchmarks.operators import operators, profiler, shares
from tests.benchmarks.report import Report
from tests.benchmarks.step_case import Steps, prepared

COLUMNS = ("operator", "ms a step", "share", "calls a step")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("--shapes", default="starter", metavar="BASE", help=", ".join(BASES))
    parser.add_argument("--methods", nargs="+", choices=list(COUNTERPARTS), default=list(COUNTERPARTS))
    parser.add_argument("--batch", type=int, default=1, metavar="N")
    parser.add_argument("--steps", type=int, default=4, help="under the profiler (default: 4)")
    parser.add_argument("--warm-up", type=int, default=3, help="steps before them (default: 3)")
    parser.add_argument("--rows", type=int, default=12, help="of each table (default: 12)")
    parser.add_argument("--against", type=Path, metavar="DIR", help="diffusers' examples")


def ours(backbone: Backbone, method: str, batch: int, warm_up: int, timed: int) -> list[dict[str, Any]]:
    """Profile steps of a method; returns its operators."""
    steps = Steps(warm_up, timed, 0.0)
    optimization = prepared(method, backbone, batch, 1, steps, COUNTERPARTS[method].settings)
    optimization.breaks |= {warm_up}
    events = optimization.run()
    for _ in range(warm_up):
        next(events)
    with profiler() as profile:
        while optimization.done < warm_up + timed:
            next(events)
        done = optimization.done - warm_up  # whole bursts
    events.close()
    return operators(profile, done)


def add_table(report: Report, title: str, rows: list[dict[str, Any]], most: int) -> None:
    """Add a table of the slowest operators."""
    table = report.table(title, *COLUMNS)
    calls = {row["operator"]: row["calls"] for row in rows}
    for name, (ms, share) in shares(rows, most).items():
        count = calls.get(name)
        table.add(name, f"{ms:.1f}", f"{100 * share:.0f} %", f"{count:.0f}" if count else "")


def run(given: argparse.Namespace, report: Report) -> None:
    """Profile and add the tables."""
    backbone = open_base(given.shapes)
    for method in given.methods:
        rows = ours(backbone, method, given.batch, given.warm_up, given.steps)
        report.note(base=given.shapes, method=method, batch=given.batch, by="ours", operators=rows)
        add_table(report, f"{method}, batch {given.batch}, ours", rows, given.rows)
        if given.against:
            counterpart = COUNTERPARTS[method]
            script = script_in(given.against, counterpart.script)
            with tempfile.TemporaryDirectory() as name:
                base = folder_of(given.shapes, Path(name) / "base")
                options = {"batch": given.batch, "warm_up": given.warm_up, "timed": given.steps}
                options |= {"precision": "no", "flush": False, "profile": True}
                other = theirs(counterpart, script, base, Path(name), backbone.resolution, options)
            if FAILURE in other:
                raise SystemExit(other[FAILURE])
            rows = other["operators"]
            report.note(base=given.shapes, method=method, batch=given.batch, by="theirs", operators=rows)
            add_table(report, f"{method}, batch {given.batch}, diffusers' script", rows, given.rows)
