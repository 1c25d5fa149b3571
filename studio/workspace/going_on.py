"""Go on with a job that has ended or was paused, or do more of one that is done."""

from __future__ import annotations

import dataclasses

from studio.concepts.concept_library import Library
from studio.errors import StudioError
from studio.subject import parse_subject
from studio.workspace.import_task import ImportTask
from studio.workspace.job import STATE_FILE, Job
from studio.workspace.jobs import Jobs
from studio.workspace.own_concept import is_made_by
from studio.workspace.training import coming_handles
from studio.workspace.training_task import TrainingTask

MAX_MORE_STEPS = 20_000


def go_on(jobs: Jobs, library: Library, number: int) -> Job:
    """Queue an ended or paused grid, training or import again under its number; it goes on where it was.

    A training without a kept state begins anew, with the same photos, settings and seed. Raises StudioError
    when its name is that of another concept by now, or its photos are gone.
    """
    job = jobs.get(number)
    known = library.shelf.by_handle.items()
    taken = {handle for handle, entry in known if not is_made_by(entry, job)}
    taken |= coming_handles(jobs)
    if job.kind == "train" and not (jobs.folder(number) / "photos").is_dir():
        hint = "Drop them in again and start a new training."
        raise StudioError("The photos of this job are gone.", hint)
    if job.kind == "import":
        task = ImportTask.of(job)
        parse_subject(task.handle, task.noun, taken)
        if not (jobs.folder(number) / task.file).is_file():
            raise StudioError("The file of this import is gone.", "Drop it in again.")
    if job.kind == "train" and job.has_ended:
        for handle, noun in TrainingTask.of(job).subject.handles.items():
            parse_subject(handle, noun, taken)
    jobs.log(number, {"event": "asked"})
    jobs.requeue(number)
    return jobs.get(number)


def can_train_further(jobs: Jobs, job: Job) -> bool:
    """Return whether more steps can be done of a training that is done: its state is still there."""
    return job.kind == "train" and job.status == "done" and (jobs.folder(job.id) / STATE_FILE).is_file()


def train_further(jobs: Jobs, library: Library, number: int, steps: int, base: str) -> Job:
    """Queue a training that is done again, to do `steps` more; its concept is replaced at the end.

    One that was stopped early also does what was left of it, even with 0 `steps`. On another base than its
    own it would begin anew, and replace what was learned there.

    Args:
        base: the fingerprint of the base that is loaded, empty where it is not known.

    Raises StudioError when its state is gone, its concept is no longer the one it made, or the base another.
    """
    job = jobs.get(number)
    if not can_train_further(jobs, job):
        raise StudioError(
            "This training cannot go on: its last state is gone.", "Start a new one from the photos."
        )
    if not 0 <= steps <= MAX_MORE_STEPS:
        raise StudioError(
            "{steps} more steps are out of range.",
            "Give 0 to {most}.",
            steps=steps,
            most=MAX_MORE_STEPS,
        )
    task = TrainingTask.of(job)
    for handle in task.subject.handles:
        entry = library.find(handle) if library.has(handle) else None
        if entry and not is_made_by(entry, job):
            raise StudioError(
                "{handle} is another concept by now.",
                "Rename that one, or start a new training.",
                handle=handle,
            )
        if entry and base and entry.header.fingerprint != base:
            trained_on, hint = entry.header.base, "Choose that base first."
            raise StudioError("{handle} was trained on {base}.", hint, handle=handle, base=trained_on)
    jobs.log(number, {"event": "asked"})
    more = dataclasses.replace(task, more_steps=task.more_steps + steps)
    jobs.requeue(number, more.to_json())
    return jobs.get(number)
