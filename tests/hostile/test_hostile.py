"""A few inputs of each kind, the same each time; `python -m tests.hostile` tries as many as one likes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.hostile.readers import KINDS, Place
from tests.hostile.running import try_kind

EXAMPLES = {"photo": 20, "mask": 20, "row": 10}  # these take up to a tenth of a second each


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("hostile")
    yield Place.make(folder)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_a_sentence_comes_of_what_strangers_send(kind: str, place: Place) -> None:
    torch.set_flush_denormal(True)  # as a test before this one may have left it
    try_kind(place, kind, EXAMPLES.get(kind, 30))
