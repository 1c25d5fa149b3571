"""The pair under the slider of Compare differs in one thing only."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from studio.grids.grid_folder import GridFolder
from studio.recipes.axis import SINGLE, Axis
from studio.recipes.grid import Cell, Grid
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.ui.compare.before_after import before_after
from studio.ui.compare.pair_choice import (
    Candidate,
    changed_values,
    difference,
    difference_words,
    settled,
    with_side,
)
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face

NOTHING = ("", "", 0)


def cells(columns: int, rows: int) -> list[Candidate]:
    """Return a painted grid; the picture in row 1 and column 2 is called "12"."""
    places = itertools.product(range(rows), range(columns))
    return [Candidate(Path(f"{row}{column}"), "", Cell(column, row, Recipe(""))) for row, column in places]


def test_at_first_the_ends_of_a_row_are_compared() -> None:
    assert settled(cells(3, 2), NOTHING) == ("00", "02", 0)
    assert settled(cells(1, 3), NOTHING) == ("00", "20", 0)
    assert settled(cells(1, 1), NOTHING) is None and settled([], NOTHING) is None


def test_the_other_side_follows_to_the_same_row_or_column() -> None:
    grid = cells(3, 3)
    assert settled(grid, with_side(("00", "02", 1), "21", 1)) == ("20", "21", 0)
    assert settled(grid, with_side(("00", "02", 1), "11", 0)) == ("11", "12", 1)
    assert settled(grid, with_side(("00", "02", 0), "22", 1)) == ("20", "22", 0)
    assert settled(grid, with_side(("00", "02", 0), "20", 1)) == ("00", "20", 0)  # now the rows differ
    assert settled(grid, with_side(("00", "20", 0), "12", 1)) == ("10", "12", 0)


def test_whatever_was_chosen_the_pair_differs_in_one_direction_and_stays() -> None:
    grid = cells(3, 2)
    named = {one.path.name: one for one in grid}
    for left, right, side in itertools.product([*named, "gone", ""], [*named, "gone", ""], (0, 1)):
        pair = settled(grid, (left, right, side))
        assert pair is not None and difference(named[pair[0]], named[pair[1]]) in ("columns", "rows")
        last = (left, right)[1 - side]
        assert last not in named or pair[1 - side] == last
        assert settled(grid, pair) == pair
    partly = [one for one in grid if one.path.name in ("00", "12")]  # a grid that is still being painted
    assert settled(partly, NOTHING) is None


@pytest.mark.parametrize(
    ("other", "changed"),
    [
        (Recipe("a cat", seed=2, base_hash="f00", count=1), ["seed"]),
        (Recipe("a cat", seed=1, base="another", base_hash="f00"), ["base"]),
        (Recipe("a <tom>", seed=1, strengths={"<tom>": 1.0}, concepts={"<tom>": "f00"}), ["prompt"]),
        (Recipe("a <tom>", seed=1, strengths={"<tom>": 0.5}), ["prompt", "strength of <tom>"]),
        (Recipe("a cat", seed=1, refinements={"glow_steps": 5}), ["glow steps"]),
        (Recipe("a cat", seed=1), []),
    ],
)
def test_what_follows_from_another_change_does_not_count(other: Recipe, changed: list[str]) -> None:
    assert list(changed_values(Recipe("a cat", seed=1).flat(), other.flat())) == changed


def test_pictures_of_create_are_offered_where_one_thing_differs(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    recipes = [Recipe("a <b>", seed=1), Recipe("a <b>", seed=2), Recipe("a fox", seed=3, steps=9)]
    for number, recipe in enumerate(recipes):
        save_picture(draw_face(number), recipe, workspace.pictures / f"0000{number}-01.png")
    drawn = before_after(workspace, 0, NOTHING)
    assert "Only the seed differs: <b>2</b> left, <b>1</b> right." in drawn
    assert drawn.count('data-action="choose"') == 2 and "1 picture of Create left out" in drawn
    forced = before_after(workspace, 0, ("00002-01.png", "00001-01.png", 1))
    assert "No two pictures differ in one thing only" in forced
    (workspace.pictures / "00002-01.png").unlink()
    (workspace.pictures / "00001-01.png").unlink()
    assert "Nothing to compare yet" in before_after(workspace, 0, NOTHING)


def test_the_one_difference_of_two_cells_is_that_of_their_axis(tmp_path: Path) -> None:
    grid = Grid(Recipe("a cat"), Axis.parse("guidance", "2, 4"), Axis.parse("prompt", "cat, <i>"))
    folder = GridFolder.create(tmp_path, grid, grid.cells({}))
    at = {(cell.row, cell.column): Candidate(folder.path(cell), "", cell) for cell in folder.cells}
    assert "Only the guidance differs: <b>2</b> left, <b>4</b> right." in difference_words(
        folder, at[0, 0], at[0, 1]
    )
    assert "<b>cat</b> left, <b>&lt;i&gt;</b> right" in difference_words(folder, at[0, 1], at[1, 1])
    assert SINGLE.name == ""


def test_a_recipe_is_read_once_however_often_the_pair_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path)
    for seed in range(6):
        save_picture(draw_face(seed), Recipe("a cat", seed=seed), workspace.pictures / f"0000{seed}-01.png")
    written: list[int] = []
    flat = Recipe.flat
    monkeypatch.setattr(Recipe, "flat", lambda recipe: written.append(recipe.seed) or flat(recipe))
    for _ in range(2):
        assert "Only the seed differs" in before_after(workspace, 0, NOTHING)
    assert sorted(written) == list(range(6))
