"""The concept that a training has put into the Library: is it still there, what takes its place."""

from __future__ import annotations

from pathlib import Path

from studio.concepts.concept_library import Entry, Library
from studio.concepts.header import read_header
from studio.workspace.concept_marks import ConceptMarks
from studio.workspace.job import Job
from studio.workspace.training_task import TrainingTask


def is_made_by(entry: Entry, job: Job) -> bool:
    """Return whether a concept of the Library is what a training made the last time it ended."""
    if not job.has_learned or job.outcome["file"] != entry.path.name:
        return False
    task, header = TrainingTask.of(job), entry.header
    made = (header.method, header.seed, set(header.handles))
    if made != (task.method, task.seed, set(task.subject.handles)):
        return False
    return all(header.settings.get(name) == value for name, value in task.settings.items())


def put_in_its_place(library: Library, marks: ConceptMarks, before: Entry, source: Path) -> Entry:
    """Put the concept in a file in the place of the one `before`, which goes to the trash with its marks.

    The new one has them too. Raises StudioError when the file cannot be put there; then all is as before.
    """
    marks.pass_on(before.header, read_header(source), stays=True)
    return library.replace(before, source)
