"""Did it learn? What the closing pictures of a training showed, kept in the concept file.

The same seeds are painted with the concept and with its plain noun. In the features of an eye, one direction
leads from the mean of the plain pictures to the mean of the photos. Along it, in lengths of that way:

    way    = mean over seeds of (with concept - plain noun)     0 is the plain noun, 1 is at the photos
    noise  = standard deviation within a kind: plain noun, concept and photos, pooled
    change = mean distance of the two pictures of a seed / mean distance of two seeds of the plain noun

A way shorter than the noise is what another seed does too: finished, but weak.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_ENCODER_NAME = 200
OLD_NAMES = {"way": "progress", "eye": "encoder"}  # fields that files of earlier versions call otherwise


@dataclass(frozen=True)
class Verdict:
    """The figures above, the number of `seeds`, and the `eye` that looked."""

    progress: float
    noise: float
    change: float
    seeds: int
    encoder: str

    @property
    def learned(self) -> bool:
        """Whether the pictures moved towards the photos by more than the noise between seeds."""
        return self.progress > self.noise

    @property
    def sentence(self) -> str:
        """The verdict in a sentence."""
        moved = f"{max(self.progress, 0):.0%} of the way from the plain noun to the photos"
        noise = f"seeds alone differ by {self.noise:.0%}"
        if self.learned:
            return f"Learned: pictures moved {moved} ({noise})."
        if self.change > 1:
            return f"Finished, but weak: pictures changed, yet moved only {moved} ({noise})."
        return f"Finished, but weak: pictures moved {moved} ({noise})."

    def advice(self, settings: Mapping[str, Any]) -> str:
        """What to change, when it is weak, in the `settings` it was learned with; empty when it is not."""
        if self.learned:
            return ""
        steps = f"more steps (it had {settings['steps']})" if "steps" in settings else "more steps"
        rate = next((name for name in settings if name.endswith("rate")), "")
        if not rate:
            return f"Train it again with {steps}."
        rate = f"{rate.replace('_', ' ')} ({settings[rate]:g})"
        if self.change > 1:
            return f"Train it again with {steps}; if that does not help, with a lower {rate}."
        return f"Train it again with {steps} or a higher {rate}."

    def summary(self, settings: Mapping[str, Any]) -> str:
        """The sentence, and what to change when it is weak."""
        return f"{self.sentence} {self.advice(settings)}".strip()

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Verdict:
        """The verdict whose fields these are. Raises ValueError, TypeError or KeyError when it is none."""
        values = {OLD_NAMES.get(name, name): value for name, value in values.items()}
        verdict = cls(**{field.name: values[field.name] for field in dataclasses.fields(cls)})
        if not all(math.isfinite(number) for number in (verdict.progress, verdict.noise, verdict.change)):
            raise ValueError("verdict")
        if not isinstance(verdict.encoder, str) or len(verdict.encoder) > MAX_ENCODER_NAME:
            raise ValueError("verdict")
        if not isinstance(verdict.seeds, int):
            raise ValueError("verdict")
        return verdict
