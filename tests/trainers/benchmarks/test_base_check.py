"""Checking a base: a table of what each method did on it, and what failed in words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.errors import StudioError
from studio.events import Result
from studio.models import opening
from studio.models.backbone import Backbone
from studio.recipes.recipe import Sampling
from tests import tiny, tiny_z_image
from trainers import METHODS
from trainers.__main__ import main
from trainers.benchmarks import base_check
from trainers.benchmarks.base_check import BaseCheck, check_base

pytestmark = pytest.mark.usefixtures("short_verdict", "one_preview")

SAMPLING = Sampling(seed=0, steps=2)


def checked(backbone: Backbone, cache: Path, *names: str) -> BaseCheck:
    chosen = {name: METHODS[name] for name in names or METHODS}
    *_, last = check_base(backbone, chosen, 2, SAMPLING, cache)
    assert isinstance(last, Result)
    return last.value


@pytest.mark.slow
def test_every_method_trains_is_saved_opened_and_painted(tmp_path: Path) -> None:
    report = checked(tiny.backbone(), tmp_path)
    assert report.works
    assert [one.title for one in report.methods] == [method.title for method in METHODS.values()]
    for one in report.methods:
        assert one.step_seconds > 0 and one.peak_bytes > 1e6 and one.file_bytes > 1000
    assert set(report.seconds) == {"without a concept", "with a concept", "with two concepts in regions"}
    rows = [line for line in report.table.splitlines() if "| yes |" in line]
    assert len(rows) == len(METHODS)
    assert re.search(r"\| DreamBooth \| yes \| [\d.]+ s \| [\d.]+ GB \| \d+ kB \|", report.table)
    assert report.table.startswith("tiny-0 (stable_diffusion ")


def test_methods_that_have_no_meaning_on_a_transformer_are_rows_with_the_reason(tmp_path: Path) -> None:
    report = checked(tiny_z_image.backbone(), tmp_path, "perfusion", "disendiff", "neti", "textual_inversion")
    assert report.works
    reasons = {one.title: one.refusal for one in report.methods}
    assert len(reasons) == 4 and {title for title, reason in reasons.items() if reason} == {
        "Perfusion",
        "DisenDiff",
        "NeTI",
    }
    assert "| Perfusion | not on this base: no layer of it reads the prompt alone | | | |" in report.table


def test_a_base_that_predicts_no_numbers_fails_by_method_and_by_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backbone = tiny.backbone()
    predict = backbone.predict
    monkeypatch.setattr(backbone, "predict", lambda *arguments: predict(*arguments) * torch.nan)
    report = checked(backbone, tmp_path, "textual_inversion")
    assert not report.works
    assert "no number" in report.methods[0].failure and "no numbers" in report.failures["without a concept"]
    assert f"| Textual Inversion | {report.methods[0].failure}" in report.table


def test_a_method_that_does_not_work_there_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(METHODS["perfusion"], "works_on", classmethod(lambda method, base: "no keys"))
    report = checked(tiny.backbone(), tmp_path, "perfusion")
    assert report.works  # it says so, which is no failure
    assert "| Perfusion | not on this base: no keys | | | |" in report.table


def test_a_concept_that_changes_nothing_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_check, "_paint", lambda *_: Image.new("RGB", (8, 8)))
    report = checked(tiny.backbone(), tmp_path, "textual_inversion")
    assert report.methods[0].failure == "The picture does not change with the concept."


def test_the_command_prints_the_table_and_its_exit_code_says_whether_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[tuple[object, ...]] = []

    def opened(base: str, device: str | None = None, prediction: str = "", memory: str = "") -> Backbone:
        asked.append((base, device, prediction, memory))
        return tiny.backbone()

    monkeypatch.setattr(opening, "open_backbone", opened)
    command = ["check-base", "some/model", "--steps", "2", "--sampling-steps", "2", "--prediction", "epsilon"]
    command += ["--memory", "least"]
    assert main([*command, "--methods", "textual_inversion"]) == 0
    assert asked == [("some/model", None, "epsilon", "least")]
    assert "| Textual Inversion | yes |" in capsys.readouterr().out
    monkeypatch.setattr(METHODS["textual_inversion"], "loss", lambda self, batch: _fail())
    assert main([*command, "--methods", "textual_inversion"]) == 1
    assert "| Textual Inversion | The loss fell out. |" in capsys.readouterr().out


def _fail() -> None:
    raise StudioError("The loss fell out.")


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [(["--methods", "lora"], "There is no method called 'lora'."), (["--steps", "1"], "cannot be timed")],
)
def test_wrong_flags_are_said_before_anything_is_loaded(
    flags: list[str], sentence: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda *_, **__: pytest.fail("too late"))
    assert main(["check-base", "x", *flags]) == 2
    assert sentence in capsys.readouterr().err
