"""A training budget in minutes: how far along, what learning rate, and a checkpoint to go on from."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch


class Budget:
    """Counts the minutes really trained, resumed runs included.

    The learning rate warms up over 2 % of the time, stays, and falls linearly to zero over the last
    `decay` share of it, so that shortening the budget while training still ends in a full decay.
    """

    def __init__(self, minutes: float, decay: float = 0.35) -> None:
        self.seconds = minutes * 60
        self.decay = decay
        self.spent = 0.0
        self.since = time.monotonic()
        self.saved = 0.0

    @property
    def elapsed(self) -> float:
        return self.spent + time.monotonic() - self.since

    @property
    def progress(self) -> float:
        """Share of the time used, 0..1."""
        return min(1.0, self.elapsed / self.seconds)

    @property
    def rate(self) -> float:
        """Factor on the learning rate, 0..1."""
        return min(1.0, self.progress / 0.02 + 1e-3, (1 - self.progress) / self.decay)

    def due(self, minutes: float) -> bool:
        """True once every `minutes`."""
        if self.elapsed - self.saved < minutes * 60:
            return False
        self.saved = self.elapsed
        return True


def save_state(
    file: Path, budget: Budget, step: int, **parts: torch.nn.Module | torch.optim.Optimizer
) -> None:
    """Write everything needed to resume, atomically."""
    state = {name: part.state_dict() for name, part in parts.items()}
    state |= {"step": step, "elapsed": budget.elapsed}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    torch.save(state, partial)
    os.replace(partial, file)


def load_state(file: Path, budget: Budget, **parts: torch.nn.Module | torch.optim.Optimizer) -> int:
    """Resume from `file` if it is there; returns the step reached (0 without a file)."""
    if not file.exists():
        return 0
    state = torch.load(file, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    budget.spent = budget.saved = state["elapsed"]
    budget.since = time.monotonic()
    return state["step"]
