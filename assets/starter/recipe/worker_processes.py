"""Data-parallel training on one computer: thin wrappers around torch.distributed.

On a CPU, one process per core is faster than one process with many threads. Without a process group every
function here acts as in a run of one process.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor


def rank() -> int:
    """Return the number of this process, 0 for the first."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """Return the number of processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def join_group(backend: str = "gloo") -> None:
    """Join the process group that `python -m torch.distributed.run` started."""
    dist.init_process_group(backend)


def leave_group() -> None:
    """Leave the process group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def sum_over_processes(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor, in place, by its sum over all processes."""
    tensors = list(tensors)
    if world_size() == 1 or not tensors:
        return
    flat = torch.cat([tensor.flatten() for tensor in tensors])  # one exchange for all tensors
    dist.all_reduce(flat)
    offset = 0
    for tensor in tensors:
        tensor.copy_(flat[offset : offset + tensor.numel()].view_as(tensor))
        offset += tensor.numel()


def from_first_process(number: float) -> float:
    """Return the `number` of process 0 in every process.

    Used for values that depend on the clock, so that all processes stop at the same step.
    """
    if world_size() == 1:
        return number
    value = torch.tensor([number if rank() == 0 else 0.0], dtype=torch.float64)
    dist.all_reduce(value)
    return value.item()
