"""The unit of work of a trial: one subject, or scene, by one variant, which gives files and a score.

A task holds values alone and works in the folder it is given, so that it can be done in this process
(`in_turn`) or sent to another machine (`trainers.benchmarks.cluster`); both give the same files and scores.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studio.evaluation.encoders import Encoders
from studio.events import Event, Note, Result
from studio.models.backbone import Backbone


@dataclass(frozen=True)
class Tools:
    """What the tasks of a trial share: the base that is learned on, and what measures its pictures."""

    backbone: Backbone
    encoders: Encoders


class TrialTask(ABC):
    """Learns, paints and measures one row for one subject."""

    @property
    @abstractmethod
    def heading(self) -> str:
        """Return the subject in words; said before the first of its tasks."""

    @property
    @abstractmethod
    def folders(self) -> tuple[str, ...]:
        """Return where it reads and writes, below the folder of the trial.

        That of its concept comes first, if it learns one: tasks with the same first folder share a concept.
        """

    @abstractmethod
    def saved(self, tools: Tools, folder: Path) -> Any | None:
        """Return the score that was measured before in the same way; None when there is none."""

    @abstractmethod
    def run(self, tools: Tools, folder: Path) -> Generator[Event, None, Any]:
        """Do the task and save what it makes; returns the score."""

    def summary(self, score: Any) -> str:
        """Return a score in a few words, empty for none."""
        return ""


Runner = Callable[[Sequence[TrialTask], Tools, Path], Iterator[Event]]


def in_turn(tasks: Sequence[TrialTask], tools: Tools, folder: Path) -> Iterator[Event]:
    """Do tasks one after the other in this process; the last event is a Result with the list of scores.

    A score that was measured before is not measured again.
    """
    scores, heading = [], ""
    for task in tasks:
        if task.heading != heading:
            heading = task.heading
            yield Note(heading)
        score = task.saved(tools, folder)
        if score is None:
            score = yield from task.run(tools, folder)
            if words := task.summary(score):
                yield Note(f"  {words}")
        scores.append(score)
    yield Result(scores)
