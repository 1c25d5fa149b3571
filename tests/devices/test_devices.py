"""Everything runs with its tensors on another device than the CPU, and rarely waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from studio.recipes.recipe import MODES
from trainers import METHODS

# a preview is painted between two bursts, looked at, and what it shows is copied: it waits in any case
PREVIEWED = ("decode", "cells_and_errors", "_file_tensors")
KINDS = ("textual_inversion", "dreambooth", "perfusion")  # every kind of edit that a file keeps
ROOT = Path(__file__).resolve().parents[2]
OTHERS = [method for method in METHODS if method not in KINDS]
TRAININGS = [f"train {method} <lily>" for method in KINDS]
PAINTINGS = [
    *(f"paint {method}" for method in KINDS),
    *(f"paint {method} and dreambooth in {mode}" for method in KINDS for mode in MODES),
    "paint perfusion with a global lock",
    "paint in regions with both boxes",
    "paint in regions with one box",
]
TUNINGS = [f"paint {method} with its words tuned" for method in KINDS]
Reports = dict[str, dict[str, Any]]


def reports_of(folder: Path, methods: Sequence[str]) -> Reports:
    """Run everything in a process of its own: the pretend device changes torch for good."""
    command = [sys.executable, "-m", "tests.devices.run", str(folder), *methods]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return reports_of(tmp_path_factory.mktemp("devices"), KINDS)


@pytest.fixture(scope="module")
def other_reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return reports_of(tmp_path_factory.mktemp("devices"), OTHERS)


def check_devices(report: dict[str, Any]) -> None:
    assert report["error"] == ""
    assert report["mixed"] == []


def check_training(report: dict[str, Any]) -> None:
    """Check that a burst, here of one step, waits once."""
    waits = {
        where: count for where, count in report["waits"].items() if not any(one in where for one in PREVIEWED)
    }
    assert report["steps"] == 2 and sum(waits.values()) == report["steps"], waits


def check_painting(report: dict[str, Any]) -> None:
    """Check that sampling never waits; regions are assigned once a picture."""
    waits = {where: count for where, count in report["waits"].items() if "assign_regions" not in where}
    assert report["steps"] == 2 and waits == {}


@pytest.mark.parametrize("scenario", [*TRAININGS, *PAINTINGS, *TUNINGS, "score"])
def test_runs_and_mixes_no_devices(scenario: str, reports: Reports) -> None:
    check_devices(reports[scenario])


@pytest.mark.parametrize("scenario", TRAININGS)
def test_a_burst_of_steps_waits_once(scenario: str, reports: Reports) -> None:
    check_training(reports[scenario])


@pytest.mark.parametrize("scenario", PAINTINGS)
def test_sampling_never_waits(scenario: str, reports: Reports) -> None:
    check_painting(reports[scenario])


@pytest.mark.slow
@pytest.mark.parametrize("method", OTHERS)
def test_every_other_method_does_as_well(method: str, other_reports: Reports) -> None:
    training, painting = other_reports[f"train {method} <lily>"], other_reports[f"paint {method}"]
    check_devices(training)
    check_devices(painting)
    check_training(training)
    check_painting(painting)
