"""Two pictures under a slider, and what their recipes differ in."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe, differences
from studio.ui.compare.grid_view import sheet_of, shown_grid
from studio.ui.create.gallery import tile
from studio.ui.parts.markup import button, empty, file_url, segments
from studio.workspace.workspace import Workspace

PICTURES_HIGH = 24
HASH_LETTERS = 12
Sides = tuple[str, str, int]  # file names at the left and the right, and the side a click fills: 0 or 1

SLIDER_SCRIPT = """
element.addEventListener('input', event => {
  const versus = event.target.closest('.versus');
  if (versus) versus.style.setProperty('--cut', event.target.value + '%');
});
"""


def put(sides: Sides, name: str, side: int) -> Sides:
    """`sides` with a picture on one of them; the next click fills the other."""
    left, right, _ = sides
    return (name, right, 1) if side == 0 else (left, name, 0)


def versus(workspace: Workspace, shown: int, sides: Sides) -> str:
    """The slider over the two pictures, what they differ in, and what else may be put there."""
    job = shown_grid(workspace, shown)
    sheet = sheet_of(workspace, job) if job else None
    cells = [cell for cell in sheet.cells if sheet.path(cell).exists()] if sheet else []
    words = {sheet.path(cell): sheet.label_of(cell) for cell in cells} if sheet else {}
    in_grid = len(words)
    words |= {path: f"Picture {path.stem}" for path in workspace.gallery(PICTURES_HIGH)}
    if len(words) < 2:
        return empty("Nothing to compare yet", "Paint a grid, or two pictures in Create.")
    named = {path.name: path for path in words}
    first, *rest = named.values()
    left = named.get(sides[0], first)
    right = named.get(sides[1], rest[max(0, in_grid - 2)])
    put_there = "".join(
        tile(path, path.name if path in (left, right) else "", said, "put") for path, said in words.items()
    )
    turns = segments("side", "Side", {"0": "left", "1": "right"}, str(sides[2]))
    exchange = button("exchange", "Exchange", f"{left.name} {right.name}")
    return (
        f"{slider(left, right, words[left], words[right])}"
        f"{difference_table(_recipe(left), _recipe(right))}"
        f'<div class="row wrap"><span>A click puts a picture on the</span>{turns}{exchange}</div>'
        f'<div class="tiles small">{put_there}</div>'
    )


def _recipe(path: Path) -> Recipe:
    return _read(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> Recipe:
    return read_recipe(path)


def slider(left: Path, right: Path, left_words: str, right_words: str) -> str:
    """Two pictures, one over the other; finger, mouse or arrow keys uncover one or the other."""
    return (
        '<figure class="versus">'
        f'<img src="{escape(file_url(right))}" alt="Right: {escape(right_words)}">'
        f'<img class="over" src="{escape(file_url(left))}" alt="Left: {escape(left_words)}">'
        '<i aria-hidden="true"></i><input type="range" min="0" max="100" value="50" step="0.5"'
        ' aria-label="How much of the left picture shows"></figure>'
        f'<div class="row ends"><span>{escape(left_words)}</span><span>{escape(right_words)}</span></div>'
    )


def difference_table(left: Recipe, right: Recipe) -> str:
    """What two recipes differ in, name by name."""
    rows = "".join(
        f'<tr><th scope="row">{escape(name.capitalize())}</th><td>{_shown(name, one)}</td>'
        f"<td>{_shown(name, other)}</td></tr>"
        for name, (one, other) in differences(left, right).items()
    )
    if not rows:
        return '<p class="faint">Both have the same recipe.</p>'
    head = '<thead><tr><td></td><th scope="col">Left</th><th scope="col">Right</th></tr></thead>'
    return f'<table class="differences"><caption>What differs</caption>{head}<tbody>{rows}</tbody></table>'


def _shown(name: str, value: object) -> str:
    """A value in a cell; of a file's hash only the start."""
    if value is None or value == "":
        return '<span class="faint">–</span>'
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return escape(text[:HASH_LETTERS] if name.startswith("file of ") else text)
