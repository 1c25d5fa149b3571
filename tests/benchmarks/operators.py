"""Where time goes inside torch: its operators by the time spent in each itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

OTHERS = "all others"
ALL = "all"


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


def side_by_side(
    profiles: Mapping[str, Sequence[Mapping[str, Any]]], most: int
) -> dict[str, dict[str, float]]:
    """Return ms of a step by operator and profile: the `most` slowest of any, all others, and the sum."""
    by_name = {title: {row["operator"]: float(row["ms"]) for row in rows} for title, rows in profiles.items()}
    slowest: dict[str, float] = {}
    for rows in by_name.values():
        for name, ms in rows.items():
            slowest[name] = max(ms, slowest.get(name, 0.0))
    top = sorted(slowest, key=lambda name: -slowest[name])[:most]
    table = {name: {title: rows.get(name, 0.0) for title, rows in by_name.items()} for name in top}
    sums = {title: sum(rows.values()) for title, rows in by_name.items()}
    table[OTHERS] = {title: sums[title] - sum(table[name][title] for name in top) for title in sums}
    return table | {ALL: sums}
