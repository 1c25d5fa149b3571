"""Every command that the README shows has the flags that it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import studio.__main__ as studio
import trainers.__main__ as trainers

README = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
PARSERS = {"studio": studio.flags, "trainers": trainers.flags}
LINES = re.findall(r"^python -m (studio|trainers) (.*)$", README, re.MULTILINE)


@pytest.mark.parametrize(("package", "line"), LINES, ids=[" ".join(line.split()[:4]) for _, line in LINES])
def test_a_command_is_understood(package: str, line: str) -> None:
    assert PARSERS[package]().parse_args(shlex.split(line, comments=True)).command


def test_there_are_some() -> None:
    assert len(LINES) > 20
