"""A grid on the page: how far it is, its pictures in rows and columns, and one picture with its recipe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.grids.grid_folder import ARCHIVE, FILE, PICTURE, GridFolder
from studio.recipes.axis import Axis
from studio.recipes.grid import Cell
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard
from studio.ui.create.gallery import tile
from studio.ui.parts.markup import button, download, duration, file_url, placeholder
from studio.ui.parts.progress_card import job_error, progress_bar, progress_of, status_badge
from studio.ui.parts.recipe_card import recipe_facts
from studio.words import tr
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

MAX_GRIDS = 24


def grids(workspace: Workspace) -> list[Job]:
    """Return the newest grids, newest first."""
    return workspace.jobs.newest(MAX_GRIDS, ("grid",))


def shown_grid(workspace: Workspace, number: int) -> Job | None:
    """Return the job of a grid: the newest when `number` is 0 or gone, None when there is no grid."""
    jobs = grids(workspace)
    return next((job for job in jobs if job.id == number), jobs[0] if jobs else None)


def require_grid(workspace: Workspace, number: int) -> Job:
    """Return the job of a grid as `shown_grid` does. Raises StudioError when there is no grid."""
    job = shown_grid(workspace, number)
    if job is None:
        raise StudioError("There is no grid.", "Paint one first.")
    return job


def cell_picture(workspace: Workspace, number: int, name: str) -> tuple[Path, Recipe]:
    """Return the path and the recipe of a picture of a grid. Raises StudioError when there is none."""
    grid = grid_folder(workspace, require_grid(workspace, number))
    path = grid.path(cell_named(grid, name))
    return path, read_recipe(path)


def grid_folder(workspace: Workspace, job: Job) -> GridFolder:
    """Open the folder of a grid. Raises StudioError when it cannot be read."""
    folder = workspace.jobs.folder(job.id)
    file = folder / FILE
    return _cached_folder(folder, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=64)
def _cached_folder(folder: Path, changed: int) -> GridFolder:
    return GridFolder.open(folder)


def cell_named(grid: GridFolder, name: str) -> Cell:
    """Return the cell whose picture has this file name. Raises StudioError when there is none."""
    for cell in grid.cells:
        if grid.path(cell).name == name:
            return cell
    raise StudioError("That picture is not in this grid.", "Select another one.")


def grid_buttons(workspace: Workspace, shown: int) -> str:
    """Return a button for each grid; nothing when there is only one."""
    jobs = grids(workspace)
    current = shown_grid(workspace, shown)
    if current is None or len(jobs) < 2:
        return ""
    rows = "".join(
        f'<button type="button" class="grid-button" data-action="grid" data-id="{job.id}"'
        f' aria-pressed="{str(job.id == current.id).lower()}"><span>{escape(job.title)}</span>'
        f"{status_badge(job)}</button>"
        for job in jobs
    )
    return f'<p class="label">{escape(tr("Grids"))}</p><div class="grids">{rows}</div>'


def grid_head(workspace: Workspace, shown: int) -> str:
    """Return what the shown grid compares, how far it is, and buttons to stop, go on or download."""
    job = shown_grid(workspace, shown)
    if job is None:
        hint = tr("Choose what changes from column to column and from row to row.")
        return placeholder(tr("No grid yet"), hint)
    try:
        grid = grid_folder(workspace, job)
    except StudioError as error:
        return placeholder(error.message, error.hint)
    painted = sum(grid.path(cell).exists() for cell in grid.cells)
    words = tr("<b>{painted}</b> of {count} pictures", painted=painted, count=len(grid.cells))
    numbers = f"<span>{words}</span>"
    progress = progress_of(workspace, job)
    below, buttons = "", ""
    match job.status:
        case "queued":
            below = progress_bar(progress, tr("Waiting"), waiting=True)
            buttons = button("stop", tr("Cancel"), job.id)
        case "running":
            left = progress.seconds_left
            time_left = f"<span>{tr('about {time} left', time=duration(left))}</span>" if left else ""
            numbers = f'<p class="numbers">{numbers}{time_left}</p>'
            below = progress_bar(progress, tr("Painting the grid")) + numbers
            buttons = button("stop", tr("Stop"), job.id)
        case "failed":
            below = job_error(job)
        case "stopped":
            below = f'<p class="numbers">{numbers}</p>'
            buttons = button("retry", tr("Go on"), job.id, "strong")
    if job.has_ended and painted:
        for file, words in ((PICTURE, tr("One labelled picture")), (ARCHIVE, tr("All as a zip"))):
            path = grid.folder / file
            buttons += download(path, words, f"{job.id:05d}-{file}") if path.exists() else ""
    buttons = f'<div class="actions">{buttons}</div>' if buttons else ""
    return (
        f'<section class="grid-head {job.status}" aria-label="{escape(tr("Grid"))}">'
        f'<header><h2>{escape(job.title)}</h2><div class="aside">{status_badge(job)}</div></header>'
        f"{below}{buttons}</section>"
    )


def grid_table(workspace: Workspace, shown: int, selected: str) -> str:
    """Return the pictures as a table with the values as headings, and the selected picture below."""
    job = shown_grid(workspace, shown)
    if job is None:
        return ""
    grid = grid_folder(workspace, job)
    x, y = grid.grid.x, grid.grid.y
    head = "".join(f'<th scope="col" role="columnheader">{escape(label)}</th>' for label in x.labels)
    labels = [escape(label) for label in x.labels]
    rows = []
    for label, cells in grid.lines("y"):
        tiles = "".join(
            f'<td role="cell" data-label="{labels[cell.column]}">{cell_tile(grid, cell, selected)}</td>'
            for cell in cells
        )
        title = f' data-title="{escape(y.title)}"' if y.name else ""
        rows.append(
            f'<tr role="row"><th scope="row" role="rowheader"{title}>{escape(label)}</th>{tiles}</tr>'
        )
    # the roles are those of the elements, which lose them where a narrow window shows them as blocks
    corner = f'<tr role="row"><td role="cell" class="corner">{escape(y.title)}</td>{head}</tr>'
    return (
        f'<div class="cells" tabindex="0" role="region" aria-label="{escape(tr("Pictures of the grid"))}">'
        f'<table role="table"><caption>{axis_words(x)}</caption><thead role="rowgroup">{corner}</thead>'
        f'<tbody role="rowgroup">{"".join(rows)}</tbody></table></div>'
        f"{selected_cell(grid, selected, workspace.refinements)}"
    )


def axis_words(axis: Axis) -> str:
    """Return what an axis changes, with the help of its knob."""
    note = f"<small>{escape(tr(axis.note))}</small>" if axis.note else ""
    return f"<b>{escape(axis.title)}</b>{note}"


def cell_tile(grid: GridFolder, cell: Cell, selected: str = "") -> str:
    """Return a cell's picture as a button, or an empty tile before it is painted."""
    path = grid.path(cell)
    if not path.exists():
        return '<span class="tile pending"></span>'
    return tile(path, selected, grid.label_of(cell), "open")


def selected_cell(grid: GridFolder, selected: str, cards: Sequence[RefinementCard]) -> str:
    """Return the card of the selected picture with its recipe; empty when it is not painted."""
    cell = next((cell for cell in grid.cells if grid.path(cell).name == selected), None)
    if cell is None or not grid.path(cell).exists():
        return ""
    path = grid.path(cell)
    name = path.name
    buttons = button("create", tr("Open in Create"), name, "strong")
    buttons += button("left", tr("Left of the slider"), name)
    buttons += button("right", tr("Right of the slider"), name)
    buttons += download(path, tr("Download"), grid.file_name(cell))
    return (
        f'<section class="card picture" aria-label="{escape(tr("Picture and recipe"))}">'
        f'<img src="{escape(file_url(path))}" alt="{escape(grid.label_of(cell))}"><div class="card-text">'
        f"<blockquote>{escape(cell.recipe.prompt)}</blockquote>{recipe_facts(cell.recipe, cards)}"
        f'<div class="actions">{buttons}{button("close", tr("Close"))}</div></div></section>'
    )
