"""The average of what a training learns over its last steps, which is shown and kept in its place.

The weights of the last step depend on the few photos and the noise that it happened to draw; their average
over the steps before it depends less on that. It is the power function average of Karras et al. (2024,
arXiv 2312.02696, section 3.1): after step t of a stage

    average <- beta_t average + (1 - beta_t) weights,    beta_t = (1 - 1 / t)^(gamma + 1)

which begins as the weights after the first step, and is as wide, beside the steps so far, whenever one looks.
So the average of a training that goes on is that of a longer one. We say the share s of the last steps whose
plain mean lags as far behind, s / 2 of all steps, as this one does, 1 / (gamma + 2): gamma = 2 / s - 2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor


class WeightAverage:
    """The average of some tensors while they learn.

    Args:
        parameters: what learns.
        share: s above, of the steps, 0 < s <= 1.
    """

    def __init__(self, parameters: Sequence[Tensor], share: float) -> None:
        self.parameters = list(parameters)
        self.exponent = 2 / share - 1  # gamma + 1
        self.steps = 0
        self.tensors = [tensor.detach().clone() for tensor in self.parameters]

    @torch.no_grad()
    def add(self) -> None:
        """Take the parameters after one more step into the average."""
        self.steps += 1
        weight = 1 - (1 - 1 / self.steps) ** self.exponent
        torch._foreach_lerp_(self.tensors, [tensor.detach() for tensor in self.parameters], weight)

    @torch.no_grad()
    def load(self, tensors: Sequence[Tensor], steps: int) -> None:
        """Go on from a copy of the average `tensors` after `steps` steps."""
        for own, tensor in zip(self.tensors, tensors, strict=True):
            own.copy_(tensor)
        self.steps = steps

    @torch.no_grad()
    def take_place(self) -> None:
        """Make the parameters the average."""
        for tensor, average in zip(self.parameters, self.tensors, strict=True):
            tensor.copy_(average)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Context manager: the parameters are the average while it lasts."""
        own = [tensor.detach().clone() for tensor in self.parameters]
        self.take_place()
        try:
            yield
        finally:
            with torch.no_grad():
                for tensor, saved in zip(self.parameters, own, strict=True):
                    tensor.copy_(saved)
