"""The table of what people bring names tests that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROWS = [
    line.strip("| \n").split(" | ")
    for line in (ROOT / "assets" / "readme" / "cases.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("|") and not line.startswith(("| case |", "|---"))
]
NAME = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def test_every_row_has_a_case_before_now_and_a_test() -> None:
    assert len(ROWS) > 40
    assert [row for row in ROWS if len(row) != 4 or not all(map(str.strip, row))] == []
    assert len({row[0] for row in ROWS}) == len(ROWS)


@pytest.mark.parametrize("named", sorted({row[-1].strip() for row in ROWS}))
def test_the_test_that_a_row_names_is_there(named: str) -> None:
    match = NAME.fullmatch(named)
    assert match, named
    tree = ast.parse((ROOT / match[1]).read_text(encoding="utf-8"))
    assert match[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
