"""The verdict of a training: whether the concept was learned, kept in the concept file.

The same seeds are painted with the concept and with its plain noun. Project the image features of these and
of the photos on the axis from the mean of the plain noun's pictures (0) to the mean of the photos (1):

    progress = mean over seeds of (with concept - plain noun)
    noise    = standard deviation within a set: plain noun, concept and photos, pooled
    change   = mean distance of the two pictures of a seed / mean distance of two seeds of the plain noun

Progress below the noise is what another seed does too: finished, but weak.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studio.documents import Count, Measured, ShortText

OLD_NAMES = {"way": "progress", "eye": "encoder"}  # fields that files of earlier versions call otherwise


@dataclass(frozen=True)
class Verdict:
    """Holds the figures above, the number of `seeds`, and the name of the image encoder."""

    progress: Measured
    noise: Measured
    change: Measured
    seeds: Count
    encoder: ShortText

    @property
    def learned(self) -> bool:
        """Return whether the pictures moved towards the photos by more than the noise between seeds."""
        return self.progress > self.noise

    @property
    def sentence(self) -> str:
        """Return the verdict in a sentence."""
        moved = f"{max(self.progress, 0):.0%} of the way from the plain noun to the photos"
        noise = f"seeds alone differ by {self.noise:.0%}"
        if self.learned:
            return f"Learned: pictures moved {moved} ({noise})."
        if self.change > 1:
            return f"Finished, but weak: pictures changed, yet moved only {moved} ({noise})."
        return f"Finished, but weak: pictures moved {moved} ({noise})."

    def advice(self, settings: Mapping[str, Any]) -> str:
        """Return what to change in the `settings` it was trained with; empty when it was learned."""
        if self.learned:
            return ""
        steps = f"more steps (it had {settings['steps']})" if "steps" in settings else "more steps"
        numbers = {name: value for name, value in settings.items() if isinstance(value, int | float)}
        rate = next((name for name in numbers if name.endswith("rate")), "")
        if not rate:
            return f"Train it again with {steps}."
        rate = f"{rate.replace('_', ' ')} ({numbers[rate]:g})"
        if self.change > 1:
            return f"Train it again with {steps}; if that does not help, with a lower {rate}."
        return f"Train it again with {steps} or a higher {rate}."

    def summary(self, settings: Mapping[str, Any]) -> str:
        """Return the sentence, and what to change when it is weak."""
        return f"{self.sentence} {self.advice(settings)}".strip()
