"""The command check-base hands everything after it to the trainers."""

from __future__ import annotations

import subprocess
import sys

import pytest

import launch


def test_a_base_is_checked_by_the_trainers_with_every_flag(monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    monkeypatch.setattr(launch, "is_installed", lambda extras: True)
    monkeypatch.setattr(subprocess, "call", lambda command, **rest: called.append(command) or 1)
    assert launch.main(["check-base", "some/model", "--device", "cuda", "--steps", "8"]) == 1
    flags = ["-m", "trainers", "check-base", "some/model", "--device", "cuda", "--steps", "8"]
    assert called == [[sys.executable, *flags]]
