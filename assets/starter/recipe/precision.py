"""bfloat16 where the machine computes in it; single precision where it would only pretend to."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def mixed(device: str | torch.device) -> AbstractContextManager:
    """Autocast to bfloat16, except on CPUs without instructions for it: they are some twenty times slower
    in bfloat16 than in float32."""
    kind = torch.device(device).type
    if kind == "cpu" and not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return nullcontext()
    return torch.autocast(kind, torch.bfloat16)
