"""Choose between bfloat16 and float32 for a device."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def has_fast_bfloat16(device: str | torch.device) -> bool:
    """Return whether the device computes in bfloat16 natively."""
    # A CPU without bfloat16 instructions emulates them, some twenty times slower than float32.
    kind = torch.device(device).type
    return kind != "cpu" or torch.ops.mkldnn._is_mkldnn_bf16_supported()


def autocast(device: str | torch.device) -> AbstractContextManager:
    """Return a context manager: autocast to bfloat16 where that is fast, otherwise nothing."""
    if has_fast_bfloat16(device):
        return torch.autocast(torch.device(device).type, torch.bfloat16)
    return nullcontext()
