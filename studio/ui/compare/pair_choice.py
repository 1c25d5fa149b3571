"""Which two pictures stand under the slider: they differ in one thing only, so that one knows what one sees.

Two cells of a grid differ in its columns or in its rows. Other pictures differ in one value of their recipes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.grids.grid_folder import GridFolder
from studio.recipes.grid import Cell
from studio.recipes.png import read_recipe
from studio.recipes.recipe import differences
from studio.ui.create.knob_sliders import knob_title
from studio.words import mid_sentence, tr

Sides = tuple[
    str, str, int
]  # file names at the left and the right, and the side that a click replaces: 0 or 1
NO_EFFECT = ("count", "base_hash")  # how many there were, and what comes with the base
MAX_VALUE_LETTERS = 40
TITLES = {  # of what has no setting of its own
    "base": tr("Base"),
    "negative": tr("Negative"),
    "prompt": tr("Prompt"),
    "region": tr("Region"),
    "strength": tr("Strength"),
}


@dataclass(frozen=True)
class Candidate:
    """A picture that may stand under the slider; `cell` is its place where it belongs to the shown grid."""

    path: Path
    words: str
    cell: Cell | None = None

    @cached_property
    def values(self) -> dict[str, Any]:
        """Return `Recipe.flat` of the picture, not to be changed. Raises StudioError when it has none."""
        return _read(self.path, self.path.stat().st_mtime_ns)


def with_side(sides: Sides, name: str, side: int) -> Sides:
    """Return `sides` with a picture on one of them; the next click replaces the other."""
    left, right, _ = sides
    return (name, right, 1) if side == 0 else (left, name, 0)


def settled(candidates: Sequence[Candidate], sides: Sides) -> Sides | None:
    """Return the sides with two pictures that differ in one thing; None where no two do.

    The picture that was chosen last stays, and the other one follows: in a grid to the same row or column.
    """
    named = {one.path.name: one for one in candidates}
    wished = [named.get(name) for name in sides[:2]]
    last = 1 - sides[2]
    if wished[last] is None:
        last = 1 if wished[1] else 0
    chosen = wished[last]
    for anchor in [chosen] if chosen else candidates:
        other = _partner(candidates, anchor, wished[1 - last])
        if other is not None:
            pair = (anchor.path.name, other.path.name)
            left, right = pair if last == 0 else pair[::-1]
            return left, right, sides[2]
    return None


def _partner(
    candidates: Sequence[Candidate], chosen: Candidate, wished: Candidate | None
) -> Candidate | None:
    """Return the picture to put beside `chosen`: the wished one, or the one in its place that fits."""
    fitting = [one for one in candidates if difference(one, chosen)]
    if wished is None or chosen.cell is None or wished.cell is None:
        return wished if wished in fitting else _farthest(fitting, chosen)
    row, column = (chosen.cell.row, chosen.cell.column)
    places = [(wished.cell.row, wished.cell.column), (row, wished.cell.column), (wished.cell.row, column)]
    at = {(one.cell.row, one.cell.column): one for one in fitting if one.cell}
    return next((at[place] for place in places if place in at), _farthest(fitting, chosen))


def _farthest(fitting: Sequence[Candidate], chosen: Candidate) -> Candidate | None:
    """Return the picture at the other end of the same row of the grid, else of its column, else the first."""
    if chosen.cell is not None:
        cells = [(one, one.cell) for one in fitting if one.cell is not None]
        for line in (
            [
                (abs(cell.column - chosen.cell.column), one)
                for one, cell in cells
                if cell.row == chosen.cell.row
            ],
            [(abs(cell.row - chosen.cell.row), one) for one, cell in cells],
        ):
            if line:
                return max(line, key=lambda entry: entry[0])[1]
    return fitting[0] if fitting else None


def difference(one: Candidate, other: Candidate) -> str:
    """Return the one thing in which two pictures differ; empty when it is none or several, or not known."""
    if one.path == other.path:
        return ""
    if one.cell and other.cell:
        same_row, same_column = one.cell.row == other.cell.row, one.cell.column == other.cell.column
        return "columns" if same_row and not same_column else "rows" if same_column and not same_row else ""
    try:
        values = changed_values(one.values, other.values)
    except StudioError:
        return ""
    return next(iter(values)) if len(values) == 1 else ""


def changed_values(one: dict[str, Any], other: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return what two recipes differ in, without what follows from another change or changes no picture.

    The recipes are given as `Recipe.flat`. The file of a concept and a strength of 1 come with the concept's
    name in the prompt.
    """
    found = differences(one, other)
    return {
        name: values
        for name, values in found.items()
        if name not in NO_EFFECT
        and not name.startswith("file of ")
        and not (name.startswith("strength of ") and set(values) <= {None, 1})
    }


def difference_words(grid: GridFolder | None, left: Candidate, right: Candidate) -> str:
    """Return a sentence, as HTML, that says what alone differs, and its two values."""
    what = difference(left, right)
    if left.cell and right.cell and grid:
        axis = grid.grid.x if what == "columns" else grid.grid.y
        places = [cell.column if what == "columns" else cell.row for cell in (left.cell, right.cell)]
        name, values = axis.title, [axis.labels[place] for place in places]
    else:
        changed = changed_values(left.values, right.values)
        name, values = setting_title(what), [value_words(value) for value in changed[what]]
    words = tr(
        "Only the {setting} differs: <b>{left}</b> left, <b>{right}</b> right.",
        setting=escape(mid_sentence(name)),
        left=escape(values[0]),
        right=escape(values[1]),
    )
    return f'<p class="one-difference">{words}</p>'


def setting_title(name: str) -> str:
    """Return one of the names of `Recipe.flat` as a heading: "Guidance", "Bias of <lily>"."""
    setting, of, handle = name.partition(" of ")
    title = TITLES.get(setting) or tr(setting[:1].upper() + setting[1:])
    return knob_title(title, handle) if of else title


def value_words(value: object) -> str:
    """Return a value of a recipe as it is shown, cut where it is long."""
    if value is None or value == "":
        return tr("none")
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= MAX_VALUE_LETTERS else f"{text[: MAX_VALUE_LETTERS - 1]}…"


@lru_cache(maxsize=256)  # the page compares every picture with every other, each time that it is drawn
def _read(path: Path, changed: int) -> dict[str, Any]:
    return read_recipe(path).flat()


def candidates_of(grid: GridFolder | None, others: Mapping[Path, str]) -> list[Candidate]:
    """Return the painted cells of a grid, and other pictures with their words."""
    cells = grid.cells if grid else ()
    painted = [
        Candidate(grid.path(cell), grid.label_of(cell), cell)
        for cell in cells
        if grid and grid.path(cell).exists()
    ]
    return [*painted, *(Candidate(path, words) for path, words in others.items())]
