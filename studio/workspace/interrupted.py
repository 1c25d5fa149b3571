"""What becomes of a job whose worker died: it goes on by itself, unless that has failed before.

A training goes on from the last state it kept, a grid from its last cell, a painting from its first picture.
A job that brings the worker down every time it is started must not do so for ever, so it fails when it was
started MAX_STARTS times without getting any further.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from studio.workspace.job import Job, JobEvent

MAX_STARTS = 2
ADVANCES = ("picture", "concept")  # events after which a job is further than before

Fate = Literal["again", "failed", "done", "stopped"]


def fate_of(job: Job, events: Sequence[JobEvent]) -> Fate:
    """Return what becomes of a running job with this log when its worker is gone.

    "done" is one that had saved its concept and only missed to say so.
    """
    if learned(job, events):
        return "done"
    if job.stop_request == "discard":
        return "stopped"
    if starts_in_vain(job.kind, events) >= MAX_STARTS:
        return "failed"
    return "again"


def starts_in_vain(kind: str, events: Sequence[JobEvent]) -> int:
    """Return how often a job of a kind was started since it last got further or a person asked for it.

    A painting gets no further by a picture that it had before, since it is begun again from the first.
    """
    starts, painted = 0, set[str | None]()
    for event in events:
        if event.event == "started":
            starts += 1
        elif event.event == "picture" and kind == "create":
            starts = starts if event.file in painted else 0
            painted.add(event.file)
        elif event.event in ADVANCES or event.event == "asked" or (event.event == "kept" and event.step):
            starts = 0
    return starts


def learned(job: Job, events: Sequence[JobEvent]) -> dict[str, Any]:
    """Return the outcome of a training that saved its concept since its last start, else nothing."""
    outcome: dict[str, Any] = {}
    for event in events:
        if event.event in ("started", "asked"):
            outcome = {}
        elif event.event == "concept" and event.file:
            outcome = {"handle": job.task.get("handle", ""), "file": event.file}
    return outcome
