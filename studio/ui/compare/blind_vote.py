"""The blind vote: which two settings, one pair after the other, the running result, and who was who."""

from __future__ import annotations

import base64
from functools import lru_cache
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.grids.blind_vote import Ballot, Tally
from studio.grids.grid_folder import GridFolder
from studio.ui.compare.grid_view import sheet_of, shown_grid
from studio.ui.parts.markup import button, empty, file_url
from studio.workspace.workspace import Workspace

Picks = tuple[str, ...]  # up to two of "x:0" (column 0), "y:2" (row 2)

KEYS_SCRIPT = """
const keys = {ArrowLeft: 'left', ArrowRight: 'right', ArrowDown: 'same'};
document.addEventListener('keydown', event => {
  const vote = element.offsetParent !== null && keys[event.key];
  if (!vote || event.target.closest('input, textarea, select, [role="tab"]')) return;
  const button = element.querySelector(`[data-act="${vote}"]`);
  if (button) { event.preventDefault(); button.click(); }
});
"""


def picked(picks: Picks, name: str) -> Picks:
    """`picks` with one more or one less; a third, or one of the other direction, begins anew."""
    if name in picks:
        return tuple(pick for pick in picks if pick != name)
    same = [pick for pick in picks if pick[0] == name[:1]]
    return (*same[-1:], name)


def pairs_of(sheet: GridFolder, picks: Picks) -> tuple[tuple[str, str], list[tuple[str, str, str]]]:
    """The headings of two picked settings, and their pairs of painted cells: first, second, what they share.
    Raises StudioError unless two are picked."""
    groups = {f"{along}:{n}": group for along in "xy" for n, group in enumerate(sheet.lines(along))}
    chosen = [groups[pick] for pick in picks if pick in groups]
    if len(chosen) != 2:
        raise StudioError("Two settings are needed for a vote.", "Choose two columns or two rows.")
    (_, ones), (_, others) = chosen
    along, axis = (sheet.grid.x, sheet.grid.y) if picks[0].startswith("x") else (sheet.grid.y, sheet.grid.x)
    first, second = (along.label_of(int(pick[2:])) for pick in picks)
    pairs = []
    for one, other in zip(ones, others, strict=True):
        paths = sheet.path(one), sheet.path(other)
        if all(path.exists() for path in paths):
            place = one.row if axis is sheet.grid.y else one.column
            shared = axis.label_of(place) if axis.name else ""
            pairs.append((paths[0].name, paths[1].name, shared))
    return (first, second), pairs


def ballot_box(workspace: Workspace, shown: int, picks: Picks) -> str:
    """What the vote of the shown grid asks for now."""
    job = shown_grid(workspace, shown)
    if job is None:
        return empty("Nothing to vote on yet", "Paint a grid with two settings that you want to tell apart.")
    sheet = sheet_of(workspace, job)
    ballot = Ballot.open(sheet.folder)
    if ballot is None:
        return choosing(sheet, picks)
    return verdict(sheet, ballot) + choosing(sheet, picks) if ballot.pair is None else asking(sheet, ballot)


def choosing(sheet: GridFolder, picks: Picks) -> str:
    """Columns and rows as chips, of which two are picked."""
    parts = []
    for along, axis in (("x", sheet.grid.x), ("y", sheet.grid.y)):
        if len(axis.values) > 1:
            chips = "".join(
                f'<button type="button" class="chip plain" data-act="pick" data-id="{along}:{number}"'
                f' aria-pressed="{str(f"{along}:{number}" in picks).lower()}">{escape(label)}</button>'
                for number, label in enumerate(axis.labels)
            )
            parts.append(f'<p class="label">{escape(axis.title)}</p><div class="chips">{chips}</div>')
    count = len(pairs_of(sheet, picks)[1]) if len(picks) == 2 else 0
    words = f"{count} pairs" if count != 1 else "1 pair"
    start = button("start", "Start the vote", kind="strong") if count else ""
    told = f'<span class="faint">{words}</span>' if len(picks) == 2 else ""
    return (
        '<section class="choosing"><h2>Which two?</h2>'
        '<p class="faint">You will see them side by side, without being told which is which.</p>'
        f'{"".join(parts)}<div class="acts">{start}{told}</div></section>'
    )


