"""The most memory that this process has held, on its device."""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import psutil
import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
FORGET_PEAK = "5"  # what the kernel wants to read


def held_bytes(device: torch.device) -> int:
    """Return the memory that is held now: allocated on a GPU, else resident in this process."""
    gc.collect()
    if device.type == "cuda":
        return torch.cuda.memory_allocated(device)
    return psutil.Process().memory_info().rss


def reset_peak(device: torch.device) -> None:
    """Count `peak_bytes` from now on. Other systems than Linux count from the start of the process."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif CLEAR.exists():
        CLEAR.write_text(FORGET_PEAK, encoding="utf-8")


def peak_bytes(device: torch.device) -> int:
    """Return the most that was held since `reset_peak`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if STATUS.exists():
        text = STATUS.read_text(encoding="utf-8")
        return 1024 * int(text.split("VmHWM:")[1].split()[0])
    if sys.platform == "win32":
        return psutil.Process().memory_info().peak_wset
    import resource  # not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # bytes on a Mac
