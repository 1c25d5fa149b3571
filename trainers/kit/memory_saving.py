"""What is done when a device runs out of memory: smaller batches first, then activations off the device.

Recomputing layers in the backward pass (gradient checkpointing) would save as much as the second, but not for
every method: recorded attention and Perfusion's gate exist only while the forward pass runs. Moving what was
computed changes numbers by no more than rounding, whatever the method does.
"""

from __future__ import annotations

import dataclasses
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from studio.method import Method
from studio.models.backbone import Backbone
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
    """

    batch_parts: int = 1
    is_offloaded: bool = False

    def take_next(self, method: Method, least: int = 1) -> str:
        """Take one more measure, and return what it is in words; empty when none is left.

        Args:
            least: how many photos a batch must have, one for each process.
        """
        if self.split_batches(method, least):
            return tr("half as many photos at a time and twice as many batches a step")
        if not self.is_offloaded:
            self.is_offloaded = True
            return tr("what a step computes kept in the computer's memory, which is slower")
        return ""

    def take_those_of(self, other: MemorySaving, method: Method) -> None:
        """Take at least the measures that another training of the method took."""
        while self.batch_parts < other.batch_parts and self.split_batches(method):
            pass
        self.is_offloaded = self.is_offloaded or other.is_offloaded

    def split_batches(self, method: Method, least: int = 1) -> bool:
        """Draw half as many photos at a time and take twice as many batches for a step.

        The gradient is that of as many photos as before. Returns False when a batch is one photo already, or
        would have fewer than `least`.
        """
        sizes = photos_per_step(method.settings)
        smaller = {name: -(-size // 2) for name, size in sizes.items()}
        if smaller == sizes or min(smaller.values()) < least:
            return False
        method.settings = dataclasses.replace(method.settings, **smaller)
        self.batch_parts *= 2
        return True

    def offloading(self, backbone: Backbone) -> AbstractContextManager[None]:
        """Context manager of a forward pass: `activations_on_host` if that measure is taken."""
        return activations_on_host(backbone) if self.is_offloaded else nullcontext()

    @property
    def words(self) -> str:
        """Return the measures for a concept's header, in English; empty for none."""
        parts = f"batches in {self.batch_parts} parts, accumulated" if self.batch_parts > 1 else ""
        offloaded = "activations kept in the computer's memory" if self.is_offloaded else ""
        return "; ".join(filter(None, (parts, offloaded)))


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
