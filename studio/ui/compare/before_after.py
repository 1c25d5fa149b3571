"""Two pictures under a slider, and the differences of their recipes."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe, differences
from studio.ui.compare.grid_view import grid_folder, shown_grid
from studio.ui.create.gallery import tile
from studio.ui.parts.markup import button, error_card, placeholder, segments
from studio.ui.parts.slider import slider
from studio.workspace.workspace import Workspace

MAX_PICTURES = 24
HASH_LETTERS = 12
Sides = tuple[
    str, str, int
]  # file names at the left and the right, and the side that a click replaces: 0 or 1


def with_side(sides: Sides, name: str, side: int) -> Sides:
    """Return `sides` with a picture on one of them; the next click replaces the other."""
    left, right, _ = sides
    return (name, right, 1) if side == 0 else (left, name, 0)


def before_after(workspace: Workspace, shown: int, sides: Sides) -> str:
    """Return the slider over the two pictures, their differences, and the pictures to choose from."""
    job = shown_grid(workspace, shown)
    grid = grid_folder(workspace, job) if job else None
    cells = [cell for cell in grid.cells if grid.path(cell).exists()] if grid else []
    words = {grid.path(cell): grid.label_of(cell) for cell in cells} if grid else {}
    in_grid = len(words)
    words |= {path: f"Picture {path.stem}" for path in workspace.gallery.newest(MAX_PICTURES)}
    if len(words) < 2:
        return placeholder("Nothing to compare yet", "Paint a grid, or two pictures in Create.")
    named = {path.name: path for path in words}
    first, *rest = named.values()
    left = named.get(sides[0], first)
    right = named.get(sides[1], rest[max(0, in_grid - 2)])
    tiles = "".join(
        tile(path, path.name if path in (left, right) else "", its_words, "choose")
        for path, its_words in words.items()
    )
    side_buttons = segments("side", "Side", {"0": "left", "1": "right"}, str(sides[2]))
    swap = button("swap", "Exchange", f"{left.name} {right.name}")
    return (
        f"{slider(left, right, words[left], words[right])}"
        f"{_differences(left, right)}"
        f'<div class="row wrap"><span>A click puts a picture on the</span>{side_buttons}{swap}</div>'
        f'<div class="tiles small">{tiles}</div>'
    )


def _differences(left: Path, right: Path) -> str:
    """Return what two pictures differ in, or why one of them does not say."""
    try:
        return difference_table(_recipe(left), _recipe(right))
    except StudioError as error:
        return error_card(error)


def _recipe(path: Path) -> Recipe:
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Recipe:
    return read_recipe(path)


def difference_table(left: Recipe, right: Recipe) -> str:
    """Return a table with the values in which two recipes differ."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name.capitalize())}</th><td>{_value(name, one)}</td>'
        f"<td>{_value(name, other)}</td></tr>"
        for name, (one, other) in differences(left, right).items()
    )
    if not rows:
        return '<p class="faint">Both have the same recipe.</p>'
    head = '<thead><tr><td></td><th scope="col">Left</th><th scope="col">Right</th></tr></thead>'
    return f'<table class="differences"><caption>What differs</caption>{head}<tbody>{rows}</tbody></table>'


def _value(name: str, value: object) -> str:
    """Return a value in a cell; of the hash of a file only the start."""
    if value is None or value == "":
        return '<span class="faint">–</span>'
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return escape(text[:HASH_LETTERS] if name.startswith("file of ") else text)