def asking(sheet: GridFolder, ballot: Ballot) -> str:
    """A pair, and the question."""
    number, pair = len(ballot.votes), ballot.pair
    assert pair is not None
    pictures = "".join(
        f'<img src="{_inside(sheet.folder / name)}" alt="{side} picture">'
        for side, name in zip(("Left", "Right"), pair.sides, strict=True)
    )
    acts = "".join(
        f'<button type="button" class="act" data-act="{vote}" data-id="{number}">{words}</button>'
        for vote, words in (("left", "Left"), ("same", "Both the same"), ("right", "Right"))
    )
    shared = f"{escape(pair.where)} · " if pair.where else ""
    return (
        f'<section class="asking"><header><h2>Which is better?</h2><span class="badge">{number + 1} of '
        f'{len(ballot.pairs)}</span></header><p class="faint">{shared}“{escape(sheet.grid.base.prompt)}”</p>'
        f'<div class="pair">{pictures}</div><div class="acts votes">{acts}</div>'
        f'<p class="faint">{running(ballot.tally)} <span class="keys">The arrow keys vote too.</span></p>'
        f'<div class="acts">{button("reveal", "End and reveal") if number else ""}'
        f"{button('drop', 'Give up')}</div></section>"
    )


def running(tally: Tally) -> str:
    """The result so far, without telling which setting is which."""
    ahead, behind = sorted((tally.first, tally.second), reverse=True)
    if not ahead:
        return "No preference so far."
    low, high = tally.interval if tally.first >= tally.second else [1 - end for end in tally.interval[::-1]]
    return (
        f"So far {ahead} to {behind}, {tally.same} the same: {ahead / (ahead + behind):.0%} for one of them "
        f"(95 % interval {low:.0%} to {high:.0%})."
    )


def verdict(sheet: GridFolder, ballot: Ballot) -> str:
    """The end: which was which, what was preferred, and how sure that is."""
    tally, (first, second) = ballot.tally, ballot.settings
    decided = tally.first + tally.second
    low, high = tally.interval
    share = tally.first / decided if decided else 0.5
    rows = "".join(
        f'<li><img src="{escape(file_url(sheet.folder / pair.first))}" alt="{escape(first)}"'
        f'{_won(ballot.winner(number) == 0)}><img src="{escape(file_url(sheet.folder / pair.second))}"'
        f' alt="{escape(second)}"{_won(ballot.winner(number) == 1)}><small>{escape(pair.where)}</small></li>'
        for number, pair in enumerate(ballot.pairs[: len(ballot.votes)])
    )
    words = f"{share:.0%} for {first}, 95 % interval {low:.0%} to {high:.0%}"
    return (
        f'<section class="verdict card" aria-label="Result"><h2>{escape(conclusion(ballot))}</h2>'
        f'<div class="share" role="img" aria-label="{escape(words)}"><b style="width:{share:.1%}"></b>'
        f'<i style="left:{low:.1%};right:{1 - high:.1%}"></i><u></u></div>'
        f'<div class="row ends"><span>{escape(first)}: {tally.first}</span><span>same: {tally.same}</span>'
        f"<span>{escape(second)}: {tally.second}</span></div>"
        f'<p class="faint">{share:.0%} of the {decided} votes that preferred one are for {escape(first)}; '
        f"the 95 % interval is {low:.0%} to {high:.0%} (Wilson).</p>"
        f'<ul class="ballots">{rows}</ul></section>'
    )


def conclusion(ballot: Ballot) -> str:
    """The result in a sentence: a preference only where its interval leaves out one half."""
    low, high = ballot.tally.interval
    first, second = ballot.settings
    if low > 0.5:
        return f"{first} is preferred to {second}"
    if high < 0.5:
        return f"{second} is preferred to {first}"
    return f"These votes do not tell {first} and {second} apart"


def _won(won: bool) -> str:
    return ' class="won"' if won else ""


def _inside(path: Path) -> str:
    return _data(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=16)
def _data(path: Path, changed: int) -> str:
    """A picture inside the page, so that not even its address tells where it comes from."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
