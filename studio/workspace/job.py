"""A job: one task of a person's, what came of it, and the events it has logged. Read from disk strictly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le

from studio.documents import Count, FileName, Measured, ShortText, parse_object, read_document
from studio.limits import MAX_EVENT_BYTES, MAX_MOMENT
from studio.words import tr

Moment = Annotated[float, Ge(0), Le(MAX_MOMENT)]  # seconds since 1970
Status = Literal["queued", "running", "paused", "done", "failed", "stopped"]
StopRequest = Literal["", "keep", "discard", "pause"]
ENDED = ("done", "failed", "stopped")
USER_KINDS = ("train", "create", "grid", "import")  # queued by a person; the page itself asks for a "mask"
RESUMABLE = (
    "grid",
    "train",
    "import",
)  # kinds that run again under their number, with what is in their folder
STATE_FILE = "state.safetensors"  # of a training, in the folder of its job
UNSAVED = "unsaved"  # in an outcome: the file of a concept that the Library had no room for


@dataclass(frozen=True)
class Job:
    """One row of the job table.

    Args:
        kind: "train", "create", "grid", "import" or "mask".
        task: what to do.
        stop_request: how a person wants it to stop early, empty for not at all.
        position: its place in the queue; the smallest is next.
        outcome: what came of it; file names, no paths.
        created, started, finished: seconds since 1970.
        worker: the number of the worker that has claimed it last.
    """

    id: Count
    kind: ShortText
    title: str
    task: dict[str, Any]
    status: Status
    stop_request: StopRequest
    error: str
    hint: str
    outcome: dict[str, Any]
    created: Moment
    started: Moment | None
    finished: Moment | None
    position: float = 0.0
    worker: Count = 0

    @property
    def has_ended(self) -> bool:
        """Return whether nothing more will happen to it."""
        return self.status in ENDED

    @property
    def has_learned(self) -> bool:
        """Return whether a run of this training has brought a concept, even if another goes on from there."""
        return self.kind == "train" and "file" in self.outcome

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Job:
        """Return the job of a row of the table. Raises DocumentError for a damaged one."""
        what = tr("Job {number}", number=row["id"])
        try:
            texts: dict[str, Any] = {name: parse_object(row[name]) for name in ("task", "outcome")}
        except (ValueError, TypeError, RecursionError):
            texts = {"task": None, "outcome": None}  # refused below, with a sentence
        return read_document(cls, {**row, **texts}, what, hint=tr("Delete it, and start it again."))


@dataclass(frozen=True)
class JobEvent:
    """One line of a job's log; the fields that its kind does not need are empty.

    Args:
        event: "started" by a worker, "asked" for once more by a person, "step", "note", "preview", "insight",
            "picture", "concept", "estimate", "checkpoint" of `step`, or "kept", after which a training can go
            on from `step`.
        time: seconds since 1970.
        values: named losses of a step.
    """

    event: ShortText
    time: Moment = 0.0
    step: Count = 0
    steps: Count = 0
    stage: ShortText = ""
    values: dict[ShortText, Measured] = field(default_factory=dict)
    file: FileName | None = None
    prompt: str = ""
    caption: str = ""
    text: str = ""

    @classmethod
    def from_line(cls, line: str) -> JobEvent:
        """Return the event of a line of the log. Raises DocumentError for a damaged one."""
        return _read_line(line)


@lru_cache(maxsize=20_000)  # the page reads a growing log again and again
def _read_line(line: str) -> JobEvent:
    return read_document(JobEvent, line, tr("A line of the job's log"), max_bytes=MAX_EVENT_BYTES)
