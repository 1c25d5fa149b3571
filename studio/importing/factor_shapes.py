"""Says by their shapes alone whether the tensors of a LoRA are factors of a layer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from studio.interop.foreign_file import ALPHA, DOWN, MID, UP

Shape = tuple[int, ...]


def rank_of(parts: Mapping[str, Shape], weights: Sequence[Shape]) -> int:
    """Return the rank of a layer's factors, 0 when they are not those of its weight.

    Args:
        parts: by what it is (`DOWN`, `UP`, `ALPHA`, `MID`), the shape of each tensor.
        weights: those of the layers that the one layer of the file stands for, one below the other.
    """
    down, up, mid = parts[DOWN], parts[UP], parts.get(MID)
    if not down or not up or 0 in parts.get(ALPHA, ()):
        return 0
    rank, inner = down[0], weights[0][1:]
    if mid is not None:  # a kernel (rank, inner rank, height, width) between the two
        if len(mid) != 4 or mid[1] != rank or math.prod(mid[2:]) != math.prod(inner[1:]):
            return 0
        rank, inner = mid[0], inner[:1]
    rows = sum(weight[0] for weight in weights)
    is_whole = math.prod(down[1:]) == math.prod(inner) and up[0] == rows and math.prod(up[1:]) == rank
    return rank if is_whole else 0
