"""With every measure of the memory plan, parts move when they are used, and nothing else changes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from trainers import METHODS

ROOT = Path(__file__).resolve().parents[2]
FAMILIES = ("stable_diffusion", "stable_diffusion_xl", "z_image")
REFUSED = [("z_image", method) for method in ("perfusion", "disendiff")]
FEW = [("stable_diffusion_xl", "perfusion"), ("z_image", "perfusion")]
OTHERS = [(family, method) for family in FAMILIES for method in METHODS if (family, method) not in FEW]
HOST, DEVICE = "cpu", "npy"
RESTING = {"text": HOST, "denoiser": DEVICE, "vae": HOST}
PATHS = (
    "a text encoder tuned by low rank",
    "a word tuned while painting",
    "a text left out and a prompt of its own for the last steps",
)
OTHER_PATHS = ("a text encoder tuned fully",)


def reports_of(
    folder: Path, cases: Sequence[tuple[str, str]], paths: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Run everything in a process of its own: the pretend device changes torch for good."""
    named = [f"{family}-{method}" for family, method in cases]
    command = [sys.executable, "-m", "tests.devices.run_plan", str(folder), *named, *paths]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return reports_of(tmp_path_factory.mktemp("plan"), FEW, PATHS)


@pytest.fixture(scope="module")
def other_reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return reports_of(tmp_path_factory.mktemp("plan"), OTHERS, OTHER_PATHS)


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_are_on_the_device_while_they_are_used_and_not_longer(
    family: str, reports: dict[str, dict[str, Any]]
) -> None:
    report = reports[family]
    assert set(report["plain"].values()) == {DEVICE}
    assert report["seen"] == {
        "reading": {"text": DEVICE, "denoiser": HOST, "vae": HOST},
        "predicting": RESTING,
        "decoding": RESTING | {"vae": DEVICE},
        "encoding": RESTING | {"vae": DEVICE},
    }
    for moment in ("before", "after", "released", "after gradients", "after an error"):
        assert report[moment] == RESTING, moment


@pytest.mark.parametrize("family", FAMILIES)
def test_a_part_that_is_held_stays(family: str, reports: dict[str, dict[str, Any]]) -> None:
    assert reports[family]["held"] == {"text": DEVICE, "denoiser": HOST, "vae": HOST}
    assert reports[family]["held and predicting"] == {"text": DEVICE, "denoiser": DEVICE, "vae": HOST}


@pytest.mark.parametrize("family", FAMILIES)
def test_moving_changes_no_bit_of_a_picture_or_a_gradient(
    family: str, reports: dict[str, dict[str, Any]]
) -> None:
    report = reports[family]
    assert report["same picture"] and report["gradients"] and report["gradients held"]
    assert report["mixed"] == []


@pytest.mark.parametrize(("family", "method"), FEW)
def test_a_method_trains_saves_opens_and_paints(
    family: str, method: str, reports: dict[str, dict[str, Any]]
) -> None:
    check_method(family, method, reports)


@pytest.mark.slow
@pytest.mark.parametrize(("family", "method"), OTHERS)
def test_every_other_method_trains_saves_opens_and_paints(
    family: str, method: str, other_reports: dict[str, dict[str, Any]]
) -> None:
    check_method(family, method, other_reports)


def check_method(family: str, method: str, reports: dict[str, dict[str, Any]]) -> None:
    report = reports[family]["methods"][method]
    if (family, method) in REFUSED:
        assert report["refused"]
        return
    assert report["error"] == "" and report["mixed"] == []
    assert report["painted"] and report["after"] == RESTING
    assert report["learning"] == {"text": DEVICE, "denoiser": DEVICE, "vae": HOST}  # at every step


@pytest.mark.parametrize("path", PATHS)
def test_what_learns_through_the_text_encoder_works(path: str, reports: dict[str, dict[str, Any]]) -> None:
    check_path(path, reports)


@pytest.mark.slow
@pytest.mark.parametrize("path", OTHER_PATHS)
def test_other_ways_through_the_text_encoder_work(
    path: str, other_reports: dict[str, dict[str, Any]]
) -> None:
    check_path(path, other_reports)


def check_path(path: str, reports: dict[str, dict[str, Any]]) -> None:
    report = reports["paths"][path]
    assert report["error"] == "" and report["mixed"] == []
    assert report["painted"] and report["after"] == RESTING
