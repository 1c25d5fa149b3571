"""`first`: what is over its limit is marked, and so is a subject that was not learned."""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import pytest

from studio.concepts.verdict import Verdict
from studio.workspace.workspace import Workspace
from tests.benchmarks import first
from tests.benchmarks.report import Report
from tests.browser.actor import header_of, save_concept
from tests.browser.first_picture import FirstPicture


@pytest.mark.parametrize(
    ("seconds", "clicks", "word", "is_over"),
    [
        (89.0, 4, "learned", False),
        (91.0, 4, "learned", True),
        (89.0, 5, "learned", True),
        (89.0, 4, "weak", True),
    ],
)
def test_what_is_over_its_limit_is_marked(
    seconds: float, clicks: int, word: str, is_over: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def first_picture(folder: Path, screenshot: Path | None) -> tuple[float, FirstPicture]:
        likeness = 0.9 if word == "learned" else 0.5
        verdict = Verdict(likeness=likeness, noise=0.1, seeds=4, encoder="x", obeyed=0.9)
        header = dataclasses.replace(header_of("<lily>", "dog", 9, 5, 40), verdicts={"<lily>": verdict})
        save_concept(Workspace(folder).concepts.path("<lily>"), header)
        return 5.0, FirstPicture(["a click"] * clicks, {"learned": 80.0, "painted": seconds}, "lily")

    monkeypatch.setattr(first, "first_picture", first_picture)
    report = Report("first")
    assert first.run(argparse.Namespace(picture=None, screenshot=None), report) is is_over
    table = report.tables[0]
    assert table.title == f"The first picture: {word}"
    assert table.rows[2] == (
        "the open page to painted",
        f"{seconds:.1f}{' OVER' * (seconds > 90)}",
        "s",
        "90",
    )
    assert table.rows[3] == ("clicks", f"{clicks:.1f}{' OVER' * (clicks > 4)}", "", "4")
