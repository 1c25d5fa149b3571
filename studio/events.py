"""The events of a long task.

Training and painting are generators of these events. The caller owns progress and stopping: it closes the
generator to discard the work, throws `FinishEarly` into it to keep what was learned so far, or throws `Pause`
into a training to go on with it another time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image


@dataclass(frozen=True)
class Step:
    """One finished step. `step` counts from 1 to `steps`; `values` are named numbers worth a curve."""

    step: int
    steps: int
    values: dict[str, float] = field(default_factory=dict)
    stage: str = ""


@dataclass(frozen=True)
class Preview:
    """A picture painted from what was learned so far, in the way that Create paints."""

    picture: Image
    prompt: str
    step: int


@dataclass(frozen=True)
class Insight:
    """A picture about the work that the base did not paint, such as the attention of a word or the masks."""

    picture: Image
    caption: str


@dataclass(frozen=True)
class Note:
    """A sentence for the user."""

    text: str


@dataclass(frozen=True)
class Result:
    """The last event of a task: a Concept, or a Picture with its recipe."""

    value: Any


@dataclass(frozen=True)
class Kept:
    """The state after `step` steps is on disk: a training that is killed later goes on from there."""

    step: int


Event = Step | Preview | Insight | Note | Kept | Result


class FinishEarly(Exception):
    """Thrown into a running task by its caller: stop, and keep what was learned so far."""


class Pause(Exception):
    """Thrown into a training by its caller: keep its state on disk, and end without a Result."""
