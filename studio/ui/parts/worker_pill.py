"""What the button in the header says about the workers: "Ready · starter on cuda:0 and cuda:1"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from studio.workspace.worker_state import WorkerState

SINGLE = {"ready": "Ready", "busy": "Busy"}


def worker_words(states: Sequence[WorkerState]) -> str:
    """Return what the workers do in a few words: on which base, on which devices, and how many are busy."""
    together = WorkerState.of_all(states)
    if together.state in SINGLE:
        return f"{_activity(states)} · {_base_words(states)}"
    return {
        "starting": f"{together.note or 'Starting the engine'} …",
        "stopped": "The engine is stopped",
        "error": "The engine cannot run",
    }.get(together.state, together.state)


def _activity(states: Sequence[WorkerState]) -> str:
    """Return "Ready", "Busy", or how many of several are busy."""
    busy, working = (sum(one.state in names for one in states) for names in (("busy",), SINGLE))
    if busy == working:
        return "Busy"
    return f"{busy} of {working} busy" if busy else "Ready"


def _base_words(states: Sequence[WorkerState]) -> str:
    """Return the name of the base, the devices that it is on, and how many workers are still to come."""
    loaded = [one for one in states if one.state in SINGLE]
    base = loaded[0].base
    name = Path(str(base.get("name", ""))).name
    counts = Counter(str(one.base.get("device", "")) for one in loaded)
    devices = [f"{device} × {count}" if count > 1 else device for device, count in counts.items()]
    *others, last = devices
    words = f"{name} on {', '.join(others)} and {last}" if others else f"{name} on {last}"
    words = words if name else ""
    words += ", saving memory" if any(one.base.get("memory") for one in loaded) else ""
    starting = sum(one.state == "starting" for one in states)
    return words + (f", {starting} more starting" if starting else "")
