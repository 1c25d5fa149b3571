"""A Figure: a number as it is reported, with the interval that its sample allows."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

# Student's t for a 95 % interval, by degrees of freedom from 1 on
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
Z_95 = 1.959964  # the same of the normal distribution


@dataclass(frozen=True)
class Figure:
    """The mean of `n` values and `half` the width of its 95 % interval (Student's t, values taken as
    independent), which one value alone does not have."""

    mean: float
    half: float | None
    n: int

    @classmethod
    def of(cls, values: Iterable[float]) -> Figure | None:
        """The figure of some values; None where there are none."""
        kept = [float(value) for value in values]
        if not kept:
            return None
        if len(kept) == 1:
            return cls(kept[0], None, 1)
        return cls(
            statistics.fmean(kept),
            t_95(len(kept) - 1) * statistics.stdev(kept) / math.sqrt(len(kept)),
            len(kept),
        )

    @property
    def ends(self) -> tuple[float, float]:
        """The interval, low and high; the mean twice where there is none."""
        half = self.half or 0.0
        return self.mean - half, self.mean + half

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.half is None else f"{self.mean:.3f} ± {self.half:.3f}"


def t_95(freedom: int) -> float:
    """The 0.975 quantile of Student's t with this many degrees of freedom, to 0.003 (above ten by the first
    terms of Abramowitz and Stegun 26.7.5)."""
    if freedom <= len(T_95):
        return T_95[freedom - 1]
    z = Z_95
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
