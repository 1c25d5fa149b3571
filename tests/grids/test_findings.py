"""Sentences about a grid: what they say, and that they say no more than the figures allow."""

from __future__ import annotations

import random
import statistics
from pathlib import Path

import pytest

from studio.grids.findings import Comparison, findings, sentences
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores, PictureScore
from studio.intervals import t_quantile
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe

STRENGTH = Axis.parse("strength", "0, 0.5, 1")
NOISE = (0.004, -0.003, 0.001, -0.002)
SEEDS = (0.2, -0.3, 0.1, 0.0)  # how much each seed lifts a score, whatever the setting


def said(
    likeness: dict[str, float],
    agreement: dict[str, float],
    chosen: str,
    axis: Axis = STRENGTH,
    noise: float = 1.0,
) -> list[str]:
    """Return the sentences for settings with these mean scores."""

    def comparison(means: dict[str, float]) -> Comparison:
        rows = {
            label: [
                mean + SEEDS[row] + noise * NOISE[(row + place) % 4] * (1 + place)
                for row in range(len(SEEDS))
            ]
            for place, (label, mean) in enumerate(means.items())
        }
        return Comparison(rows, len(rows) * (len(rows) - 1))

    return sentences(axis, list(likeness), chosen, comparison(likeness), comparison(agreement))


def test_quantiles_of_students_t_are_those_of_the_tables() -> None:
    table = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
    for freedom, value in enumerate(table, 1):
        assert t_quantile(freedom, 0.025) == pytest.approx(value, abs=0.0006)
    known = {1: 63.657, 2: 9.925, 3: 5.841, 4: 4.604, 10: 3.169, 30: 2.750}
    for freedom, value in known.items():
        assert t_quantile(freedom, 0.005) == pytest.approx(value, abs=0.0006)
    assert t_quantile(3, 0.0005) == pytest.approx(12.924, abs=0.001)


def test_a_difference_is_that_of_pairs_with_an_interval_for_all_comparisons() -> None:
    one, other = [0.5, 0.9, None, 0.4], [0.3, 0.8, 0.7, 0.1]
    found = Comparison({"a": one, "b": other}, 5).difference("a", "b")
    pairs = [0.2, 0.1, 0.3]
    half = 9.925 * statistics.stdev(pairs) / 3**0.5  # 0.05 / 2 / 5 = 0.005 in each tail
    assert found is not None and found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == pytest.approx((0.2 - half, 0.2 + half), abs=1e-4)
    assert Comparison({"a": one, "b": [None, 0.8, 0.7, None]}, 5).difference("a", "b") is None


def test_a_setting_that_loses_nothing_is_said_to_keep_it_and_where_others_lose_it() -> None:
    words = said({"0": 0.3, "0.5": 0.74, "1": 0.75}, {"0": 0.34, "0.5": 0.338, "1": 0.2}, "0.5")
    assert words == [
        "Strength 0.5 keeps the likeness and follows the prompt; "
        "below it the likeness is lower; above it the prompt is followed less."
    ]


def test_what_is_won_and_lost_is_said_together() -> None:
    words = said({"0": 0.3, "0.5": 0.5, "1": 0.75}, {"0": 0.5, "0.5": 0.4, "1": 0.2}, "0.5")
    assert words == [
        "Strength 0.5 lies between; above it the likeness is higher, but the prompt is followed less; "
        "below it the prompt is followed better, but the likeness is lower."
    ]


def test_a_small_loss_beyond_doubt_is_a_little_one() -> None:
    words = said({"0": 0.3, "0.5": 0.7, "1": 0.75}, {"0": 0.5, "0.5": 0.5, "1": 0.2}, "0.5", noise=0.2)
    assert "keeps the likeness" in words[0] and "above it the likeness is a little higher" in words[0]


def test_what_cannot_be_told_is_not_said() -> None:
    same = {"0": 0.5, "0.5": 0.503, "1": 0.5}
    assert said(same, same, "0.5") == [
        "These pictures do not tell the settings apart: more seeds would, if they differ at all."
    ]
    words = said({"0": 0.1, "0.5": 0.5, "1": 0.503}, {"0": 0.5, "0.5": 0.5, "1": 0.5}, "0.5")
    assert words == [
        "Strength 0.5 keeps the likeness; below it the likeness is lower.",
        "1 cannot be told from it: more seeds would.",
    ]


def test_a_wide_interval_does_not_let_a_setting_keep_the_likeness() -> None:
    """The mean loss is small, but it may be large."""
    words = said({"0": 0.1, "0.5": 0.7, "1": 0.72}, {"0": 0.5, "0.5": 0.5, "1": 0.5}, "0.5", noise=9.0)
    assert words[0] == "Strength 0.5 is nearest to the best of both; below it the likeness is lower."


def test_single_settings_and_names_are_listed() -> None:
    axis = Axis.parse("strength", "0, 0.5, 1, 1.5")
    likeness = {"0": 0.3, "0.5": 0.75, "1": 0.75, "1.5": 0.76}
    words = said(likeness, {"0": 0.5, "0.5": 0.5, "1": 0.5, "1.5": 0.1}, "0.5", axis)
    assert "at 1.5 the prompt is followed less" in words[0] and words[1].startswith("1 cannot be told")
    names = Axis.parse("concept", "lily, tom, ada")
    words = said(
        {"<lily>": 0.7, "<tom>": 0.2, "<ada>": 0.2}, dict.fromkeys(names.labels, 0.5), "<lily>", names
    )
    assert words == ["<lily> keeps the likeness; with <tom> and <ada> the likeness is lower."]


def test_of_settings_that_are_the_same_a_difference_is_said_in_few_grids() -> None:
    """Without Student's t or without the count of comparisons, it is said in a third of them and more."""
    chance, wrong = random.Random(1), 0
    axis = Axis.parse("strength", "1, 2, 3, 4")
    for _ in range(200):
        scores = [
            Comparison({label: [chance.gauss(0, 1) for _ in range(4)] for label in axis.labels}, 12)
            for _ in range(2)
        ]
        words = sentences(axis, axis.labels, "2", *scores)
        wrong += not words[0].startswith("These pictures do not tell")
    assert wrong <= 17  # 10 are allowed; 17 is two deviations above


def test_the_pictures_of_a_grid_are_paired_by_the_other_direction(tmp_path: Path) -> None:
    grid = Grid(Recipe("a cat"), Axis.parse("guidance", "2, 4"), Axis.parse("seed", "1:4"))
    folder = GridFolder.create(tmp_path, grid, grid.cells({}))
    marks = {}
    for cell in folder.cells:
        likeness = SEEDS[cell.row] + 0.1 * cell.column + NOISE[cell.row] * cell.column
        marks[folder.path(cell).name] = PictureScore(likeness, 0.5 + NOISE[cell.row])
    scores = GridScores("judge", marks, {"<lily>": 4})
    assert findings(folder, scores, "x") == ["Guidance 4 keeps the likeness; below it the likeness is lower."]
    single = Grid(Recipe("a cat"), Axis.parse("guidance", "2, 4"))
    folder = GridFolder.create(tmp_path / "single", single, single.cells({}))
    marks = {folder.path(cell).name: PictureScore(0.1 * cell.column, 0.5) for cell in folder.cells}
    alone = GridScores("judge", marks, {"<lily>": 4})
    assert findings(folder, alone, "x")[0].startswith("One picture of each setting proves nothing")
    assert findings(folder, GridScores("judge"), "x") == ["There is nothing to compare with yet."]
