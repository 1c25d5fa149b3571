"""The events of a long task.

Training and painting are generators of these events. The caller owns progress and stopping: it closes the
generator to discard the work, throws `FinishEarly` into it to keep what was learned so far, or throws `Pause`
into a training to go on with it another time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studio.words import tr

if TYPE_CHECKING:
    from PIL.Image import Image

GB = 1e9  # bytes


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
class Estimate:
    """What a training will need, before its first step: seconds, and bytes of memory of those there are."""

    seconds: float
    used_bytes: int
    total_bytes: int

    @property
    def words(self) -> str:
        """Return it as "about 6 minutes, 9.1 of 12 GB"."""
        used, total = (gigabytes(size) for size in (self.used_bytes, self.total_bytes))
        time = rough_time(self.seconds)
        return tr("about {time}, {used} of {total} GB", time=time, used=used, total=total)


def gigabytes(size: int) -> str:
    """Return a number of bytes in gigabytes: "0.4", "9.1", "12"."""
    return f"{size / GB:.1f}" if size < 9.95 * GB else f"{size / GB:.0f}"


def rough_time(seconds: float) -> str:
    """Return a time in its largest unit, as people guess it: "40 seconds", "6 minutes", "2.5 hours"."""
    if seconds < 90:
        return tr("{seconds:.0f} seconds", seconds=max(10, round(seconds, -1)))
    minutes = seconds / 60
    if minutes < 90:
        return tr("{minutes:.0f} minutes", minutes=minutes)
    return tr("{hours:.2g} hours", hours=minutes / 60)


@dataclass(frozen=True)
class Result:
    """The last event of a task: a Concept, or a Picture with its recipe."""

    value: Any


@dataclass(frozen=True)
class Kept:
    """The state after `step` steps is on disk: a training that is killed later goes on from there."""

    step: int


@dataclass(frozen=True)
class Checkpoint:
    """What was learned after `step` steps, as a Concept that does not change any more.

    Args:
        is_suggested: whether it is better than what was learned at the end.
    """

    concept: Any
    step: int
    is_suggested: bool = False


Event = Step | Preview | Insight | Note | Kept | Estimate | Checkpoint | Result


class FinishEarly(Exception):
    """Thrown into a running task by its caller: stop, and keep what was learned so far."""


class Pause(Exception):
    """Thrown into a training by its caller: keep its state on disk, and end without a Result."""
