"""Times and how they spread: wall clock and processor time, medians and quartiles."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

THOUSAND = 1000
TIMES, CPU_TIMES = "seconds", "cpu_seconds"  # keys of lists of times, by the clock and of the processor


@dataclass(frozen=True)
class Taken:
    """What something took, in seconds.

    Args:
        wall: by the clock on the wall; other programs on the machine make it longer.
        cpu: of all processors together, by this process; beside a GPU that is the host's part only.
    """

    wall: float
    cpu: float

    @classmethod
    def now(cls) -> Taken:
        """Return the present times; the difference of two is what lies between them."""
        return cls(time.perf_counter(), time.process_time())

    def __sub__(self, earlier: Taken) -> Taken:
        return Taken(self.wall - earlier.wall, self.cpu - earlier.cpu)

    def __truediv__(self, count: int) -> Taken:
        return Taken(self.wall / count, self.cpu / count)


@dataclass(frozen=True)
class Spread:
    """Median and quartiles of `count` values."""

    median: float
    lower: float
    upper: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of one or more values; quartiles are interpolated, the ends included."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0], 1)
        lower, median, upper = statistics.quantiles(values, n=4, method="inclusive")
        return cls(median, lower, upper, len(values))

    def in_words(self, digits: int = 0) -> str:
        """Return it as "median (lower-upper)", the median alone for a single value."""
        median = f"{self.median:,.{digits}f}"
        return median if self.count == 1 else f"{median} ({self.lower:,.{digits}f}-{self.upper:,.{digits}f})"


def milliseconds(seconds: Sequence[float]) -> Spread:
    """Return the spread of times in milliseconds."""
    return Spread.of([THOUSAND * value for value in seconds])
