"""Cases in a process of their own: what comes back, and what comes back of one that fails or does not fit."""

from __future__ import annotations

import sys

import pytest
import torch

from tests.benchmarks import stand_in
from tests.benchmarks.alone import FAILURE, is_out_of_memory, run_alone
from tests.benchmarks.peak_memory import held_bytes, peak_bytes, reset_peak

CPU = torch.device("cpu")
linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory of a process")


def test_a_case_gives_back_what_was_measured_and_has_a_process_of_its_own() -> None:
    assert run_alone("stand_in", {"megabytes": 1}) == {"bytes": 1_000_000, "text": ""}
    assert not stand_in.MEASURED


@linux
def test_a_case_that_does_not_fit_says_so() -> None:
    assert run_alone("stand_in", {"megabytes": 300}, 0.1) == {FAILURE: "does not fit: 0.1 GB are free"}
    assert run_alone("stand_in", {"megabytes": 300}, 1.0)["bytes"] == 300_000_000


def test_a_case_that_fails_says_why() -> None:
    assert "ValueError: Oh no" in run_alone("stand_in", {"megabytes": 1, "trouble": "Oh no"})[FAILURE]


def test_memory_is_known_to_be_short_by_every_word_for_it() -> None:
    with pytest.raises(RuntimeError) as error:
        torch.empty(10**15)
    assert is_out_of_memory(error.value)
    assert is_out_of_memory(MemoryError()) and is_out_of_memory(torch.OutOfMemoryError("CUDA"))
    assert not is_out_of_memory(RuntimeError("shapes do not match"))


@linux
def test_the_peak_is_that_since_the_reset() -> None:
    large = torch.ones(50_000_000)  # 200 MB
    del large
    before = held_bytes(CPU)
    reset_peak(CPU)
    assert peak_bytes(CPU) < before + 20e6
    again = torch.ones(25_000_000)  # 100 MB
    del again
    assert 80e6 < peak_bytes(CPU) - before < 150e6
