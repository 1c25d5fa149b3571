"""The table on the terminal, and the JSON beside it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import diffusers
import pytest
import torch

from studio.models import threads
from tests.benchmarks import page
from tests.benchmarks.__main__ import main
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


@pytest.mark.parametrize(
    ("given", "before", "wanted"), [(["--threads", "3"], "1", "3"), ([], "2", "2"), ([], "", "5")]
)
def test_every_process_gets_as_many_threads(
    given: list[str], before: str, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    monkeypatch.setenv("OMP_NUM_THREADS", before)
    monkeypatch.setattr(threads, "threads_to_use", lambda: 5)
    monkeypatch.setattr(torch, "set_num_threads", lambda count: seen.append(str(count)))
    monkeypatch.setattr(page, "run", lambda given, report: seen.append(os.environ["OMP_NUM_THREADS"]))
    assert main(["page", *given]) == 0
    assert seen == [wanted, wanted]


def test_a_wrong_argument_is_a_sentence(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    arguments = ["steps", "--against", str(tmp_path), "--threads", str(torch.get_num_threads())]
    assert main([*arguments, "--methods", "dreambooth"]) == 2
    assert "There is no dreambooth/train_dreambooth_lora.py" in capsys.readouterr().err
