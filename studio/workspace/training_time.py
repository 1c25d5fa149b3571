"""How long a training will take, by how long the last one like it took on this machine."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

from studio.concepts.concept_library import Library
from studio.errors import StudioError
from studio.method_card import MethodCard
from studio.workspace.effort import work
from studio.workspace.job import Job
from studio.workspace.job_log import read_events
from studio.workspace.jobs import Jobs
from studio.workspace.training_task import TrainingTask

MAX_LOOKED_AT = 30  # of the newest trainings


def expected_seconds(
    jobs: Jobs, library: Library, card: MethodCard, values: Mapping[str, Any], fingerprint: str
) -> float | None:
    """Return the seconds that a training with these settings may take, None where nothing like it was done.

    The newest training counts that was done by this method on the same base, at the same resolution and in
    one go. Its time, preparation included, is taken to grow with `studio.workspace.effort.work`.

    Args:
        fingerprint: of the loaded base.
    """
    for job in jobs.newest(MAX_LOOKED_AT, ("train",)):
        if job.status != "done" or job.task.get("method") != card.id or not (job.started and job.finished):
            continue
        with suppress(StudioError):
            task = TrainingTask.of(job)
            same = task.settings.get("resolution", 0) == (values.get("resolution") or 0)
            if not same or task.more_steps or not _is_of_base(job, library, fingerprint):
                continue
            if _was_whole(jobs.folder(job.id), job.finished):
                seconds = job.finished - job.started
                return seconds * work(card, values) / work(card, task.settings)
    return None


def _is_of_base(job: Job, library: Library, fingerprint: str) -> bool:
    """Return whether the concept of a training is still there, and was made on a base."""
    handle = job.outcome.get("handle")
    return isinstance(handle, str) and library.find(handle).header.fingerprint == fingerprint


@lru_cache(maxsize=256)  # a log has thousands of lines, and a form asks at every change
def _was_whole(folder: Path, finished: float) -> bool:
    """Return whether the training in a job's folder did all of its steps, and was begun once."""
    events = read_events(folder)
    last = next((event for event in reversed(events) if event.event == "step"), None)
    begun = sum(event.event == "started" for event in events)
    return begun == 1 and last is not None and last.step == last.steps
