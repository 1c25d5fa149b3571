"""The frontier: means with their intervals, the Pareto front, and a suggestion that says why."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from studio.grids.frontier import Point, best, front, points, reason
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores, PictureScore
from studio.intervals import Estimate
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe
from studio.ui.compare.scatter import scatter


def point(label: str, likeness: float, agreement: float, half: float | None = 0.001) -> Point:
    count = 1 if half is None else 4
    return Point(label, Estimate(likeness, half, count), Estimate(agreement, half, count))


FAITHFUL, KNEE, OBEDIENT, POOR = (
    point("0.2", 0.90, 0.20),
    point("0.4", 0.86, 0.32),
    point("0.8", 0.60, 0.34),
    point("plain", 0.50, 0.30),
)


def test_the_front_is_what_nothing_beats_in_both() -> None:
    assert front([POOR, OBEDIENT, FAITHFUL, KNEE]) == [FAITHFUL, KNEE, OBEDIENT]
    assert front([point("a", 0.5, 0.5), point("b", 0.5, 0.4)]) == [point("a", 0.5, 0.5)]
    assert front([]) == [] and best([]) is None


def test_the_best_is_nearest_to_the_best_of_both_and_says_what_it_costs() -> None:
    found = [POOR, OBEDIENT, FAITHFUL, KNEE]
    assert best(found) == KNEE
    words = reason(found)
    assert "gives up 0.040 likeness against 0.2 for 0.120 more agreement" in words
    assert "keeps 0.260 more likeness than 0.8 for 0.020 less agreement" in words
    assert "overlap" not in words


def test_one_that_is_ahead_in_both_is_said_to_be() -> None:
    assert reason([KNEE, POOR]).startswith("0.4 is ahead in both")


def test_noise_and_single_pictures_are_owned_up_to() -> None:
    near = point("0.5", 0.8601, 0.3195)
    assert "overlap with those of 0.5" in reason([KNEE, near, POOR])
    assert "change the seed" in reason([point("a", 0.5, 0.5, None), POOR])
    assert "nothing to compare" in reason([KNEE])


@pytest.mark.parametrize(("likeness", "agreement"), [(0.8601, 0.30), (0.80, 0.3199)])
def test_a_setting_as_good_in_one_score_and_clearly_worse_in_the_other_is_no_doubt(
    likeness: float, agreement: float
) -> None:
    assert "overlap" not in reason([KNEE, point("0.5", likeness, agreement), POOR])


def test_of_two_settings_as_near_to_the_best_the_more_alike_is_taken() -> None:
    alike, obedient = point("alike", 0.9, 0.2), point("obedient", 0.5, 0.6)
    assert best([obedient, alike]) == best([alike, obedient]) == alike


def test_both_scores_count_alike_however_wide_they_spread() -> None:
    """Likeness spreads ten times as far; without dividing by it, agreement would hardly matter."""
    found = [point("a", 0.9, 0.30), point("b", 0.7, 0.349), point("c", 0.4, 0.35)]
    assert best(found) == found[1]


def test_points_are_means_over_the_pictures_of_a_setting(tmp_path: Path) -> None:
    grid = Grid(Recipe("a cat"), Axis.parse("guidance", "2, 4"), Axis.parse("seed", "1, 2, 3"))
    sheet = GridFolder.create(tmp_path, grid, grid.cells({}))
    marks = {sheet.path(cell).name: PictureScore(0.1 * cell.row, cell.column + 0.5) for cell in sheet.cells}
    marks[sheet.path(sheet.cells[1]).name] = PictureScore(None, 9.0)
    GridScores("judge", marks, {"<lily>": 4}).save(tmp_path)
    two, four = points(sheet, GridScores.open(tmp_path), "x")
    assert (two.label, two.likeness.n, four.likeness.n) == ("2", 3, 2)
    assert (two.likeness.mean, two.agreement.mean) == pytest.approx((0.1, 0.5))
    assert two.likeness.half_width == pytest.approx(4.302653 * 0.1 / 3**0.5) and two.agreement.half_width == 0
    assert four.likeness.mean == pytest.approx(0.15) and two.copying is None
    assert [each.label for each in points(sheet, GridScores.open(tmp_path), "y")] == ["1", "2", "3"]


@pytest.mark.parametrize("spread", [0.0004, 0.021, 0.05, 0.083, 0.3, 1.0])
def test_the_plot_has_ticks_that_can_be_told_apart_however_close_the_points_are(spread: float) -> None:
    drawn = scatter([point("a", 0.5, 0.107, None), point("b", 0.5 + spread, 0.107 + spread, None)], "")
    for kind in ("tick", "tick side"):
        labels = re.findall(rf'class="{kind}"[^>]*>([^<]*)<', drawn)
        assert 2 <= len(labels) <= 9 and len(set(labels)) == len(labels)
        steps = {round(float(after) - float(before), 9) for before, after in itertools.pairwise(labels)}
        assert len(steps) == 1
