"""Estimates: a mean or a share with the 95 % interval that its sample allows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

TAIL = 0.025  # beyond each end of a 95 % interval
Z_95 = 1.959964  # the 0.975 quantile of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """Holds the mean of `n` independent values.

    Args:
        half_width: half the width of the 95 % interval of the mean (Student's t), None for a single value.
    """

    mean: float
    half_width: float | None
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Estimate | None:
        """Return the estimate of the mean of these values, None where there are none."""
        numbers = [float(value) for value in values]
        if not numbers:
            return None
        if len(numbers) == 1:
            return cls(numbers[0], None, 1)
        return cls(
            statistics.fmean(numbers),
            t_quantile(len(numbers) - 1, TAIL) * statistics.stdev(numbers) / math.sqrt(len(numbers)),
            len(numbers),
        )

    @property
    def standard_error(self) -> float:
        """Return the standard error of the mean; 0 for a single value."""
        return self.half_width / t_quantile(self.n - 1, TAIL) if self.half_width else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """Return the ends of the interval, low and high; the mean twice where there is none."""
        half = self.half_width or 0.0
        return self.mean - half, self.mean + half

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.half_width is None else f"{self.mean:.3f} ± {self.half_width:.3f}"


@lru_cache(maxsize=1024)  # of many means of the same number of values
def t_quantile(freedom: int, tail: float) -> float:
    """Return the value that Student's t with this many degrees of freedom exceeds with probability `tail`.

    With theta = atan(t / sqrt(freedom)), the probability of -t..t is a finite sum in sin(theta) and
    cos(theta) (Abramowitz and Stegun 26.7.3 and 26.7.4); theta is found by bisection.

    Args:
        tail: between 0 and 0.5.
    """
    low, high = 0.0, math.pi / 2
    for _ in range(80):
        theta = (low + high) / 2
        low, high = (theta, high) if _t_within(theta, freedom) < 1 - 2 * tail else (low, theta)
    return math.tan(low) * math.sqrt(freedom)


def _t_within(theta: float, freedom: int) -> float:
    """Return the probability of -t..t for t = tan(theta) sqrt(freedom)."""
    cosine, is_odd = math.cos(theta), freedom % 2
    term, total = (cosine if is_odd else 1.0), 0.0
    for power in range(2 + is_odd, freedom + 1, 2):  # of cos(theta), plus 2
        total += term
        term *= cosine**2 * (power - 1) / power
    return 2 / math.pi * (theta + math.sin(theta) * total) if is_odd else math.sin(theta) * total


def wilson_interval(successes: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share, 0..1; (0, 1) when nothing was tried.

    Source: Wilson 1927. With p = k / n and z = 1.96:

    (p + z^2 / 2n  -/+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
    """
    if not trials:
        return 0.0, 1.0
    p, n = successes / trials, trials
    middle = p + Z_95**2 / (2 * n)
    half = Z_95 * math.sqrt(p * (1 - p) / n + Z_95**2 / (4 * n**2))
    low, high = ((middle + side * half) / (1 + Z_95**2 / n) for side in (-1, 1))
    return max(0.0, low), min(1.0, high)
