"""Everything runs with its tensors on another device than the CPU, and rarely waits for it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from studio.recipes.recipe import MODES
from trainers import METHODS

# a preview is painted between two bursts, looked at, and what it shows is copied: it waits in any case
PREVIEWED = ("decode", "cells_and_errors", "_file_tensors")
KINDS = ("textual_inversion", "dreambooth", "perfusion")  # every kind of edit that a file keeps
ROOT = Path(__file__).resolve().parents[2]
TRAININGS = [f"train {method} <lily>" for method in METHODS]
PAINTINGS = [
    *(f"paint {method}" for method in METHODS),
    *(f"paint {method} and dreambooth in {mode}" for method in KINDS for mode in MODES),
    "paint perfusion with a global lock",
    "paint in regions with both boxes",
    "paint in regions with one box",
]
TUNINGS = [f"paint {method} with its words tuned" for method in KINDS]


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Run all scenarios in a process of their own: the pretend device changes torch for good."""
    command = [sys.executable, "-m", "tests.devices.run", str(tmp_path_factory.mktemp("devices"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("scenario", [*TRAININGS, *PAINTINGS, *TUNINGS, "score"])
def test_runs_and_mixes_no_devices(scenario: str, reports: dict[str, dict[str, Any]]) -> None:
    assert reports[scenario]["error"] == ""
    assert reports[scenario]["mixed"] == []


@pytest.mark.parametrize("scenario", TRAININGS)
def test_a_burst_of_steps_waits_once(scenario: str, reports: dict[str, dict[str, Any]]) -> None:
    report = reports[scenario]
    waits = {
        where: count for where, count in report["waits"].items() if not any(one in where for one in PREVIEWED)
    }
    assert report["steps"] == 2 and sum(waits.values()) == report["steps"], waits  # bursts of one step


@pytest.mark.parametrize("scenario", PAINTINGS)
def test_sampling_never_waits(scenario: str, reports: dict[str, dict[str, Any]]) -> None:
    waits = {
        w: n for w, n in reports[scenario]["waits"].items() if "assign_regions" not in w
    }  # once a picture
    assert reports[scenario]["steps"] == 2 and waits == {}
