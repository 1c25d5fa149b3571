"""What every test starts from: one thread, no network, no telemetry; and which tests run side by side.

With several processes (`-n 2`) tests go to them in rooms: each file is one, since its tests share what they
set up, and so are all of the browser's, since they share a page. The longest rooms go first, so that no
process is left alone with one at the end.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

import pytest

# Read when the libraries are imported, here and in the processes that tests start.
os.environ["LIKENESS_LANGUAGE"] = "en"  # tests read sentences; tests of the others say which
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# no test finds or leaves anything where a person keeps concepts
DATA = tempfile.TemporaryDirectory(prefix="likeness-tests-")
os.environ["XDG_DATA_HOME"] = os.environ["LOCALAPPDATA"] = DATA.name

BROWSER = "tests/browser/"
LONGEST_FIRST = (
    BROWSER,
    "tests/end_to_end/test_learning.py",
    "tests/starter/test_recipe.py",
    "tests/trainers/test_every_method.py",
    "tests/trainers/test_every_setting.py",
    "tests/plugins/test_plugins.py",
    "tests/end_to_end/test_starter.py",
    "tests/devices/test_devices.py",
    "tests/end_to_end/test_worker.py",
    "tests/trainers/test_full_tuning.py",
    "tests/trainers/test_break_a_scene.py",
)


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Begin every test with the same random numbers, so that one that fails once fails again."""
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(0)


def room_of(nodeid: str) -> str:
    """Return the room of a test: the folder of the browser, else its file."""
    return BROWSER if nodeid.startswith(BROWSER) else nodeid.split("::", 1)[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadFileScheduling

    class Rooms(LoadFileScheduling):
        """Gives rooms out in the order of the tests, not by how many tests they have."""

        def _split_scope(self, nodeid: str) -> str:
            return room_of(nodeid)

    config.option.loadscopereorder = False
    return Rooms(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the longest rooms to the front, and leave the others in their order."""
    ranks = {room: rank for rank, room in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: ranks.get(room_of(item.nodeid), len(ranks)))


@pytest.fixture(scope="module")
def one_preview() -> Iterator[None]:
    """Let trainings show one preview between the first and the last; each is painted and measured."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainers.kit.loop.PREVIEWS", 1)
        yield


@pytest.fixture(scope="module")
def short_verdict() -> Iterator[None]:
    """Let trainings end with a verdict on hardly painted pictures; test_verdict.py tests the whole one."""
    from trainers.kit import verdict

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verdict, "STEPS", 1)
        patch.setattr(verdict, "SEEDS", 2)
        yield
