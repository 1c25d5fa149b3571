"""Names that a console cannot show are printed as escapes, by every command; what is pasted is quoted."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

import launch
from studio import __main__ as painting
from studio import output
from studio.errors import StudioError
from studio.launcher import installation
from tests import __main__ as testing
from trainers import __main__ as training


def printed(run: Callable[[], int]) -> str:
    """What a command that ends with status 2 prints on consoles that know Western letters only."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding="cp1252", write_through=True) for _ in range(2)]
    with redirect_stdout(streams[0]), redirect_stderr(streams[1]):
        assert run() == 2
    return "".join(stream.buffer.getvalue().decode("cp1252") for stream in streams)  # type: ignore[attr-defined]


def test_painting(tmp_path: Path) -> None:
    arguments = ["again", str(tmp_path / "子犬.png"), "--workspace", str(tmp_path / "猫")]
    assert "\\u5b50\\u72ac.png is not a picture" in printed(lambda: painting.main(arguments))


def test_training(tmp_path: Path) -> None:
    (tmp_path / "子犬\udcff.jpg").write_text("no photo")
    names = ["--name", "lily", "--noun", "dog", "--workspace", str(tmp_path / "w")]
    said = printed(lambda: training.main(["textual_inversion", str(tmp_path), *names]))
    assert "\\u5b50\\u72ac\\udcff.jpg is left out" in said


def test_opening(tmp_path: Path) -> None:
    assert "\\u5b50\\u72ac" in printed(lambda: launch.main(["--segmenter", str(tmp_path / "子犬")]))


def test_testing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(testing, "chromium_or_none", lambda: print("子犬"))
    assert "\\u5b50\\u72ac" in printed(lambda: testing.main([]))


def test_what_to_try_by_hand_can_be_pasted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "no ensurepip")
    monkeypatch.setattr(installation, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(installation.subprocess, "run", lambda *_, **__: failed)
    monkeypatch.setattr(sys, "_base_executable", "/my programs/python")
    with pytest.raises(StudioError, match="no ensurepip") as caught:
        installation.make()
    quoted = output.command_line(["/my programs/python"])
    assert quoted[0] in "'\"" and f"whether {quoted} -m venv works" in caught.value.hint
