"""Tries inputs of one kind; hypothesis makes the first one that fails as small as it can."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import HealthCheck, given, seed, settings

from tests.hostile.readers import KINDS, Place, check


def try_kind(place: Place, kind: str, examples: int, number: int | None = None) -> None:
    """Read `examples` inputs of a kind, drawn from the seed `number`, or the same ones each time without."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=number is None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(KINDS[kind][0])
    def read(drawn: Any) -> None:
        check(place, kind, drawn)

    # opening a base sets the CPU to round the smallest numbers to zero, which hypothesis refuses
    torch.set_flush_denormal(False)
    (read if number is None else seed(number)(read))()
