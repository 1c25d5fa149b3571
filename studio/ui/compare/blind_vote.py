"""The blind vote: choose two settings, vote on one pair after the other, and see which was which."""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.grids.blind_vote import Ballot, Tally
from studio.grids.grid_folder import GridFolder
from studio.ui.compare.grid_view import grid_folder, shown_grid
from studio.ui.parts.markup import button, file_url, placeholder
from studio.words import tr, trn
from studio.workspace.workspace import Workspace

Picks = tuple[str, ...]  # at most two, such as "x:0" (column 0) or "y:2" (row 2)

KEYS_SCRIPT = """
const keys = {ArrowLeft: 'left', ArrowRight: 'right', ArrowDown: 'same'};
document.addEventListener('keydown', event => {
  const vote = element.offsetParent !== null && keys[event.key];  // a vote cannot be taken back
  const held = event.repeat || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey;
  if (!vote || held || event.defaultPrevented || document.querySelector('dialog[open]')) return;
  if (event.target.closest('input, textarea, select, [role="tab"]')) return;
  const button = element.querySelector(`[data-action="${vote}"]`);
  if (button) { event.preventDefault(); button.click(); }
});
"""


def toggled(picks: Picks, name: str) -> Picks:
    """Return `picks` with one added, or removed if it was there.

    Of more than two the oldest is dropped, and so are those of the other direction. Raises StudioError for a
    name that no column or row has.
    """
    if not re.fullmatch(r"[xy]:\d{1,6}", name, re.ASCII):
        raise StudioError("That column or row is not there.", "Choose one of those shown.")
    if name in picks:
        return tuple(pick for pick in picks if pick != name)
    same = [pick for pick in picks if pick[0] == name[:1]]
    return (*same[-1:], name)


def pairs_of(grid: GridFolder, picks: Picks) -> tuple[tuple[str, str], list[tuple[str, str, str]]]:
    """Return the headings of the two settings, and (first, second, what they share) of each painted pair.

    Raises StudioError unless two are picked.
    """
    groups = {f"{along}:{n}": group for along in "xy" for n, group in enumerate(grid.lines(along))}
    chosen = [groups[pick] for pick in picks if pick in groups]
    if len(chosen) != 2:
        raise StudioError("Two settings are needed for a vote.", "Choose two columns or two rows.")
    (_, ones), (_, others) = chosen
    along, axis = (grid.grid.x, grid.grid.y) if picks[0].startswith("x") else (grid.grid.y, grid.grid.x)
    first, second = (along.label_of(int(pick[2:])) for pick in picks)
    pairs = []
    for one, other in zip(ones, others, strict=True):
        paths = grid.path(one), grid.path(other)
        if all(path.exists() for path in paths):
            position = one.row if axis is grid.grid.y else one.column
            shared = axis.label_of(position) if axis.name else ""
            pairs.append((paths[0].name, paths[1].name, shared))
    return (first, second), pairs


def blind_vote_panel(workspace: Workspace, shown: int, picks: Picks) -> str:
    """Return what the vote on the shown grid asks for now: two settings, a vote, or nothing more."""
    job = shown_grid(workspace, shown)
    if job is None:
        return placeholder(
            tr("Nothing to vote on yet"), tr("Paint a grid with two settings that you want to tell apart.")
        )
    grid = grid_folder(workspace, job)
    ballot = Ballot.open(grid.folder)
    if ballot is None or not ballot.is_whole(grid.folder):  # its pictures were deleted, or painted anew
        return setting_picker(grid, picks)
    if ballot.pair is not None:
        return pair_question(grid, ballot)
    return vote_result(grid, ballot) + setting_picker(grid, picks)


def setting_picker(grid: GridFolder, picks: Picks) -> str:
    """Return columns and rows as buttons of which two are picked."""
    parts = []
    for along, axis in (("x", grid.grid.x), ("y", grid.grid.y)):
        if len(axis.values) > 1:
            buttons = "".join(
                f'<button type="button" class="round-button plain" data-action="pick"'
                f' data-id="{along}:{number}"'
                f' aria-pressed="{str(f"{along}:{number}" in picks).lower()}">{escape(label)}</button>'
                for number, label in enumerate(axis.labels)
            )
            parts.append(
                f'<p class="label">{escape(axis.title)}</p><div class="round-buttons">{buttons}</div>'
            )
    count = len(pairs_of(grid, picks)[1]) if len(picks) == 2 else 0
    words = trn("{count} pair", "{count} pairs", count)
    start = button("start", tr("Start the vote"), kind="strong") if count else ""
    count_text = f'<span class="faint">{words}</span>' if len(picks) == 2 else ""
    return (
        f'<section class="setting-picker"><h2>{escape(tr("Which two?"))}</h2><p class="faint">'
        f"{escape(tr('You will see them side by side, without being told which is which.'))}</p>"
        f'{"".join(parts)}<div class="actions">{start}{count_text}</div></section>'
    )


