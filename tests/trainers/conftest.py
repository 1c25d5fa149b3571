"""Which of the trainings, each a method on a base, run in minutes; the others run with `-m slow`."""

from __future__ import annotations

from typing import Any

import pytest

COMMON = "stable_diffusion"  # the family that every method is tried on
TRAVELLER = "dreambooth"  # the method that is tried on every family


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Call a test slow if it tries another method than that one on another family than the common one."""
    for item in items:
        parameters: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
        family, method_id = parameters.get("backbone"), parameters.get("method_id")
        if isinstance(family, str) and family != COMMON and method_id not in (TRAVELLER, None):
            item.add_marker(pytest.mark.slow)
