"""Drawings of a grid: how far it is, its cells in their rows and columns, and one cell with its recipe."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from pathlib import Path

from studio.errors import StudioError
from studio.grids.grid_folder import ARCHIVE, FILE, PICTURE, GridFolder
from studio.recipes.axis import Axis
from studio.recipes.grid import Cell
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.ui.create.gallery import tile
from studio.ui.parts.markup import button, download, duration, empty, file_url
from studio.ui.parts.progress_card import badge, bar, job_error, progress_of
from studio.ui.parts.recipe_card import recipe_facts
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace

GRIDS_HIGH = 24


def grids(workspace: Workspace) -> list[Job]:
    """The newest grids, newest first."""
    return workspace.jobs.list(GRIDS_HIGH, ("grid",))


def shown_grid(workspace: Workspace, number: int) -> Job | None:
    """The grid `number`, the newest when it is 0 or gone; None when there is none."""
    jobs = grids(workspace)
    return next((job for job in jobs if job.id == number), jobs[0] if jobs else None)


def the_grid(workspace: Workspace, number: int) -> Job:
    """As `shown_grid`, where there has to be one. Raises StudioError when there is none."""
    job = shown_grid(workspace, number)
    if job is None:
        raise StudioError("There is no grid.", "Paint one first.")
    return job


def cell_opened(workspace: Workspace, number: int, name: str) -> tuple[Path, Recipe]:
    """The path and the recipe of a picture of a grid. Raises StudioError when there is none."""
    sheet = sheet_of(workspace, the_grid(workspace, number))
    path = sheet.path(cell_named(sheet, name))
    return path, read_recipe(path)


def sheet_of(workspace: Workspace, job: Job) -> GridFolder:
    """The sheet of a grid job. Raises StudioError when it cannot be read."""
    folder = workspace.jobs.folder(job.id)
    file = folder / FILE
    return _sheet(folder, file.stat().st_mtime_ns if file.exists() else 0)


@lru_cache(maxsize=64)
def _sheet(folder: Path, changed: int) -> GridFolder:
    return GridFolder.open(folder)


def cell_named(sheet: GridFolder, name: str) -> Cell:
    """The cell whose picture has this file name. Raises StudioError when there is none."""
    for cell in sheet.cells:
        if sheet.path(cell).name == name:
            return cell
    raise StudioError("That picture is not in this grid.", "Select another one.")


def grid_list(workspace: Workspace, shown: int) -> str:
    """The grids there are, as buttons; nothing when there is only one."""
    jobs = grids(workspace)
    current = shown_grid(workspace, shown)
    if current is None or len(jobs) < 2:
        return ""
    rows = "".join(
        f'<button type="button" class="earlier" data-act="grid" data-id="{job.id}"'
        f' aria-pressed="{str(job.id == current.id).lower()}"><span>{escape(job.title)}</span>'
        f"{badge(job)}</button>"
        for job in jobs
    )
    return f'<p class="label">Grids</p><div class="grids">{rows}</div>'


def grid_head(workspace: Workspace, shown: int) -> str:
    """What the shown grid compares, how far it is, and what can be done with it."""
    job = shown_grid(workspace, shown)
    if job is None:
        return empty("No grid yet", "Choose what changes from column to column and from row to row.")
    try:
        sheet = sheet_of(workspace, job)
    except StudioError as error:
        return empty(error.message, error.hint)
    there = sum(sheet.path(cell).exists() for cell in sheet.cells)
    count = f"<span><b>{there}</b> of {len(sheet.cells)} pictures</span>"
    progress = progress_of(workspace, job)
    below, acts = "", ""
    match job.status:
        case "queued":
            below = bar(progress, "Waiting", waiting=True)
            acts = button("stop", "Cancel", job.id)
        case "running":
            left = progress.seconds_left
            soon = f"<span>about {duration(left)} left</span>" if left else ""
            numbers = (
                f'<p class="numbers"><span><b>{there}</b> of {len(sheet.cells)} pictures</span>{soon}</p>'
            )
            below = bar(progress, "Painting the grid") + numbers
            acts = button("stop", "Stop", job.id)
        case "failed":
            below = job_error(job)
        case "stopped":
            below = f'<p class="numbers">{count}</p>'
            acts = button("retry", "Go on", job.id, "strong")
    if job.has_ended and there:
        for file, words in ((PICTURE, "One labelled picture"), (ARCHIVE, "All as a zip")):
            path = sheet.folder / file
            acts += download(path, words, f"{job.id:05d}-{file}") if path.exists() else ""
    acts = f'<div class="acts">{acts}</div>' if acts else ""
    return (
        f'<section class="grid-head {job.status}" aria-label="Grid"><header><h2>{escape(job.title)}</h2>'
        f'<div class="aside">{badge(job)}</div></header>{below}{acts}</section>'
    )


def grid_cells(workspace: Workspace, shown: int, selected: str) -> str:
    """The cells as a table whose headings are the values, and the selected one below."""
    job = shown_grid(workspace, shown)
    if job is None:
        return ""
    sheet = sheet_of(workspace, job)
    x, y = sheet.grid.x, sheet.grid.y
    head = "".join(f'<th scope="col">{escape(label)}</th>' for label in x.labels)
    rows = []
    for label, cells in sheet.lines("y"):
        tiles = "".join(f"<td>{cell_tile(sheet, cell, selected)}</td>" for cell in cells)
        rows.append(f'<tr><th scope="row">{escape(label)}</th>{tiles}</tr>')
    return (
        f'<div class="cells" tabindex="0" role="region" aria-label="Pictures of the grid"><table>'
        f"<caption>{axis_words(x)}</caption>"
        f'<thead><tr><td class="corner">{escape(y.title)}</td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>{chosen_cell(sheet, selected)}"
    )


def axis_words(axis: Axis) -> str:
    """What an axis changes, with what its knob does."""
    note = f"<small>{escape(axis.note)}</small>" if axis.note else ""
    return f"<b>{escape(axis.title)}</b>{note}"


def cell_tile(sheet: GridFolder, cell: Cell, selected: str = "", act: str = "open") -> str:
    """A cell's picture as a button, or the place where it will be."""
    path = sheet.path(cell)
    if not path.exists():
        return '<span class="tile coming"></span>'
    return tile(path, selected, sheet.label_of(cell), act)


def chosen_cell(sheet: GridFolder, selected: str) -> str:
    """The picture that was selected, with its recipe."""
    cell = next((cell for cell in sheet.cells if sheet.path(cell).name == selected), None)
    if cell is None or not sheet.path(cell).exists():
        return ""
    path = sheet.path(cell)
    name = path.name
    acts = button("create", "Open in Create", name, "strong") + button("left", "Left of the slider", name)
    acts += button("right", "Right of the slider", name) + download(path, "Download", sheet.file_name(cell))
    return (
        f'<section class="card picture" aria-label="Picture and recipe">'
        f'<img src="{escape(file_url(path))}" alt="{escape(sheet.label_of(cell))}"><div class="told">'
        f"<blockquote>{escape(cell.recipe.prompt)}</blockquote>{recipe_facts(cell.recipe)}"
        f'<div class="acts">{acts}{button("shut", "Close")}</div></div></section>'
    )
