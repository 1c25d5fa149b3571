"""How a base fits the device travels: from a flag to the worker, and from the worker to the page."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
import torch

import launch
import trainers.__main__ as training
from studio.commands.base_flags import add_base_flags, open_base
from studio.errors import StudioError
from studio.models import opening
from studio.models.memory_plan import Measure, MemoryPlan
from studio.models.settling import settle
from studio.starter import STARTER
from studio.ui.app import page_header
from studio.ui.base_picker import base_list
from studio.worker import process
from studio.worker.worker import Worker
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests import tiny
from trainers.benchmarks.base_check import device_of

WORDS = "the text encoder waits in the computer's memory"


def test_the_worker_is_started_with_the_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = launch.worker_command(Workspace(tmp_path, memory="least"))
    assert command[command.index("--memory") + 1] == "least"
    seen: list[Workspace] = []
    monkeypatch.setattr(process, "work", lambda workspace, *others: seen.append(workspace))
    launch.work(launch.parser().parse_args(command[2:]))
    assert seen[0].memory == "least"
    assert launch.worker_command(Workspace(tmp_path))[-2:] == ["--memory", "auto"]


def test_the_worker_opens_the_base_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def opened(base: str, **options: str) -> None:
        asked.append(options["memory"])
        assert options["cache"] == tmp_path / "cache"  # where the hash of a checkpoint is remembered
        raise StudioError("There is no base.", "Try another.")

    monkeypatch.setattr(opening, "open_backbone", opened)
    monkeypatch.setattr(process, "exit_with_parent", lambda seconds: None)
    with pytest.raises(SystemExit):
        process.work(Workspace(tmp_path, memory="least"), {}, lambda *_: iter(()))
    assert asked == ["least"]


@pytest.mark.parametrize("measures", [(), (Measure.TEXT_WAITS,)])
def test_the_page_says_it_where_the_base_is_named(tmp_path: Path, measures: tuple[Measure, ...]) -> None:
    workspace, backbone = Workspace(tmp_path), tiny.backbone()
    backbone.memory_plan = MemoryPlan(measures)
    Worker(workspace, backbone, {}, lambda *_: iter(())).write_state("ready")
    assert workspace.worker_state().base["memory"] == (WORDS if measures else "")
    header, listed = page_header(workspace), base_list(workspace, ())
    escaped = WORDS.replace("'", "&#x27;")
    assert ("Ready · tiny-0 on CPU, saving memory" in header) == bool(measures)
    assert (f"Choose the base model. To fit the device: {escaped}" in header) == bool(measures)
    assert (escaped in listed) == bool(measures) and "fits as it is" not in header + listed
    workspace.write_worker_state(WorkerState("ready", {"name": "older"}))  # of a worker that says nothing
    assert "Ready · older on <" in page_header(workspace).replace("</span>", "<")


def flags(*given: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_base_flags(parser)
    return parser.parse_args(given)


def test_commands_say_it_in_a_line_unless_it_fits(capsys: pytest.CaptureFixture[str]) -> None:
    assert open_base(flags("--base", str(STARTER))).memory_plan.is_trivial
    assert capsys.readouterr().out == ""
    plan = open_base(flags("--base", str(STARTER), "--memory", "least")).memory_plan
    assert plan.measures == tuple(Measure)
    assert capsys.readouterr().out == f"To fit the device: {plan.words}.\n"


def test_a_choice_that_there_is_not_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(StudioError, match="invalid choice: 'most'"):
        launch.parser().parse_args(["--memory", "most"])
    with pytest.raises(SystemExit):
        training.main(["check-base", "some/model", "--memory", "most"])
    assert "invalid choice: 'most'" in capsys.readouterr().err


def test_a_checked_base_says_it_beside_its_device() -> None:
    backbone = tiny.backbone()
    assert device_of(backbone) == "CPU, float32"
    settle(backbone, torch.device("cpu"), "least")
    assert device_of(backbone) == f"CPU, float32; {backbone.memory_plan.words}"
