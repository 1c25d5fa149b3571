"""The table on the terminal, and the JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path

import diffusers
import pytest
import torch

from tests.benchmarks.report import Report
from tests.benchmarks.spread import Spread


def test_a_table_has_columns_of_one_width_and_leaves_out_what_a_row_does_not_say() -> None:
    table = Report("x").table("Title", "name", "ms", "GB", digits=1)
    table.add("long name", Spread.of([1.0, 2.0, 3.0]), "0.5")
    table.add("short", "does not fit")
    title, _, *lines = table.lines
    assert title == "**Title**"
    assert [cell.strip() for cell in lines[2].split("|")[1:-1]] == ["long name", "2.0 (1.5-2.5)", "0.5"]
    assert [cell.strip() for cell in lines[3].split("|")[1:-1]] == ["short", "does not fit", ""]
    assert len({len(line) for line in lines}) == 1


def test_the_file_has_everything_after_every_note(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "x.json"
    report = Report("steps --threads 1", file)
    report.note(base="tiny", seconds=Spread.of([1.0, 2.0]))
    assert len(json.loads(file.read_text())["measured"]) == 1
    report.note(base="tiny", failure="does not fit")
    written = json.loads(file.read_text())
    spread = {"median": 1.5, "lower": 1.25, "upper": 1.75, "count": 2}
    assert written["measured"] == [
        {"base": "tiny", "seconds": spread},
        {"base": "tiny", "failure": "does not fit"},
    ]
    assert written["command"] == "steps --threads 1"
    machine = written["machine"]
    assert machine["torch"] == torch.__version__.split("+")[0]
    assert machine["diffusers"] == diffusers.__version__
    assert machine["threads"] == torch.get_num_threads()
    assert machine["when"].startswith("20") and machine["processor"] and machine["device"]
    report.table("Empty", "name")
    report.show()
    shown = capsys.readouterr().out
    assert "Empty" not in shown and f"diffusers {diffusers.__version__}" in shown
