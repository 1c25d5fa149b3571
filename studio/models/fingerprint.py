"""A short hash of a model's weights, the same in every precision they are stored in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import nn

SAMPLES = 257


def fingerprint(parts: Iterable[nn.Module], note: str = "") -> str:
    """Return 16 hexadecimal digits over a sample of these modules' weights, and over the text `note`.

    Weights are rounded to half precision, so that one model stored in float16 and float32 is recognised as
    one.
    """
    digest = hashlib.sha256(note.encode())
    for part in parts:
        for name, weight in sorted(part.state_dict().items()):
            flat = weight.detach().flatten()
            positions = torch.linspace(0, flat.numel() - 1, min(flat.numel(), SAMPLES), dtype=torch.float64)
            sample = flat[positions.long()].to("cpu", torch.float16)
            digest.update(f"{name.replace('text_model.', '')}{tuple(weight.shape)}".encode())
            digest.update(sample.numpy().tobytes())
    return digest.hexdigest()[:16]
