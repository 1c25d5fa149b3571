"""The state of the worker, in a file of the workspace that the page reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from studio.documents import DocumentError, Scalar, ShortText, read_document
from studio.files import write_atomic

FILE = "worker.json"


@dataclass(frozen=True)
class WorkerState:
    """Holds what the worker is doing.

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
    def read(cls, folder: Path) -> WorkerState:
        """Return the state in a workspace's folder; "starting" as long as there is none."""
        try:
            return read_document(cls, (folder / FILE).read_bytes(), "The state of the worker")
        except (OSError, DocumentError):
            return cls()

    def save(self, folder: Path) -> None:
        """Write it to a workspace's folder."""
        write_atomic(folder / FILE, json.dumps(asdict(self)).encode("utf-8"))
