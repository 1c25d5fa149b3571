"""The task of a training, as the page queues it and the worker reads it. Read from disk strictly."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Le

from studio.documents import Count, Handle, Scalar, ShortText, read_document
from studio.limits import MAX_SEED
from studio.recipes.recipe import Prompt
from studio.subject import Subject
from studio.words import tr
from studio.workspace.job import Job


@dataclass(frozen=True)
class TrainingTask:
    """What a training is to do with the photos in the folder of its job.

    Args:
        method: its id; `method_title` is empty in tasks of earlier versions.
        handle, noun: of the first subject.
        settings: those that differ from the method's defaults; all of them once the training has begun.
        photos: how many.
        beside: the noun of each other handle that is learned together with the first.
        more_steps: to be done beyond those of the settings.
        samples: prompts that are painted beside every preview.
    """

    method: ShortText
    handle: Handle
    noun: ShortText
    settings: dict[ShortText, Scalar] = field(default_factory=dict)
    seed: Annotated[int, Ge(0), Le(MAX_SEED)] = 0
    photos: Count = 0
    beside: dict[Handle, ShortText] = field(default_factory=dict)
    more_steps: Count = 0
    samples: tuple[Prompt, ...] = ()
    method_title: ShortText = ""

    @classmethod
    def of(cls, job: Job) -> TrainingTask:
        """Return the task of a training. Raises DocumentError when it is damaged."""
        return read_document(cls, job.task, tr("The training"), hint=tr("Delete it, and start a new one."))

    @property
    def subject(self) -> Subject:
        """Return what is learned, with the subjects beside it."""
        others = tuple(Subject(handle, noun) for handle, noun in self.beside.items())
        return Subject(self.handle, self.noun, others)

    def to_json(self) -> dict[str, Any]:
        """Return the values for the job table."""
        return dataclasses.asdict(self)
