"""bfloat16 where the machine computes in it; single precision where it would only pretend to."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def is_half_fast(device: str | torch.device) -> bool:
    """Whether bfloat16 is worth it there: CPUs without instructions for it are some twenty times slower in it
    than in float32."""
    kind = torch.device(device).type
    return kind != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def mixed(device: str | torch.device) -> AbstractContextManager:
    """Autocast to bfloat16 where that is fast."""
    if is_half_fast(device):
        return torch.autocast(torch.device(device).type, torch.bfloat16)
    return nullcontext()
