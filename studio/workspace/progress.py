"""How far a job is, told from its log of events: numbers that a page or a terminal can draw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

RATE_WINDOW_STEPS = 20


@dataclass(frozen=True)
class Progress:
    """`curve` is (step, loss) pairs, `previews` (step, file name, prompt), `insights` (file name, caption),
    `pictures` file names in the pictures folder; `rate` is steps per second over the last steps, 0 before it
    is known; `seconds_left` is None until then."""

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

    @property
    def fraction(self) -> float:
        """0 to 1."""
        return self.step / self.steps if self.steps else 0.0

    @classmethod
    def of(cls, events: Sequence[dict[str, Any]]) -> Progress:
        """What `Jobs.events` tells."""
        steps = [event for event in events if event["event"] == "step"]
        named = {
            kind: [event for event in events if event["event"] == kind]
            for kind in ("preview", "insight", "picture", "note")
        }
        last = steps[-1] if steps else {"step": 0, "steps": 0, "stage": ""}
        recent = [event for event in steps[-RATE_WINDOW_STEPS:] if event["stage"] == last["stage"]]
        rate = 0.0
        if len(recent) > 1 and recent[-1]["time"] > recent[0]["time"]:
            rate = (recent[-1]["step"] - recent[0]["step"]) / (recent[-1]["time"] - recent[0]["time"])
        return cls(
            step=last["step"],
            steps=last["steps"],
            stage=last["stage"],
            rate=max(rate, 0.0),
            seconds_left=(last["steps"] - last["step"]) / rate if rate > 0 else None,
            curve=tuple(
                (event["step"], event["values"]["loss"]) for event in steps if "loss" in event["values"]
            ),
            previews=tuple((event["step"], event["file"], event["prompt"]) for event in named["preview"]),
            insights=tuple((event["file"], event["caption"]) for event in named["insight"]),
            pictures=tuple(event["file"] for event in named["picture"]),
            notes=tuple(event["text"] for event in named["note"]),
        )
