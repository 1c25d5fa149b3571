"""The best setting of a grid: sentences about it, its pictures, and the figures folded below them."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from studio.grids.findings import findings
from studio.grids.frontier import Point, best, front, points, reason
from studio.grids.grid_folder import GridFolder
from studio.grids.scores import GridScores
from studio.recipes.axis import Axis
from studio.ui.compare.grid_view import cell_tile, grid_folder, shown_grid
from studio.ui.compare.scatter import scatter
from studio.ui.parts.markup import button, note_card, placeholder, segments
from studio.words import all_of, tr, trn
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace


def default_along(grid: GridFolder) -> str:
    """Return the axis to compare, "x" or "y": the columns, unless they are only seeds."""
    return "y" if grid.grid.x.name == "seed" and grid.grid.y.name else "x"


def frontier_panel(workspace: Workspace, shown: int, along: str, chosen: str) -> str:
    """Return the panel for the shown grid; `chosen` is the best setting where nobody has chosen another.

    Args:
        along: the axis whose values are compared, "x" or "y"; empty for `default_along`.
        chosen: heading of the setting whose pictures are shown.
    """
    job = shown_grid(workspace, shown)
    if job is None:
        return placeholder(
            tr("Nothing to plot yet"), tr("Paint a grid: each of its settings becomes a point.")
        )
    grid = grid_folder(workspace, job)
    scores = GridScores.open(grid.folder)
    if scores is None:
        return _without_scores(workspace, job)
    along = along or default_along(grid)
    found = points(grid, scores, along)
    axis = grid.grid.x if along == "x" else grid.grid.y
    named = {name: each.title for name, each in (("x", grid.grid.x), ("y", grid.grid.y)) if each.name}
    buttons = segments("along", tr("Compare by"), named, along)
    head = f'<div class="row wrap"><span>{escape(tr("Compare by"))}</span>{buttons}</div>'
    if not found:
        return f"{head}{_method_text(scores)}"
    top = best(found)
    assert top is not None
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in findings(grid, scores, along))
    return (
        f'{head}<section class="card best" aria-label="{escape(tr("Best setting"))}">{said}</section>'
        f'<div id="best-pictures">{_pictures(grid, along, chosen or top.label, axis)}</div>'
        f'<details class="figures"><summary>{escape(tr("The figures"))}</summary>'
        f"{scatter(found, chosen or top.label)}"
        f'<p class="faint">{escape(reason(found))}</p>{point_table(found, axis.title)}{_method_text(scores)}'
        "</details>"
    )


def _without_scores(workspace: Workspace, job: Job) -> str:
    """Return why there are no scores, and a button that measures them."""
    if not job.has_ended:
        return placeholder(tr("Not judged yet"), tr("The judge looks at the pictures when the grid is done."))
    if workspace.judge is None:
        hint = tr("Likeness and agreement are measured by a model in the folder “judge” of the base.")
        return placeholder(tr("This base has no judge"), hint)
    words = tr("Judge them now") if job.status == "done" else tr("Paint the rest and judge")
    judge = button("judge", words, job.id, "strong")
    return note_card(tr("Nobody has looked at these pictures yet."), judge)


def _method_text(scores: GridScores) -> str:
    """Return what was measured, and against what."""
    measured = [
        trn("{count} photo of {handle}", "{count:,} photos of {handle}", count, handle=handle)
        for handle, count in scores.photos.items()
        if count
    ]
    missing = [handle for handle, count in scores.photos.items() if not count]
    parts = []
    if measured:
        parts.append(
            tr(
                "Likeness is the mean cosine of a picture with the {photos} that were trained on; a picture "
                "whose nearest photo is far nearer than that is a copy, and no merit.",
                photos=tr(" and the ").join(measured),
            )
        )
    if missing:
        parts.append(
            trn(
                "The photos of {handles} are not in this workspace, so likeness to it cannot be measured.",
                "The photos of {handles} are not in this workspace, so likeness to them cannot be measured.",
                len(missing),
                handles=all_of(missing),
            )
        )
    if not scores.photos:
        parts.append(tr("The prompts name no concept, so there is nothing to be like."))
    parts.append(
        tr("Agreement is the cosine of a picture with its prompt, a concept read as its plain noun.")
    )
    parts.append(
        tr(
            "All as {judge} sees it. Lines are 95 % intervals over the pictures of a setting.",
            judge=scores.judge,
        )
    )
    parts.append(
        tr(
            "The sentences compare pictures that share the rest, such as the seed, which tells more than the "
            "lines; all of them together hold in 95 % of grids."
        )
    )
    return f'<p class="faint">{escape(" ".join(parts))}</p>'


def _pictures(grid: GridFolder, along: str, chosen: str, axis: Axis) -> str:
    for position, (label, cells) in enumerate(grid.lines(along)):
        if label == chosen:
            tiles = "".join(cell_tile(grid, cell) for cell in cells)
            return f'<h2>{escape(axis.label_of(position))}</h2><div class="tiles">{tiles}</div>'
    return ""


def point_table(found: Sequence[Point], title: str) -> str:
    """Return the points as a table; those on the Pareto front are marked."""
    edge = {point.label for point in front(found)}
    rows = "".join(
        f'<tr><th scope="row"><button type="button" class="action action-link" data-action="point"'
        f' data-id="{escape(point.label)}">{escape(point.label)}</button></th>'
        f"<td>{point.likeness}</td><td>{point.agreement}</td><td>{point.copying or ''}</td>"
        f"<td>{point.likeness.n}</td>"
        f"<td>{escape(tr('yes')) if point.label in edge else ''}</td></tr>"
        for point in found
    )
    titles = (
        title,
        tr("Likeness"),
        tr("Agreement"),
        tr("Nearest photo"),
        tr("Pictures"),
        tr("On the front"),
    )
    head = "".join(f'<th scope="col">{escape(words)}</th>' for words in titles)
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(tr("Settings in numbers"))}">'
        f'<table class="differences"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'
    )
