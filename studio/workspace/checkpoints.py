"""The checkpoints of a training: concept files in the folder of its job, one for each preview.

The worker writes them, and forgets the oldest where there are many. A person may keep one, which then stays;
put it into the Library as a concept of its own; or use it in place of what the training made in the end. A
step that is used or put away can be brought back: what was in its place is in the trash.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from studio.concepts.concept_library import Entry, Library
from studio.concepts.header import read_header, rename_handle
from studio.errors import DiskError, StudioError
from studio.files import delete_file, write_atomic
from studio.words import tr
from studio.workspace.concept_marks import ConceptMarks
from studio.workspace.job import Job
from studio.workspace.jobs import Jobs
from studio.workspace.own_concept import is_made_by, put_in_its_place

CHECKPOINT, KEPT, SUFFIX = "checkpoint", "kept", ".safetensors"
SUGGESTED = "suggested"  # the text of the event of a checkpoint that is better than the end
MAX_CHECKPOINTS = 8  # of a training, beside those that are kept
MAX_KEPT = 5  # of a training
MAX_JOBS = 5  # trainings whose checkpoints stay: the last ones


def checkpoint_file(folder: Path, step: int) -> Path:
    """Return the file of a step in a job's folder, whether it is there or not."""
    return folder / f"{CHECKPOINT}-{step:06d}{SUFFIX}"


def kept_file(folder: Path, step: int) -> Path:
    """Return the file of a step that a person has kept, whether it is there or not."""
    return folder / f"{KEPT}-{step:06d}{SUFFIX}"


def forget_checkpoints(folder: Path, most: int = MAX_CHECKPOINTS) -> None:
    """Delete all but the newest checkpoints in a job's folder; those that were kept stay."""
    files = sorted(folder.glob(f"{CHECKPOINT}-*{SUFFIX}"))
    for file in files[: max(0, len(files) - most)]:
        with suppress(DiskError):
            delete_file(file)


def forget_old_checkpoints(jobs: Jobs) -> None:
    """Delete the checkpoints of all trainings but the last MAX_JOBS that anybody may still look at."""
    for job in jobs.newest(4 * MAX_JOBS, ("train",))[MAX_JOBS:]:
        if job.has_ended:
            forget_checkpoints(jobs.folder(job.id), 0)


def steps_in(folder: Path, kind: str = CHECKPOINT) -> list[int]:
    """Return the steps in a job's folder that have a file of a kind, CHECKPOINT or KEPT."""
    found = (
        re.fullmatch(rf"{kind}-(\d{{6}})\{SUFFIX}", path.name) for path in folder.glob(f"{kind}-*{SUFFIX}")
    )
    return sorted(int(match[1]) for match in found if match)


def keep_step(jobs: Jobs, job: Job, step: int) -> None:
    """Keep a step of a training. Raises StudioError when it is gone, or so many are kept already."""
    folder = jobs.folder(job.id)
    if kept_file(folder, step).is_file():
        return
    if len(steps_in(folder, KEPT)) >= MAX_KEPT:
        hint = "Let one of them go first, or make it a concept of its own."
        raise StudioError("{most} steps of this training are kept already.", hint, most=MAX_KEPT)
    write_atomic(kept_file(folder, step), _file(folder, step).read_bytes())
    _say(jobs, job, tr("Step {step} is kept.", step=step))


def release_step(jobs: Jobs, job: Job, step: int) -> None:
    """Let a kept step go. Raises DiskError when its file stays."""
    delete_file(kept_file(jobs.folder(job.id), step))
    _say(jobs, job, tr("Step {step} is no longer kept.", step=step))


def promote_step(jobs: Jobs, library: Library, job: Job, step: int) -> Entry:
    """Put a step into the Library as a concept of its own, "<lily-step-80>", and return it.

    Raises StudioError when it is gone.
    """
    folder = jobs.folder(job.id)
    source, trial = _file(folder, step), folder / f"promoted{SUFFIX}"
    write_atomic(trial, source.read_bytes())
    try:
        for handle in read_header(source).handles:
            ending = f"-step-{step}>"
            new = library.unused_handle(f"{handle[: 32 - len(ending)].rstrip('>')}{ending}")
            rename_handle(trial, handle, new, trial)
        entry = library.add(trial)
        text = "Step {step} is in your Library as {handle}."
        _say(jobs, job, tr(text, step=step, handle=entry.header.handle))
        return entry
    finally:
        with suppress(DiskError):
            delete_file(trial)


def use_step(jobs: Jobs, library: Library, marks: ConceptMarks, job: Job, step: int) -> Entry:
    """Put a step in the place of what the training made in the end, which goes to the trash.

    Its star, note and cover are given to the step.

    Raises StudioError when it is gone, or the concept in its place is another by now.
    """
    source = _file(jobs.folder(job.id), step)
    header = read_header(source)
    if library.has(header.handle):
        entry = library.find(header.handle)
        if not is_made_by(entry, job):
            hint = "Make the step a concept of its own instead."
            raise StudioError("{handle} is another concept by now.", hint, handle=header.handle)
        entry = put_in_its_place(library, marks, entry, source)
    else:
        entry = library.add(source)
    text = "{handle} is what was learned after step {step}; what it was is in the trash."
    _say(jobs, job, tr(text, handle=header.handle, step=step))
    return entry


def _say(jobs: Jobs, job: Job, text: str) -> None:
    """Note in the log of a training what was done with a step; with it the card is drawn anew."""
    jobs.log(job.id, {"event": "note", "text": text})


def _file(folder: Path, step: int) -> Path:
    """Return the file of a step, kept or not. Raises StudioError when there is none."""
    for file in (kept_file(folder, step), checkpoint_file(folder, step)):
        if file.is_file():
            return file
    hint = "Only the last steps of the last trainings stay, and those that were kept."
    raise StudioError("Step {step} is gone.", hint, step=step)
