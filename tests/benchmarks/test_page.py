"""`page`: a small library is made, served and measured; what is over its limit is marked."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.workspace.workspace import Workspace
from tests.benchmarks import page
from tests.benchmarks.large_workspace import fill
from tests.benchmarks.page import Row
from tests.benchmarks.report import Report


def flags(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    page.add_flags(parser)
    return parser.parse_args(arguments)


def counts(folder: Path) -> tuple[int, int, int]:
    workspace = Workspace(folder)
    jobs = workspace.jobs.newest(1000)
    made = [entry for entry in workspace.concepts.entries() if entry.header.handle.startswith("<c")]
    return len(made), workspace.gallery.count(), len(jobs)


def test_a_workspace_grows_to_what_is_asked_for(tmp_path: Path) -> None:
    fill(Workspace(tmp_path / "w"), 3, 4)
    assert counts(tmp_path / "w") == (3, 4, 3)
    fill(Workspace(tmp_path / "w"), 5, 4)
    assert counts(tmp_path / "w") == (5, 4, 5)


@pytest.mark.skipif(sys.platform != "linux", reason="processor time is read from /proc")
@pytest.mark.slow
def test_a_served_page_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "SETTLING_SECONDS", 0.0)
    monkeypatch.setattr(page, "POLLS", 2)
    monkeypatch.setattr(page, "TABS", ("Library",))
    report = Report("page", tmp_path / "page.json")
    page.run(flags("--entries", "10", "--tabs", "0", "--folder", str(tmp_path / "w")), report)
    assert counts(tmp_path / "w") == (10, 10, 10)
    written = json.loads((tmp_path / "page.json").read_text())["measured"]
    found = {row["name"]: row for row in written}
    assert {row["entries"] for row in written} == {10}
    assert 0 < found["of it processor time"]["value"] <= 60 and found["GET /"]["value"] > 0.01
    assert found["poll of Library, nothing changed"]["limit"] == 20.0
    assert 20 < found["memory of the page"]["value"] < 2000
    assert found["opening a concept, slowest of 5"]["value"] > 0


@pytest.mark.parametrize(("slow", "is_over"), [(None, False), (1_000, True)])
def test_growing_has_a_column_for_each_number_and_marks_what_is_over(
    slow: int | None, is_over: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled: list[int] = []

    @contextmanager
    def opened(folder: Path) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace()

    def rows_of(served: object, folder: Path, entries: int, tabs: int) -> Iterator[Row]:
        assert tabs == 0
        yield Row("page up", 6.0 if entries == slow else 4.0, "s", 5.0)
        yield Row("memory of the page", float(entries), "MB")

    monkeypatch.setattr(page, "fill", lambda workspace, entries, pictures: filled.append(entries))
    monkeypatch.setattr(page, "open_page", opened)
    monkeypatch.setattr(page, "rows_of", rows_of)
    report = Report("page")
    assert page.run(flags("--grow", "--folder", str(tmp_path / "w")), report) is is_over
    assert filled == [10, 100, 1_000, 10_000]
    table = report.tables[0]
    assert table.columns == ("", "10", "100", "1,000", "10,000", "unit", "at most")
    third = "6.00 OVER" if slow else "4.00"
    assert table.rows[0] == ("page up", "4.00", "4.00", third, "4.00", "s", "5")
    assert table.rows[1][-2:] == ("MB", "")
