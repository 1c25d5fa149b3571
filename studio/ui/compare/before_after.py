"""Two pictures under a slider that differ in one thing only, and the pictures to choose from."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.grids.grid_folder import GridFolder
from studio.ui.compare.grid_view import grid_folder, shown_grid
from studio.ui.compare.pair_choice import (
    Candidate,
    Sides,
    candidates_of,
    difference,
    difference_words,
    settled,
    with_side,
)
from studio.ui.create.gallery import tile
from studio.ui.parts.markup import button, placeholder, segments
from studio.ui.parts.slider import slider
from studio.words import tr, trn
from studio.workspace.workspace import Workspace

MAX_PICTURES = 24  # of Create


def pictures_to_compare(workspace: Workspace, shown: int) -> tuple[GridFolder | None, list[Candidate]]:
    """Return the shown grid, and the pictures that may stand under the slider: its cells, then the newest."""
    job = shown_grid(workspace, shown)
    grid = grid_folder(workspace, job) if job else None
    newest = {path: tr("Picture {name}", name=path.stem) for path in workspace.gallery.newest(MAX_PICTURES)}
    return grid, candidates_of(grid, newest)


def chosen_sides(workspace: Workspace, shown: int, now: Sides, name: str, side: int) -> Sides:
    """Return the sides once a picture was chosen for one of them; the other follows where it must."""
    sides = with_side(now, name, side)
    return settled(pictures_to_compare(workspace, shown)[1], sides) or sides


def turned_side(workspace: Workspace, shown: int, now: Sides, side: int) -> Sides:
    """Return the sides as they are shown, with the side that the next click replaces."""
    left, right, _ = settled(pictures_to_compare(workspace, shown)[1], now) or now
    return left, right, side


def before_after(workspace: Workspace, shown: int, sides: Sides) -> str:
    """Return the slider over the two pictures, their one difference, and the pictures to choose from.

    Pictures that differ from the one that stays in more than one thing are left out, those of the grid apart:
    with them the other side moves along.
    """
    grid, candidates = pictures_to_compare(workspace, shown)
    reasons = unreadable(candidates)
    candidates = [one for one in candidates if one.path not in reasons]
    troubles = "".join(f'<p class="faint">{escape(reason)}</p>' for reason in reasons.values())
    if len(candidates) < 2:
        hint = tr("Paint a grid, or two pictures in Create.")
        return placeholder(tr("Nothing to compare yet"), hint) + troubles
    pair = settled(candidates, sides)
    if pair is None:
        hint = tr("Paint one of them again with one thing changed: another seed is enough.")
        return placeholder(tr("No two pictures differ in one thing only"), hint) + troubles
    named = {one.path.name: one for one in candidates}
    left, right = named[pair[0]], named[pair[1]]
    stays = right if sides[2] == 0 else left
    offered = [one for one in candidates if one.cell or one in (left, right) or difference(one, stays)]
    tiles = "".join(
        tile(one.path, one.path.name if one in (left, right) else "", one.words, "choose") for one in offered
    )
    side_buttons = segments("side", tr("Side"), {"0": tr("left"), "1": tr("right")}, str(sides[2]))
    swap = button("swap", tr("Exchange"), f"{left.path.name} {right.path.name}")
    left_out = trn(
        "{count} picture of Create left out: more than one thing differs.",
        "{count:,} pictures of Create left out: more than one thing differs.",
        len(candidates) - len(offered),
    )
    note = f'<p class="faint">{escape(left_out)}</p>' if len(offered) < len(candidates) else ""
    puts = escape(tr("A click puts a picture on the"))
    return (
        f"{slider(left.path, right.path, left.words, right.words)}{difference_words(grid, left, right)}"
        f'<div class="row wrap"><span>{puts}</span>{side_buttons}{swap}</div>'
        f'<div class="tiles small">{tiles}</div>{note}{troubles}'
    )


def unreadable(candidates: Sequence[Candidate]) -> dict[Path, str]:
    """Return the pictures of Create whose recipe cannot be read, and so not compared, with the reason."""
    reasons = {}
    for one in candidates:
        try:
            if not one.cell:
                _ = one.values  # read here, and kept for the comparisons
        except StudioError as error:
            reasons[one.path] = error.message
        except OSError:
            reasons[one.path] = tr("{name} is gone.", name=one.path.name)
    return reasons
