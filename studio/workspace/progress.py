"""How far a job is, worked out from its log of events for a page or a terminal to draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from studio.workspace.job import JobEvent

RATE_WINDOW_STEPS = 20


@dataclass(frozen=True)
class Progress:
    """Holds how far a job is.

    Args:
        rate: steps per second over the last steps, 0 until it is known.
        seconds_left: None until the rate is known. While a training is prepared, it counts the training too.
        has_learned: whether a training has anything that could be kept.
        is_learning: whether its last step was one that learns, neither preparation nor judging.
        curve: pairs of (step, loss).
        previews: (step, file name, prompt) of pictures in the job's folder.
        insights: (file name, caption) of pictures in the job's folder.
        pictures: file names in the folder of pictures, each once; one begun again paints them again.
        estimate: what all of it will need, in words.
        checkpoints: steps that were saved as they were.
        suggested: one of these that is better than the end, 0 for none.
    """

    step: int = 0
    steps: int = 0
    stage: str = ""
    rate: float = 0.0
    seconds_left: float | None = None
    curve: tuple[tuple[int, float], ...] = ()
    previews: tuple[tuple[int, str, str], ...] = ()
    insights: tuple[tuple[str, str], ...] = ()
    pictures: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    estimate: str = ""
    has_learned: bool = False
    is_learning: bool = False
    checkpoints: tuple[int, ...] = ()
    suggested: int = 0

    @property
    def fraction(self) -> float:
        """Return the share of the steps that is done, 0 to 1."""
        return self.step / self.steps if self.steps else 0.0

    @property
    def is_preparing(self) -> bool:
        """Return whether a training is still to do its first step; also True of what is no training."""
        return not self.curve

    @classmethod
    def of(cls, events: Sequence[JobEvent]) -> Progress:
        """Return the progress that the events of a job tell.

        Where a job went back to an earlier step, what it did before counts up to there only.
        """
        events = without_undone(events)
        steps = [event for event in events if event.event == "step"]
        last = steps[-1] if steps else JobEvent("step")
        begun = max((event.time for event in events if event.event == "started"), default=0.0)
        recent = [
            event for event in steps[-RATE_WINDOW_STEPS:] if event.stage == last.stage and event.time >= begun
        ]
        rate = 0.0
        if len(recent) > 1 and recent[-1].time > recent[0].time:
            rate = (recent[-1].step - recent[0].step) / (recent[-1].time - recent[0].time)
        stage_left = (last.steps - last.step) / rate if rate > 0 else None
        files = [(event, event.file) for event in events if event.file is not None]
        saved = [event for event in events if event.event == "checkpoint"]
        return cls(
            step=last.step,
            steps=last.steps,
            stage=last.stage,
            rate=max(rate, 0.0),
            seconds_left=_seconds_left(events, begun, stage_left),
            curve=tuple((event.step, event.values["loss"]) for event in steps if "loss" in event.values),
            previews=tuple(
                (event.step, file, event.prompt) for event, file in files if event.event == "preview"
            ),
            insights=tuple((file, event.caption) for event, file in files if event.event == "insight"),
            pictures=tuple(dict.fromkeys(file for event, file in files if event.event == "picture")),
            notes=tuple(event.text for event in events if event.event == "note"),
            estimate=next((event.text for event in reversed(events) if event.event == "estimate"), ""),
            is_learning="loss" in last.values,
            checkpoints=tuple(dict.fromkeys(event.step for event in saved)),
            suggested=next((event.step for event in reversed(saved) if event.text), 0),
            has_learned=any(event.event == "kept" or "loss" in event.values for event in events),
        )


def _seconds_left(events: Sequence[JobEvent], begun: float, stage_left: float | None) -> float | None:
    """Return the seconds that a job still needs, None while nobody knows.

    Before the first training step the estimate counts, which has preparation and training in it.

    Args:
        begun: when the job was started last, in seconds since 1970.
        stage_left: the seconds that are left of the present stage by its own speed.
    """
    estimates = [event for event in events if event.event == "estimate" and event.time >= begun]
    is_preparing = not any(event.event == "step" and "loss" in event.values for event in events)
    seconds = estimates[-1].values.get("seconds") if estimates else None
    if seconds is None or not is_preparing:
        return stage_left
    return max(seconds - (events[-1].time - estimates[-1].time), stage_left or 0.0)


def without_undone(events: Sequence[JobEvent]) -> list[JobEvent]:
    """Return the events without training steps and previews that were done again after an interruption."""
    kept: list[JobEvent] = []
    done_later = first = float("inf")  # the first training step of later runs, and of this one
    for event in reversed(events):
        if event.event == "started":
            done_later, first = min(done_later, first), float("inf")
        elif event.event == "step" and "loss" in event.values:
            if event.step >= done_later:
                continue
            first = event.step
        elif event.event in ("preview", "checkpoint") and event.step >= done_later:
            continue
        kept.append(event)
    return kept[::-1]
