"""Which setting is best: the scatter plot of a grid, the suggestion with its reason, what was compared."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.grids.frontier import Point, best, front, points, reason
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores
from studio.recipes.axis import Axis
from studio.ui.compare.grid_view import cell_tile, sheet_of, shown_grid
from studio.ui.compare.scatter import scatter
from studio.ui.parts.markup import button, empty, note_card, segments
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace


def default_along(sheet: GridFolder) -> str:
    """The direction whose values are worth comparing: the columns, unless they are only seeds."""
    return "y" if sheet.grid.x.name == "seed" and sheet.grid.y.name else "x"


def frontier_panel(workspace: Workspace, shown: int, along: str, chosen: str) -> str:
    """The panel for the shown grid; `along` is "x", "y" or "" for the one that makes sense, `chosen` the
    heading of the setting whose pictures are shown."""
    job = shown_grid(workspace, shown)
    if job is None:
        return empty("Nothing to plot yet", "Paint a grid: each of its settings becomes a point.")
    sheet = sheet_of(workspace, job)
    marks = GridScores.open(sheet.folder)
    if marks is None:
        return _unjudged(workspace, job)
    along = along or default_along(sheet)
    found = points(sheet, marks, along)
    axis = sheet.grid.x if along == "x" else sheet.grid.y
    named = {name: each.title for name, each in (("x", sheet.grid.x), ("y", sheet.grid.y)) if each.name}
    turns = segments("along", "A point for each", named, along)
    head = f'<div class="row wrap"><span>A point for each</span>{turns}</div>'
    if not found:
        return f"{head}{_compared(marks)}"
    top = best(found)
    assert top is not None
    return (
        f"{head}{scatter(found, chosen)}"
        f'<section class="card best" aria-label="Best setting"><strong>Best of both: '
        f"{escape(axis.label_of(axis.labels.index(top.label)))}</strong><p>{escape(reason(found))}</p></section>"
        f"{_pictures(sheet, along, chosen, axis)}{point_table(found, axis.title)}{_compared(marks)}"
    )


def _unjudged(workspace: Workspace, job: Job) -> str:
    """Why there are no marks."""
    if not job.has_ended:
        return empty("Not judged yet", "The judge looks at the pictures when the grid is done.")
    if workspace.judge is None:
        hint = "Likeness and agreement are measured by a model in the folder “judge” of the base."
        return empty("This base has no judge", hint)
    words = "Judge them now" if job.status == "done" else "Paint the rest and judge"
    act = button("judge", words, job.id, "strong")
    return note_card("Nobody has looked at these pictures yet.", act)


def _compared(marks: GridScores) -> str:
    """What is compared with what."""
    known = [f"{count} photos of {handle}" for handle, count in marks.photos.items() if count]
    lacking = [handle for handle, count in marks.photos.items() if not count]
    parts = []
    if known:
        parts.append(
            f"Likeness is the mean cosine of a picture with the {' and the '.join(known)} that were trained "
            "on; a picture whose nearest photo is far nearer than that is a copy, and no merit."
        )
    if lacking:
        parts.append(
            f"The photos of {' and '.join(lacking)} are not in this workspace, so likeness to "
            f"{'it' if len(lacking) == 1 else 'them'} cannot be measured."
        )
    if not marks.photos:
        parts.append("The prompts name no concept, so there is nothing to be like.")
    parts.append("Agreement is the cosine of a picture with its prompt, a concept read as its plain noun.")
    parts.append(f"All as {marks.judge} sees it. Lines are 95 % intervals over the pictures of a setting.")
    return f'<p class="faint">{escape(" ".join(parts))}</p>'


def _pictures(sheet: GridFolder, along: str, chosen: str, axis: Axis) -> str:
    for place, (label, cells) in enumerate(sheet.lines(along)):
        if label == chosen:
            tiles = "".join(cell_tile(sheet, cell) for cell in cells)
            return f'<h2>{escape(axis.label_of(place))}</h2><div class="tiles">{tiles}</div>'
    return '<p class="faint">Click a point to see its pictures.</p>'


def point_table(found: Sequence[Point], title: str) -> str:
    """The points as numbers; those of the front are marked."""
    edge = {point.label for point in front(found)}
    rows = "".join(
        f'<tr><th scope="row"><button type="button" class="act act-link" data-act="point"'
        f' data-id="{escape(point.label)}">{escape(point.label)}</button></th>'
        f"<td>{point.likeness}</td><td>{point.agreement}</td><td>{point.copying or ''}</td>"
        f"<td>{point.likeness.n}</td>"
        f"<td>{'yes' if point.label in edge else ''}</td></tr>"
        for point in found
    )
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Settings in numbers">'
        f'<table class="differences"><thead><tr><th scope="col">{escape(title)}</th>'
        '<th scope="col">Likeness</th><th scope="col">Agreement</th><th scope="col">Nearest photo</th>'
        '<th scope="col">Pictures</th>'
        f'<th scope="col">On the front</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )
