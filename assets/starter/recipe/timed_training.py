"""Training for a given number of minutes: progress, learning rate schedule, checkpoints."""

from __future__ import annotations

import time
from pathlib import Path

import torch


class TrainingTimer:
    """Measure the time spent training, earlier runs included, and derive the learning rate from it.

    The learning rate warms up over 2 % of the time, stays constant, and falls linearly to zero.
    `minutes`: how long to train, over all runs.
    `decay_share` (0..1): share of that time over which the learning rate falls.
    """

    def __init__(self, minutes: float, decay_share: float = 0.35) -> None:
        self.seconds = minutes * 60
        self.decay_share = decay_share
        self.earlier_seconds = 0.0  # trained in earlier runs, read from the checkpoint
        self.started = time.monotonic()
        self.last_checkpoint = 0.0  # value of `elapsed` at that moment

    @property
    def elapsed(self) -> float:
        """Return the seconds trained so far, earlier runs included."""
        return self.earlier_seconds + time.monotonic() - self.started

    @property
    def progress(self) -> float:
        """Return the share of the time used, 0..1."""
        return min(1.0, self.elapsed / self.seconds)

    @property
    def learning_rate_factor(self) -> float:
        """Return the factor on the learning rate at this moment, 0..1."""
        return min(1.0, self.progress / 0.02 + 1e-3, (1 - self.progress) / self.decay_share)

    def checkpoint_due(self, minutes: float) -> bool:
        """Return True once every `minutes`."""
        if self.elapsed - self.last_checkpoint < minutes * 60:
            return False
        self.last_checkpoint = self.elapsed
        return True


def save_checkpoint(
    file: Path, timer: TrainingTimer, step: int, **parts: torch.nn.Module | torch.optim.Optimizer
) -> None:
    """Write a checkpoint atomically: the step, the time trained, and the state of each of `parts`."""
    state = {name: part.state_dict() for name, part in parts.items()}
    state |= {"step": step, "elapsed": timer.elapsed}
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_suffix(".part")
    torch.save(state, partial)
    partial.replace(file)


def load_checkpoint(
    file: Path, timer: TrainingTimer, **parts: torch.nn.Module | torch.optim.Optimizer
) -> int:
    """Load a checkpoint into `parts` and `timer`, if `file` exists.

    Returns the number of steps done, 0 without a file.
    """
    if not file.exists():
        return 0
    state = torch.load(file, weights_only=True)
    for name, part in parts.items():
        part.load_state_dict(state[name])
    timer.earlier_seconds = timer.last_checkpoint = state["elapsed"]
    timer.started = time.monotonic()
    return state["step"]
