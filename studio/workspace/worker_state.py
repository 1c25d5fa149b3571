"""What the worker says of itself, in a file of the workspace, to the page and to whoever else asks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from studio.documents import DocumentError, Scalar, ShortText, read_document
from studio.files import write_atomic

FILE = "worker.json"


@dataclass(frozen=True)
class WorkerState:
    """What the worker last said of itself. `state` is starting, ready, busy, stopped or error; `base`
    holds name, fingerprint, resolution, device and tokens_high (of a prompt) once it is loaded."""

    state: ShortText = "starting"
    base: dict[ShortText, Scalar] = field(default_factory=dict)
    error: str = ""
    hint: str = ""

    @classmethod
    def read(cls, folder: Path) -> WorkerState:
        """The state kept in a workspace's folder: starting, as long as there is none."""
        try:
            return read_document(cls, (folder / FILE).read_bytes(), "The state of the worker")
        except (OSError, DocumentError):
            return cls()

    def save(self, folder: Path) -> None:
        """Keep it in a workspace's folder."""
        write_atomic(folder / FILE, json.dumps(asdict(self)).encode("utf-8"))
