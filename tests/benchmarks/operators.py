"""Where time goes inside torch: its operators by the time spent in each itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

OTHERS = "all others"


def profiler() -> profile:
    """Return a profiler of the processor, and of the GPU if there is one."""
    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    return profile(activities=activities)


def operators(done: profile, steps: int) -> list[dict[str, Any]]:
    """Return the operators of a profile of so many steps: name, ms and calls of a step, the slowest first.

    On a GPU the time is the device's.
    """
    rows = []
    for event in done.key_averages():
        spent = event.self_device_time_total if torch.cuda.is_available() else event.self_cpu_time_total
        if spent:
            rows.append({"operator": event.key, "ms": spent / 1000 / steps, "calls": event.count / steps})
    return sorted(rows, key=lambda row: -row["ms"])


def shares(rows: Sequence[dict[str, Any]], most: int) -> dict[str, tuple[float, float]]:
    """Return ms of a step and the share of all, 0 to 1, of the `most` slowest, then of all others."""
    total = sum(row["ms"] for row in rows)
    top = {row["operator"]: (row["ms"], row["ms"] / total) for row in rows[:most]}
    rest = sum(row["ms"] for row in rows[most:])
    return top | {OTHERS: (rest, rest / total)} if rest else top
