"""Imports of other programs' files on their way to the queue, and the task that the worker reads.

The worker does them: whether a file fits is decided on the base that it has loaded.
"""

from __future__ import annotations

import dataclasses
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.documents import FileName, Handle, ShortText, read_document
from studio.errors import disk_errors
from studio.subject import Subject
from studio.words import tr
from studio.workspace.job import Job
from studio.workspace.jobs import Jobs


@dataclass(frozen=True)
class ImportTask:
    """What an import is to make of the file in the folder of its job.

    Args:
        file: its name there, the one that it came with.
        handle, noun: of the new concept.
        trigger: words that a LoRA answers to; empty for those that the file names, or the noun.
    """

    file: FileName
    handle: Handle
    noun: ShortText
    trigger: ShortText = ""

    @classmethod
    def of(cls, job: Job) -> ImportTask:
        """Return the task of an import. Raises DocumentError when it is damaged."""
        return read_document(
            cls, job.task, tr("The import"), hint=tr("Delete it, and import the file again.")
        )

    def to_json(self) -> dict[str, Any]:
        """Return the values for the job table."""
        return dataclasses.asdict(self)


def queue_import(jobs: Jobs, path: Path, subject: Subject, trigger: str) -> Job:
    """Queue the import of a copy of a file as a concept. Raises DiskError when there is no room for it."""
    task = ImportTask(path.name, subject.handle, subject.noun, trigger)
    title = tr("{handle} from {file}", handle=subject.handle, file=path.name)
    with jobs.adding("import", title, task.to_json()) as (number, folder), disk_errors(folder / path.name):
        shutil.copyfile(path, folder / path.name)
    return jobs.get(number)
