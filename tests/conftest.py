"""What every test starts from: one thread, no network, no telemetry.

With several processes (`-n 2`) each file's tests stay together, since they share what they set up, and so do
all of the browser's, since they share a page.
"""

from __future__ import annotations

import os

import pytest

# Read when the libraries are imported, here and in the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        together = "browser" if item.get_closest_marker("browser") else item.path.stem
        item.add_marker(pytest.mark.xdist_group(together))
