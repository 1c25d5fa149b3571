"""Concepts that were learned when the Library had no room for them, and lie in another folder since."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from studio.concepts.concept_library import Library
from studio.concepts.header import read_header
from studio.errors import DiskError
from studio.files import delete_file, other_folders
from studio.workspace.concept_marks import ConceptMarks
from studio.workspace.job import UNSAVED, Job
from studio.workspace.jobs import Jobs
from studio.workspace.own_concept import is_made_by, put_in_its_place


def unsaved_concept(jobs: Jobs, job: Job) -> Path | None:
    """Return the file of the concept that a training learned and the Library had no room for, or None."""
    kept = job.outcome.get(UNSAVED)
    if not isinstance(kept, str):
        return None
    path, folders = Path(kept), (jobs.folder(job.id), *other_folders())
    return path if path.parent in folders and path.is_file() else None


def save_unsaved(jobs: Jobs, library: Library, marks: ConceptMarks, job: Job, kept: Path) -> Job:
    """Put the concept that a failed training left in `kept` into the Library; returns the job, now done.

    What it was before it was trained further goes to the trash; its star, note and cover stay with it, and
    are given to the new one.
    """
    before = library.shelf.by_handle.get(read_header(kept).handle)
    is_own = before is not None and is_made_by(before, job)
    entry = put_in_its_place(library, marks, before, kept) if before and is_own else library.add(kept)
    jobs.mark_done(job.id, {"handle": entry.header.handle, "file": entry.path.name})
    with suppress(DiskError):
        delete_file(kept)
    return jobs.get(job.id)
