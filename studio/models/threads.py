"""How many threads torch gets on a CPU: as many as this program may use, less one for the page."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
WORKERS = "LIKENESS_CPU_WORKERS"  # how many workers share the cores; the page sets it for them
TOPOLOGY = Path("/sys/devices/system/cpu")


def threads_to_use() -> int:
    """Return how many threads torch should use, at least 1.

    torch slows down greatly when its threads outnumber the cores that it gets. Several workers on the
    CPU share them.
    """
    return max(1, (int(min(_cores(), _quota())) - 1) // int(os.environ.get(WORKERS, "1")))


def _cores() -> int:
    """Return the number of cores that this process may run on; two threads of one core count once."""
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 2
    allowed = os.sched_getaffinity(0)
    return len({_siblings(number) for number in allowed})


def _siblings(number: int) -> str:
    """Return the list of the hardware threads that share a core with this one, as the system writes it."""
    try:
        return (TOPOLOGY / f"cpu{number}" / "topology" / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(number)


def _quota() -> float:
    """Return how many cores' time a container has, rounded up; infinity without a limit."""
    try:  # cgroup v2, as a container sees it
        limit, period = (CGROUPS / "cpu.max").read_text().split()
    except (OSError, ValueError):
        try:  # cgroup v1
            limit, period = (
                (CGROUPS / "cpu" / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period")
            )
        except OSError:
            return math.inf
    try:
        share = int(limit) / int(period)
    except (ValueError, ZeroDivisionError):  # "max"
        return math.inf
    return math.ceil(share) if share > 0 else math.inf  # -1 where there is no limit
