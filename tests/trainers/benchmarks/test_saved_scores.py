"""Scores that a trial kept are opened again, or measured anew when they are not what it writes today."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from trainers.benchmarks.method_scores import MethodScore
from trainers.benchmarks.saved_scores import read_made, read_scores, write_json, write_made

SCORE = MethodScore("lily", "a", 4, 0.5, 0.5, 1.0, 10.0, 2000)
FIELDS = dataclasses.asdict(SCORE)


def read(path: Path) -> MethodScore | None:
    return read_scores(path, lambda fields: MethodScore(**fields))


def test_what_was_written_is_read_again(tmp_path: Path) -> None:
    assert read(tmp_path / "score.json") is None
    write_json(tmp_path / "score.json", FIELDS)
    assert read(tmp_path / "score.json") == SCORE


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({**FIELDS, "present": 1.0}),
        json.dumps({name: value for name, value in FIELDS.items() if name != "obeyed"}),
        json.dumps([FIELDS]),
        "null",
        json.dumps(FIELDS)[:-5],
        "",
    ],
)
def test_other_fields_and_damage_mean_measuring_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / "score.json").write_text(text, encoding="utf-8")
    assert read(tmp_path / "score.json") is None


def test_what_was_measured_with_something_else_is_measured_anew(tmp_path: Path) -> None:
    path, made_with = (
        tmp_path / "score.json",
        {"base": "a", "prompts": ("{} on blue",), "sampling": {"seed": 0}},
    )

    def again(**changed: object) -> MethodScore | None:
        return read_made(path, lambda fields: MethodScore(**fields), {**made_with, **changed})

    write_made(path, FIELDS, made_with)
    assert again() == SCORE and again(prompts=["{} on blue"]) == SCORE
    assert again(base="b") is again(prompts=()) is again(sampling={"seed": 1}) is again(more=1) is None
    write_json(path, FIELDS)
    assert again() is None
