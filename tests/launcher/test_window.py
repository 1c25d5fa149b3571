"""`launch.py --window`: a browser's app mode where there is one, else a sentence and the usual browser."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import launch
from studio.errors import StudioError
from studio.launcher import window
from tests.launcher.served import served

ADDRESS = "http://127.0.0.1:7860"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="the made-up browsers are shell scripts")


@pytest.fixture
def browsers(tmp_path, monkeypatch):
    """Let nothing but the made-up browsers of a folder be found; returns it."""
    folder = tmp_path / "programs"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(window.sys, "platform", "linux")
    return folder


@pytest.fixture
def usual(monkeypatch):
    """Returns the addresses that the usual browser is asked for."""
    asked = []
    monkeypatch.setattr(window.webbrowser, "open", asked.append)
    return asked


def add_browser(folder: Path, name: str, end: str = "exec /bin/sleep 5") -> Path:
    """Put a browser into a folder that writes down how it was started; returns that file."""
    said = folder / f"{name}.txt"
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "$@" > "{said}.part"\n/bin/mv "{said}.part" "{said}"\n{end}\n')
    program.chmod(0o755)
    return said


def words(said: Path) -> str:
    """Wait until a browser was started, and return with what."""
    until = time.monotonic() + 30
    while not said.exists():
        assert time.monotonic() < until, "it was not started"
        time.sleep(0.05)
    return said.read_text().strip()


@pytest.mark.parametrize("name", ["chromium", "google-chrome", "microsoft-edge", "brave-browser"])
def test_each_of_these_browsers_opens_a_window_of_its_own(name, browsers, usual, monkeypatch) -> None:
    monkeypatch.setattr(window, "WAIT_SECONDS", 0.2)
    said = add_browser(browsers, name)
    window.open_window(ADDRESS)
    assert words(said) == f"--app={ADDRESS}" and usual == []


def test_one_that_hands_over_to_a_running_browser_has_opened_it(browsers, usual) -> None:
    add_browser(browsers, "chromium", "exit 0")
    window.open_window(ADDRESS)
    assert usual == []


def test_without_such_a_browser_it_is_said_and_the_usual_one_opens(browsers, usual, capsys) -> None:
    window.open_window(ADDRESS)
    assert capsys.readouterr().out == f"{window.NONE_FOUND} {window.USUAL}\n" and usual == [ADDRESS]


def test_one_that_cannot_start_is_named_and_the_usual_one_opens(browsers, usual, capsys) -> None:
    add_browser(browsers, "chromium", "exit 1")
    window.open_window(ADDRESS)
    assert capsys.readouterr().out == f"chromium does not open a window. {window.USUAL}\n"
    assert usual == [ADDRESS]


def test_the_launcher_passes_the_address_of_the_page(tmp_path) -> None:
    said = add_browser(tmp_path, "chromium")
    environment = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "DISPLAY": ":99"}
    with served(tmp_path, "--window", environment=environment, opens=True) as port:
        assert words(said) == f"--app=http://127.0.0.1:{port}"


def test_a_window_that_is_not_to_be_opened_is_refused(tmp_path) -> None:
    flags = ["--window", "--no-browser", "--workspace", str(tmp_path)]
    with pytest.raises(StudioError, match="--no-browser"):
        launch.check_flags(launch.parser().parse_args(flags))
