"""What the worker says of itself, in a file of the workspace, to the page and to whoever else asks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from studio.files import write_atomic

FILE = "worker.json"


@dataclass(frozen=True)
class WorkerState:
    """What the worker last said of itself. `state` is starting, ready, busy, stopped or error; `base`
    holds name, fingerprint, resolution, device and tokens_high (of a prompt) once it is loaded."""

    state: str = "starting"
    base: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    hint: str = ""

    @classmethod
    def read(cls, folder: Path) -> WorkerState:
        """The state kept in a workspace's folder: starting, as long as there is none."""
        try:
            return cls(**json.loads((folder / FILE).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, folder: Path) -> None:
        """Keep it in a workspace's folder."""
        write_atomic(folder / FILE, json.dumps(asdict(self)).encode("utf-8"))