def pair_question(grid: GridFolder, ballot: Ballot) -> str:
    """Return a pair of pictures and the question which is better."""
    number, pair = len(ballot.votes), ballot.pair
    assert pair is not None
    pictures = "".join(
        f'<img src="{_png_url(grid.folder / name)}" alt="{escape(side)}">'
        for side, name in zip((tr("Left picture"), tr("Right picture")), pair.sides, strict=True)
    )
    vote_buttons = "".join(
        f'<button type="button" class="action" data-action="{vote}" data-id="{number}">'
        f"{escape(words)}</button>"
        for vote, words in (("left", tr("Left")), ("same", tr("Both the same")), ("right", tr("Right")))
    )
    place = tr("{number} of {count}", number=number + 1, count=len(ballot.pairs))
    shared = f"{escape(pair.where)} · " if pair.where else ""
    return (
        f'<section class="pair-question"><header><h2>{escape(tr("Which is better?"))}</h2>'
        f'<span class="badge">{escape(place)}</span></header>'
        f'<p class="faint">{shared}“{escape(grid.grid.base.prompt)}”</p>'
        f'<div class="pair">{pictures}</div><div class="actions votes">{vote_buttons}</div>'
        f'<p class="faint">{escape(running_result(ballot.tally))}'
        f' <span class="keys">{escape(tr("The arrow keys vote too."))}</span></p>'
        f'<div class="actions">{button("reveal", tr("End and reveal")) if number else ""}'
        f"{button('discard', tr('Give up'))}</div></section>"
    )


def running_result(tally: Tally) -> str:
    """Return the result so far, without saying which setting is which."""
    ahead, behind = sorted((tally.first, tally.second), reverse=True)
    if not ahead:
        return tr("No preference so far.")
    return tr("So far {ahead} to {behind}, {same} the same.", ahead=ahead, behind=behind, same=tally.same)


def vote_result(grid: GridFolder, ballot: Ballot) -> str:
    """Return the result: which was which, which was preferred, and how sure that is."""
    tally, (first, second) = ballot.tally, ballot.settings
    decided, same = tally.first + tally.second, tr("same: {count}", count=tally.same)
    low, high = tally.interval
    share = tally.first / decided if decided else 0.5
    rows = "".join(
        f'<li><img src="{escape(file_url(grid.folder / pair.first))}" alt="{escape(first)}"'
        f'{_won(ballot.winner(number) == 0)}><img src="{escape(file_url(grid.folder / pair.second))}"'
        f' alt="{escape(second)}"{_won(ballot.winner(number) == 1)}><small>{escape(pair.where)}</small></li>'
        for number, pair in enumerate(ballot.pairs[: len(ballot.votes)])
    )
    figures = {"setting": first, "share": share, "low": low, "high": high}
    words = tr("{share:.0%} for {setting}, 95 % interval {low:.0%} to {high:.0%}", **figures)
    in_full = trn(
        "{share:.0%} of the {count} vote that preferred one is for {setting}; the 95 % interval is "
        "{low:.0%} to {high:.0%} (Wilson).",
        "{share:.0%} of the {count:,} votes that preferred one are for {setting}; the 95 % interval is "
        "{low:.0%} to {high:.0%} (Wilson).",
        decided,
        **figures,
    )
    if not decided:
        words = in_full = tr("No vote preferred one of them.")
    return (
        f'<section class="vote-result card" aria-label="{escape(tr("Result"))}">'
        f"<h2>{escape(conclusion(ballot))}</h2>"
        f'<div class="vote-share" role="img" aria-label="{escape(words)}"><b style="width:{share:.1%}"></b>'
        f'<i style="left:{low:.1%};right:{1 - high:.1%}"></i><u></u></div>'
        f'<div class="row ends"><span>{escape(first)}: {tally.first}</span><span>{escape(same)}</span>'
        f"<span>{escape(second)}: {tally.second}</span></div>"
        f'<details class="figures"><summary>{escape(tr("The figures"))}</summary>'
        f'<p class="faint">{escape(in_full)}</p></details>'
        f'<ul class="vote-pairs">{rows}</ul></section>'
    )


def conclusion(ballot: Ballot) -> str:
    """Return the result in a sentence; a preference only where the interval does not contain one half."""
    low, high = ballot.tally.interval
    first, second = ballot.settings
    if low > 0.5:
        return tr("{winner} is preferred to {other}", winner=first, other=second)
    if high < 0.5:
        return tr("{winner} is preferred to {other}", winner=second, other=first)
    return tr("These votes do not tell {first} and {second} apart", first=first, second=second)


def _won(won: bool) -> str:
    return ' class="won"' if won else ""


def _png_url(path: Path) -> str:
    return _cached_png_url(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _cached_png_url(path: Path, changed: int) -> str:
    """Return a picture in the address itself, so that not even the address tells which setting it shows."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
