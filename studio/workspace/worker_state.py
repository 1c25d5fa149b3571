"""The states of the workers, each in a file of the workspace that the page reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from studio.documents import DocumentError, Scalar, ShortText, read_document
from studio.files import delete_file, write_atomic
from studio.words import tr

FILE = "worker.json"  # of the first worker, and of the only one
OTHER_FILES = "worker-{}.json"
MOST_TELLING = ("busy", "ready", "starting", "error", "stopped")  # the state of all is the first that one has


def file_of(number: int) -> str:
    """Return the name of the file with the state of a worker; the first has the number 0."""
    return OTHER_FILES.format(number) if number else FILE


@dataclass(frozen=True)
class WorkerState:
    """Holds what a worker is doing.

    Args:
        state: "starting", "ready", "busy", "stopped" or "error".
        base: name, fingerprint, resolution and device of the base model, once it is loaded; and how it fits
            the device ("memory"), empty where it fits as it is.
        refusals: by the id of a method, why nothing can be learned with it on this base.
        note: how far it is with what takes long, such as a download.
    """

    state: ShortText = "starting"
    base: dict[ShortText, Scalar] = field(default_factory=dict)
    refusals: dict[ShortText, ShortText] = field(default_factory=dict)
    note: ShortText = ""
    error: str = ""
    hint: str = ""

    @classmethod
    def read(cls, folder: Path, number: int = 0) -> WorkerState:
        """Return the state of a worker in a workspace's folder; "starting" as long as there is none."""
        try:
            return read_document(cls, (folder / file_of(number)).read_bytes(), tr("The state of the worker"))
        except (OSError, DocumentError):
            return cls()

    @classmethod
    def read_all(cls, folder: Path) -> list[WorkerState]:
        """Return the states of all workers, in order; at least that of the first."""
        states = [cls.read(folder)]
        while (folder / file_of(len(states))).is_file():
            states.append(cls.read(folder, len(states)))
        return states

    @classmethod
    def of_all(cls, states: Sequence[WorkerState]) -> WorkerState:
        """Return one state for several workers on one base: what the base is, and the most that one does."""
        telling = min(
            states, key=lambda one: MOST_TELLING.index(one.state) if one.state in MOST_TELLING else 0
        )
        loaded = next((one for one in (telling, *states) if one.base), telling)
        return replace(telling, base=loaded.base, refusals=loaded.refusals)

    def save(self, folder: Path, number: int = 0) -> None:
        """Write it to a workspace's folder."""
        write_atomic(folder / file_of(number), json.dumps(asdict(self)).encode("utf-8"))


def forget_others(folder: Path, count: int) -> None:
    """Delete the states of workers beyond the first `count`, left by a studio that had more of them."""
    while (other := folder / file_of(count)).is_file():
        delete_file(other)
        count += 1
