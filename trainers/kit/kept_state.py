"""The state of a training on disk: when it is written, and what a training that was interrupted finds.

A state is written at the first step, every few minutes and at every stop. Whatever ends the process, the
training goes on from the last one, on the CPU bit for bit as if nothing had happened.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from studio.errors import DiskError, StudioError
from studio.files import delete_file
from studio.words import mid_sentence, tr
from trainers.kit.step_state import StepState

SECONDS_BETWEEN = 120.0  # so much work is lost at most
# settings that earlier versions did not have
LATER = {
    "resolution": 0,
    "photo_captions": True,
    "class_share": 1.0,
    "averaged_share": 0.0,
    "background_share": 0.0,
    "backgrounds": 12,
}
MAX_SHARE = 0.05  # of the time may go into writing: a large state is written less often


def identity_of(**parts: Any) -> str:
    """Return a digest of what makes a training the one it is: method, settings, photos, base and seed."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:32]


class KeptState:
    """Writes the states of one training and gives back the last one.

    Args:
        path: the file; None keeps the last state in memory, for a training that need not outlive its process.
        identity: of the training (`identity_of`); a state of another one is not used.
        seconds: between two states, at least; None for SECONDS_BETWEEN.
    """

    def __init__(self, path: Path | None, identity: str = "", seconds: float | None = None) -> None:
        self.path, self.identity = path, identity
        self.seconds = SECONDS_BETWEEN if seconds is None else seconds
        self.reason = ""  # why the last one could not be written, empty if it was
        self._memory: StepState | None = None
        self._written_at = time.monotonic()
        self._took = 0.0

    @property
    def is_due(self) -> bool:
        """Return whether it is time for the next state."""
        return time.monotonic() - self._written_at >= max(self.seconds, self._took / MAX_SHARE)

    def keep(self, state: StepState) -> bool:
        """Write a state, in the place of the one before; returns whether it is kept.

        One that holds values that are no numbers is not, nor one that the disk has no room for: `reason` says
        why then, and the one before stays.
        """
        if not state.is_finite:
            self.reason = tr("what was learned is no longer a number")
            return False
        started = time.monotonic()
        try:
            if self.path is None:
                self._memory = state
            else:
                state.save(self.path, self.identity)
        except StudioError as error:
            self.reason = mid_sentence(error.message.rstrip("."))
        else:
            self.reason = ""
        self._written_at = time.monotonic()
        self._took = self._written_at - started
        return not self.reason

    def last(self) -> StepState | None:
        """Return the last state; None without one, or when it is damaged or belongs to another training."""
        if self.path is None or not self.path.is_file():
            return self._memory
        try:
            return StepState.open(self.path, self.identity)
        except StudioError:
            return None

    def forget(self) -> None:
        """Delete the state."""
        self._memory = None
        if self.path is not None:
            with suppress(DiskError):  # a retry goes on from it then
                delete_file(self.path)


def without_later_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings without those that came with a later version and are as if they had not.

    So a training that was interrupted before an update goes on after it.
    """
    return {name: value for name, value in values.items() if LATER.get(name, ...) != value}
