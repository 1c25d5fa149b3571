"""What the button in the header says about the workers: "Ready · starter on cuda:0 and cuda:1"."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from studio.words import all_of, tr
from studio.workspace.worker_state import WorkerState

SINGLE = ("ready", "busy")  # states of a worker that has a base


def worker_words(states: Sequence[WorkerState]) -> str:
    """Return what the workers do in a few words: on which base, on which devices, and how many are busy."""
    together = WorkerState.of_all(states)
    if together.state in SINGLE:
        return f"{_activity(states)} · {_base_words(states)}"
    return {
        "starting": f"{tr(together.note) or tr('Starting the engine')} …",
        "stopped": tr("The engine is stopped"),
        "error": tr("The engine cannot run"),
    }.get(together.state, together.state)


def _activity(states: Sequence[WorkerState]) -> str:
    """Return "Ready", "Busy", or how many of several are busy."""
    busy, working = (sum(one.state in names for one in states) for names in (("busy",), SINGLE))
    if busy == working:
        return tr("Busy")
    return tr("{busy} of {count} busy", busy=busy, count=working) if busy else tr("Ready")


def _base_words(states: Sequence[WorkerState]) -> str:
    """Return the name of the base, the devices that it is on, and how many workers are still to come."""
    loaded = [one for one in states if one.state in SINGLE]
    base = loaded[0].base
    name = Path(str(base.get("name", ""))).name
    counts = Counter(str(one.base.get("device", "")) for one in loaded)
    devices = [f"{device} × {count}" if count > 1 else device for device, count in counts.items()]
    *others, last = devices
    places = all_of([", ".join(others), last]) if others else last
    words = [tr("{base} on {devices}", base=name, devices=places) if name else ""]
    if any(one.base.get("memory") for one in loaded):
        words.append(tr("saving memory"))
    if starting := sum(one.state == "starting" for one in states):
        words.append(tr("{count} more starting", count=starting))
    return ", ".join(words)
