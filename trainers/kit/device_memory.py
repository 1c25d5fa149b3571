"""The memory of a device, in bytes: a card's own, or that of the computer."""

from __future__ import annotations

import psutil
import torch

from studio.models.backbone import Backbone


def reset_most_used(backbone: Backbone) -> None:
    """Count `most_used_bytes` from now on."""
    if backbone.device.type == "cuda":
        torch.cuda.empty_cache()  # else what was reserved before would count
        torch.cuda.reset_peak_memory_stats(backbone.device)


def most_used_bytes(backbone: Backbone) -> int:
    """Return the memory in use: on a card the most since the last reset, else what this process holds now."""
    if backbone.device.type == "cuda":
        return torch.cuda.max_memory_reserved(backbone.device)
    return psutil.Process().memory_info().rss


def total_bytes(backbone: Backbone) -> int:
    """Return how much memory the device has."""
    if backbone.device.type == "cuda":
        return torch.cuda.mem_get_info(backbone.device)[1]
    return psutil.virtual_memory().total
