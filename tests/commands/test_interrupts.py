"""Ctrl-C, SIGTERM and a killed process, without the page."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import trainers.__main__ as training
from studio.commands.interrupts import noticing_signals
from studio.edits.concept import Concept
from studio.models import opening
from tests import tiny
from tests.commands.test_headless import draw_photos, paint
from trainers import METHODS
from trainers.kit import kept_state
from trainers.kit.optimizing import Optimization

pytestmark = pytest.mark.usefixtures("short_verdict")


@pytest.fixture(autouse=True)
def _small_and_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "open_backbone", lambda base, **options: tiny.backbone())
    monkeypatch.setattr("trainers.kit.optimizing.MAX_BURST", 1)
    monkeypatch.setattr("trainers.kit.loop.PREVIEWS", 0)
    monkeypatch.setattr(kept_state, "SECONDS_BETWEEN", 0.0)
    monkeypatch.setattr(kept_state, "MAX_SHARE", 1e9)


@pytest.fixture
def at_loss(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[int, Callable[[], None]]], list[int]]:
    """Lets something happen while the loss is computed the n-th time; returns the numbers so far."""

    def arrange(happenings: dict[int, Callable[[], None]]) -> list[int]:
        method, calls = METHODS["textual_inversion"], []
        loss = method.loss

        def spied(this: Any, batch: Any) -> Any:
            calls.append(len(calls) + 1)
            happenings.get(calls[-1], lambda: None)()
            return loss(this, batch)

        monkeypatch.setattr(method, "loss", spied)
        return calls

    return arrange


def learn(folder: Path) -> int:
    photos = folder / "photos"
    if not photos.exists():
        draw_photos(photos)
    flags = ["--name", "lily", "--noun", "cat", "--steps", "6", "--batch", "1", "--workspace", str(folder)]
    return training.main(["textual_inversion", str(photos), *flags])


def press(number: signal.Signals) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_early_and_keeps_what_was_learned(
    number: signal.Signals, at_loss: Callable, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    at_loss({3: press(number)})
    before = signal.getsignal(number)
    assert learn(tmp_path) == 0
    said = capsys.readouterr()
    assert "Press Ctrl-C once more to stop at once." in said.err
    assert "Stopped after 3 steps" in said.out + said.err and "Saved as" in said.out
    assert Concept.open(tmp_path / "concepts" / "lily.safetensors").header.steps == 3
    assert signal.getsignal(number) is before


def test_the_second_stops_in_a_sentence(
    at_loss: Callable, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    def twice() -> None:
        press(signal.SIGINT)()
        press(signal.SIGINT)()

    at_loss({3: twice})
    assert learn(tmp_path) == 130
    said = capsys.readouterr()
    assert "Stopped." in said.err and "Traceback" not in said.err
    assert not list((tmp_path / "concepts").iterdir())


def test_the_same_command_goes_on_after_a_kill(
    at_loss: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    class Killed(BaseException):
        """As sudden as a kill, as far as the program is concerned."""

    def kill() -> None:
        raise Killed

    calls = at_loss({4: kill})
    with pytest.raises(Killed):
        learn(tmp_path)
    capsys.readouterr()
    done = []
    step = Optimization._step
    monkeypatch.setattr(
        Optimization, "_step", lambda this, stage: done.append(this.done) or step(this, stage)
    )
    assert learn(tmp_path) == 0
    said = capsys.readouterr()
    assert "It goes on from step 3 of 6." in said.out + said.err
    assert done == [3, 4, 5] and calls[:4] == [1, 2, 3, 4]
    assert not list((tmp_path / "cache" / "trainings").glob("*.safetensors"))
    assert Concept.open(tmp_path / "concepts" / "lily.safetensors").header.steps == 6


def test_ctrl_c_while_painting_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("studio.commands.paint.generate", interrupted)
    assert paint(tmp_path, "a cat") == 130
    assert capsys.readouterr().err.strip() == "Stopped. What was finished is kept."


@pytest.mark.parametrize("module", ["studio", "trainers"])
def test_ctrl_c_while_a_command_loads_is_a_word(module: str, tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text(
        "import os, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # ignored in the background of a shell
        "os.kill(os.getpid(), signal.SIGINT)\ntime.sleep(9)"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(training.__file__).parents[1])])
    command = [sys.executable, "-m", module, "--help"]
    ended = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, cwd=tmp_path, capture_output=True, text=True
    )
    assert ended.returncode in (130, -signal.SIGINT) and ended.stderr.strip() == "Stopped."


def test_a_signal_that_a_launcher_passes_on_is_the_first_once_more() -> None:
    with noticing_signals("Stopping.", repeats=60.0) as asked:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
        assert asked.is_set()
    with pytest.raises(KeyboardInterrupt), noticing_signals("Stopping."):
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
