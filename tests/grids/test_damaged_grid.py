"""Damaged files in the folder of a grid: the grid is refused, scores and votes count as not there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.grids.blind_vote import FILE as VOTE_FILE
from studio.grids.blind_vote import Ballot
from studio.grids.grid_folder import FILE, SCORES, GridFolder
from studio.grids.scores import GridScores, PictureScore
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe

NO_TABLES = ["", "null", "[]", "7", "[" * 5000, "\ufffd"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A grid of two cells."""
    grid = Grid(Recipe("a cat"), Axis("guidance", (2.0, 4.0)))
    GridFolder.create(tmp_path, grid, grid.cells({}))
    return tmp_path


@pytest.mark.parametrize("text", NO_TABLES)
def test_what_is_no_table_is_no_grid(folder: Path, text: str) -> None:
    (folder / FILE).write_text(text, encoding="utf-8")
    with pytest.raises(StudioError, match="This grid cannot be read") as refusal:
        GridFolder.open(folder)
    assert refusal.value.hint == "Paint it again."


@pytest.mark.parametrize(
    "change", [{"cells": []}, {"cells": [3, 4]}, {"cells": None}, {"x": 3}, {"base": "a"}]
)
def test_a_grid_with_a_wrong_field_is_refused(folder: Path, change: dict) -> None:
    values = json.loads((folder / FILE).read_text(encoding="utf-8"))
    (folder / FILE).write_text(json.dumps({**values, **change}), encoding="utf-8")
    with pytest.raises(StudioError, match="This grid cannot be read: it"):
        GridFolder.open(folder)


@pytest.mark.parametrize(
    "text",
    [
        *NO_TABLES,
        '{"judge": 3}',
        '{"judge": "a", "cells": {"a.png": {"likeness": "high", "agreement": 0}}}',
        '{"judge": "a", "cells": {"a.png": {"likeness": NaN, "agreement": 0}}}',
        '{"judge": "a", "cells": [], "photos": {}}',
    ],
)
def test_damaged_scores_count_as_none(folder: Path, text: str) -> None:
    (folder / SCORES).write_text(text, encoding="utf-8")
    assert GridScores.open(folder) is None


def test_scores_are_read_as_they_were_written(folder: Path) -> None:
    scores = GridScores("CLIP", {"a.png": PictureScore(None, 0.25)}, {"<lily>": 0})
    scores.save(folder)
    assert GridScores.open(folder) == scores


VOTE = {"settings": ["two", "four"], "votes": ["left"], "revealed": False}
PAIR = {"first": "a.png", "second": "b.png", "swapped": True, "where": "Seed 1"}


@pytest.mark.parametrize(
    "change",
    [
        {"pairs": []},
        {"pairs": [{**PAIR, "first": "../../a.png"}]},
        {"pairs": [{**PAIR, "swapped": 1}]},
        {"votes": ["both"]},
        {"votes": ["left", "left"]},
        {"settings": ["two"]},
        {"revealed": "no"},
    ],
)
def test_a_damaged_vote_counts_as_none(folder: Path, change: dict) -> None:
    (folder / VOTE_FILE).write_text(json.dumps({**VOTE, "pairs": [PAIR]}), encoding="utf-8")
    assert Ballot.open(folder) is not None
    (folder / VOTE_FILE).write_text(json.dumps({**VOTE, "pairs": [PAIR], **change}), encoding="utf-8")
    assert Ballot.open(folder) is None
