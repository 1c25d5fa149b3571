"""What is done when a device runs out of memory: smaller batches first, then activations off the device.

A step draws the same batch as ever and takes it in parts, whose gradients add up to that of the whole. What
cannot be taken in parts, such as a loss that compares all photos of a step, goes on to the second at once.

Recomputing layers in the backward pass (gradient checkpointing) would save as much as the second, but not for
every method: recorded attention and Perfusion's gate exist only while the forward pass runs. Moving what was
computed changes numbers by no more than rounding, whatever the method does.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.method import Method
from studio.models.backbone import Backbone
from studio.regularizer import Regularizer
from studio.settings import fields_of
from studio.words import tr

PER_STEP = "photos"  # the unit of the settings that say how many photos a step sees
SMALL_BYTES = 1 << 16  # not worth the way


@dataclass
class MemorySaving:
    """The measures that a training takes.

    Args:
        batch_parts: how many parts each batch is split into; their gradients are added up.
        is_offloaded: whether activations are kept in the computer's memory.
        most_parts: how many parts a batch can have at the most, see `most_parts_of`.
    """

    batch_parts: int = 1
    is_offloaded: bool = False
    most_parts: int = 1

    def take_next(self) -> str:
        """Take one more measure, and return what it is in words; empty when none is left."""
        if self.batch_parts < self.most_parts:
            self.batch_parts = min(2 * self.batch_parts, self.most_parts)
            return tr("half as many photos at a time and twice as many batches a step")
        if not self.is_offloaded:
            self.is_offloaded = True
            return tr("what a step computes kept in the computer's memory, which is slower")
        return ""

    def take_those_of(self, other: MemorySaving) -> None:
        """Take at least the measures that another training took, as far as this one can."""
        self.batch_parts = min(max(self.batch_parts, other.batch_parts), self.most_parts)
        self.is_offloaded = self.is_offloaded or other.is_offloaded

    def offloading(self, backbone: Backbone) -> AbstractContextManager[None]:
        """Context manager of a forward pass: `activations_on_host` if that measure is taken."""
        return activations_on_host(backbone) if self.is_offloaded else nullcontext()

    @property
    def words(self) -> str:
        """Return the measures for a concept's header, in English; empty for none."""
        parts = f"batches in {self.batch_parts} parts, accumulated" if self.batch_parts > 1 else ""
        offloaded = "activations kept in the computer's memory" if self.is_offloaded else ""
        return "; ".join(filter(None, (parts, offloaded)))


def most_parts_of(method: Method, regularizers: Iterable[Regularizer], processes: int = 1) -> int:
    """Return how many parts a process can take its share of a batch in: one photo each, 1 where it cannot."""
    if method.indivisible or not all(one.is_divisible for one in regularizers):
        return 1
    return max((-(-size // processes) for size in photos_per_step(method.settings).values()), default=1)


def photos_per_step(settings: Any) -> dict[str, int]:
    """Return, by name, the settings that say how many photos a step sees."""
    fields = fields_of(type(settings))
    return {field.name: getattr(settings, field.name) for field in fields if field.unit == PER_STEP}


def activations_on_host(backbone: Backbone) -> AbstractContextManager[None]:
    """Context manager: move what is kept for the backward pass off the device, and back when it is used.

    Weights of the base stay where they are: they are kept anyway.
    """
    weights = {
        parameter.untyped_storage().data_ptr()
        for module in backbone.sites.values()
        for parameter in module.parameters()
    }

    def pack(tensor: Tensor) -> Tensor | tuple[torch.device, Tensor]:
        if tensor.nbytes < SMALL_BYTES or tensor.untyped_storage().data_ptr() in weights:
            return tensor
        host = torch.empty_like(tensor, device="cpu", pin_memory=tensor.is_cuda)
        return tensor.device, host.copy_(tensor)

    def unpack(packed: Tensor | tuple[torch.device, Tensor]) -> Tensor:
        return packed if isinstance(packed, Tensor) else packed[1].to(packed[0])

    return torch.autograd.graph.saved_tensors_hooks(pack, unpack)
