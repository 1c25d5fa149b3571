"""Rename a concept everywhere it is waited for: its file, and the paintings and grids that name it."""

from __future__ import annotations

from contextlib import suppress

from studio.concepts.concept_library import Entry, Library
from studio.errors import StudioError
from studio.grids.grid_folder import GridFolder
from studio.handles import to_handle
from studio.recipes.recipe import Recipe
from studio.recipes.renaming import Renaming
from studio.workspace.former_names import FormerNames
from studio.workspace.job import Job, Status
from studio.workspace.jobs import Jobs

MAX_JOBS = 10_000
STILL_TO_PAINT: tuple[Status, ...] = ("queued", "paused", "failed", "stopped")


def rename_concept(library: Library, jobs: Jobs, former_names: FormerNames, handle: str, name: str) -> Entry:
    """Give a concept another name, also in what is to be painted with it.

    That is every painting and grid that waits or is paused, and every one that failed or was stopped, which
    Retry would start again; old pictures find it by `former_names`, and so does what runs, since only the
    worker changes that. Raises StudioError when the name is taken or cannot be used.
    """
    before = library.hash(library.find(handle))
    entry = library.rename(handle, name)
    renaming = Renaming(handle, to_handle(name), before, library.hash(entry))
    if renaming.new == renaming.old:
        return entry
    former_names.add(renaming)
    for job in jobs.newest(MAX_JOBS, ("create", "grid"), STILL_TO_PAINT):
        with suppress(StudioError, OSError):  # a damaged one says so itself once it is its turn
            _rename_in_job(jobs, job, renaming)
    return entry


def _rename_in_job(jobs: Jobs, job: Job, renaming: Renaming) -> None:
    if job.kind == "grid":
        grid = GridFolder.open(jobs.folder(job.id))
        if any(renaming.names(cell.recipe) for cell in grid.cells):
            jobs.change_task(job.id, job.task, grid.rename(renaming).grid.title)
        return
    recipe = Recipe.from_json(job.task)
    if renaming.names(recipe):
        recipe = renaming.recipe(recipe)
        jobs.change_task(job.id, recipe.to_json(), recipe.prompt)
