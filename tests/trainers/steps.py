"""One step of a method, as the loop computes it."""

from __future__ import annotations

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.method import Method


def attached_edits(method: Method) -> list[ActiveEdit]:
    """Return the method's own edits at full strength."""
    return [ActiveEdit(edit) for edit in method.edits()]


def loss_terms(method: Method, seed: int = 0) -> dict[str, Tensor]:
    """Draw a batch from `seed` and return its weighted loss terms, with the method's edits attached."""
    with attach(method.backbone, attached_edits(method)):
        return method.loss(method.draw(torch.Generator().manual_seed(seed)))
