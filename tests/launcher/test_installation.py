"""Setting up: when it is needed, what a person is told of it, and what is refused. Nothing is installed."""

from __future__ import annotations

import pytest

from studio.errors import StudioError
from studio.launcher import installation


@pytest.fixture
def venv(tmp_path):
    """Something that looks like a virtual environment."""
    python = installation.python_of(tmp_path / ".venv")
    python.parent.mkdir(parents=True)
    python.touch()
    return tmp_path / ".venv"


def test_set_up_is_planned_from_the_stamp(venv):
    finished = {"project": installation.environment_stamp(), "python": installation.PYTHON, "extras": []}
    assert installation.plan(venv, set()) == "install", "somebody's own environment is added to"
    installation.write_stamp(venv, {})
    assert installation.plan(venv, set()) == "make", "an interrupted set-up is done again"
    installation.write_stamp(venv, finished)
    assert installation.plan(venv, set()) == "nothing"
    assert installation.plan(venv, {"test"}) == "install"
    installation.write_stamp(venv, {**finished, "extras": ["test"]})
    assert installation.plan(venv, {"test"}) == installation.plan(venv, set()) == "nothing"
    installation.write_stamp(venv, {**finished, "project": "older"})
    assert installation.plan(venv, set()) == "install"
    installation.write_stamp(venv, {**finished, "python": "3.10"})
    assert installation.plan(venv, set()) == "make"
    installation.write_stamp(venv, finished)
    installation.python_of(venv).unlink()
    assert installation.plan(venv, set()) == "make"


def test_a_half_written_stamp_means_unfinished(venv):
    (venv / "likeness.json").write_text('{"project": "ab')
    assert installation.plan(venv, set()) == "make"


def test_the_stamp_is_left_only_by_a_set_up_that_finished(venv, monkeypatch, capsys):
    monkeypatch.setattr(installation, "VENV", venv)
    asked = []

    def fail(what, log, telling):
        asked.append(what)
        raise StudioError("The disk is full.")

    monkeypatch.setattr(installation, "install", fail)
    with pytest.raises(StudioError, match="disk is full"):
        installation.set_up({"test"})
    assert asked == [".[test]"] and installation.read_stamp(venv) == {}
    installation.write_stamp(venv, {"project": "older", "python": installation.PYTHON, "extras": ["test"]})
    monkeypatch.setattr(installation, "install", lambda what, log, telling: asked.append(what))
    installation.set_up(set())
    assert asked[-1] == ".[test]", "a newer project keeps what was asked for before"
    assert installation.plan(venv, {"test"}) == "nothing"


def test_an_environment_is_unfinished_from_its_first_moment(venv, monkeypatch):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(installation, "VENV", venv)
    monkeypatch.setattr(installation.subprocess, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        installation.make()
    assert installation.read_stamp(venv) == {} and not installation.python_of(venv).exists()


def test_too_small_a_disk_is_refused_before_anything_is_made(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(installation, "DISK_GIGABYTES", 1e9)
    with pytest.raises(StudioError, match="needs 1000000000 GB of disk"):
        installation.set_up(set())
    assert not (tmp_path / ".venv").exists()


def test_a_python_without_venv_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(installation, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(installation.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(StudioError, match="apt install python"):
        installation.set_up(set())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("  Downloading torch-2.15.0-cp311-manylinux_2_28_x86_64.whl (812.3 MB)", "torch 2.15.0 (812 MB)"),
        ("Using cached nvidia_nccl-2.30.7-py3-none-any.whl (366.1 MB)", "nvidia_nccl 2.30.7 (366 MB)"),
        ("  Downloading https://host/a/b/gradio-6.31.0-py3-none-any.whl (20.0 MB)", "gradio 6.31.0 (20 MB)"),
        ("  Downloading idna-3.20-py3-none-any.whl (71 kB)", None),
        ("  Downloading numpy-2.4.6-cp311.whl (9.9 MB)", None),
        ("Collecting torch>=2.8", None),
        ("WARNING: Retrying (Retry(total=4, connect=None))", "no answer from the package index yet"),
    ],
)
def test_only_what_a_person_wants_to_know_is_told(line, words):
    assert installation.news(line) == words


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("ERROR: Could not install: [Errno 28] No space left on device", "The disk is full."),
        ("WARNING: Retrying (Retry(total=0))\nERROR: No match", "The package index cannot be reached."),
        ("ERROR: something odd", "    ERROR: something odd"),
    ],
)
def test_a_failed_installation_is_explained(log, message, tmp_path):
    error = installation.diagnosis(log, tmp_path / "log")
    assert message in error.message and error.hint.endswith(".")


def test_pip_is_run_and_its_failure_told(tmp_path, monkeypatch, capsys):
    """A real process in the place of pip: large downloads are told, the rest goes to the log."""
    pip = tmp_path / "python"
    large = "Downloading torch-2.15.0-cp311.whl (812.3 MB)"
    lines = (large, "Installing collected packages: a, b", "oh no")
    pip.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines) + "exit 1\n")
    pip.chmod(0o755)
    monkeypatch.setattr(installation, "python_of", lambda venv: pip)
    monkeypatch.setattr(installation, "HERE", tmp_path)
    with pytest.raises(StudioError, match="oh no"):
        installation.install(".", tmp_path / "log", installation.SetupLog())
    told = capsys.readouterr().out
    assert "torch 2.15.0 (812 MB)" in told and "Unpacking 2 packages" in told and "oh no" not in told
