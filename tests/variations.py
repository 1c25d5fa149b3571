"""Which of many cases of a test run in minutes, and which are variations that run with `-m slow`."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def slow_but(few: Collection[Any], cases: Iterable[Any]) -> list[Any]:
    """Return the parameters of `cases`, of which all but a `few` are slow; a tuple is several parameters."""
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)), marks=[] if case in few else pytest.mark.slow
        )
        for case in cases
    ]
