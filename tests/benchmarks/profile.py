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

import torch

from studio.errors import StudioError
from studio.models.backbone import Backbone
from tests.benchmarks.against import COUNTERPARTS, script_in, theirs
from tests.benchmarks.alone import FAILURE
from tests.benchmarks.bases import BASES, folder_of, open_base
from tests.benchmarks.operators import ALL, operators, profiler, side_by_side
from tests.benchmarks.report import Report
from tests.benchmarks.step_case import Steps, prepared

OURS, THEIRS = "ours", "diffusers' script"


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("--shapes", default="starter", metavar="BASE", help=", ".join(BASES))
    parser.add_argument("--methods", nargs="+", choices=list(COUNTERPARTS), default=list(COUNTERPARTS))
    parser.add_argument("--batch", type=int, default=1, metavar="N")
    parser.add_argument("--steps", type=int, default=8, help="under the profiler (default: 8)")
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


def add_table(report: Report, title: str, profiles: dict[str, list[dict[str, Any]]], most: int) -> None:
    """Add a table of the slowest operators, a column of milliseconds and shares for each profile."""
    table = report.table(title, "operator", *(f"{name}, ms a step" for name in profiles))
    rows = side_by_side(profiles, most)
    for operator, spent in rows.items():
        table.add(operator, *(f"{ms:.1f} ({ms / rows[ALL][name]:.0%})" for name, ms in spent.items()))


def run(given: argparse.Namespace, report: Report) -> None:
    """Profile and add the tables."""
    backbone = open_base(given.shapes)
    for method in given.methods:
        profiles = {OURS: ours(backbone, method, given.batch, given.warm_up, given.steps)}
        if given.against:
            profiles[THEIRS] = of_script(given, method, backbone.resolution)
        for name, rows in profiles.items():
            report.note(base=given.shapes, method=method, batch=given.batch, by=name, operators=rows)
        add_table(report, f"{given.shapes}, {method}, batch {given.batch}", profiles, given.rows)


def of_script(given: argparse.Namespace, method: str, pixels: int) -> list[dict[str, Any]]:
    """Profile steps of diffusers' script; returns its operators. Raises StudioError when it fails."""
    script = script_in(given.against, COUNTERPARTS[method].script)
    options = {"batch": given.batch, "warm_up": given.warm_up, "timed": given.steps}
    options |= {"precision": "bf16" if torch.cuda.is_available() else "no", "flush": False, "profile": True}
    with tempfile.TemporaryDirectory() as name:
        base = folder_of(given.shapes, Path(name) / "base")
        done = theirs(COUNTERPARTS[method], script, base, Path(name), pixels, options)
    if FAILURE in done:
        raise StudioError(f"{script.name} failed: {done[FAILURE]}", "Run it by itself.")
    return done["operators"]
