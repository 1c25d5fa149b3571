"""A case that takes as much memory as it is told, for the tests of `alone`."""

from __future__ import annotations

from typing import Any

MEASURED: list[int] = []


def measure(megabytes: int, trouble: str = "") -> dict[str, Any]:
    """Take memory and fill it; raises ValueError where there is trouble."""
    if trouble:
        raise ValueError(trouble)
    taken = bytearray(b"x") * (1_000_000 * megabytes)
    MEASURED.append(megabytes)
    return {"bytes": len(taken), "text": trouble}
