"""The list of findings names tests that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LIST = (ROOT / "tests" / "browser" / "FINDINGS.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", LIST)))


def test_every_finding_names_a_test() -> None:
    rows = [line for line in LIST.splitlines() if re.match(r"\| \d+ ", line)]
    assert [int(re.findall(r"\d+", row)[0]) for row in rows] == list(range(1, 26))
    assert all("::test_" in row for row in rows)


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_a_test_that_is_named_is_there(path: str, name: str) -> None:
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")
