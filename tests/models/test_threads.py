"""How many threads torch gets."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from studio.models import threads


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Eight hardware threads, two of each core, without a limit."""
    for number in range(8):
        topology = tmp_path / f"cpu{number}" / "topology"
        topology.mkdir(parents=True)
        (topology / "thread_siblings_list").write_text(f"{number % 4},{number % 4 + 4}\n")
    monkeypatch.setattr(threads, "TOPOLOGY", tmp_path)
    monkeypatch.setattr(threads, "CGROUPS", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(8)), raising=False)
    return tmp_path


def test_two_threads_of_a_core_count_once_and_one_core_is_left(machine: Path) -> None:
    assert threads.threads_to_use() == 3


def test_cores_that_the_process_may_not_use_do_not_count(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 4, 1})
    assert threads.threads_to_use() == 1
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    assert threads.threads_to_use() == 1


@pytest.mark.parametrize(
    ("limit", "count"),
    [("200000 100000", 1), ("250000 100000", 2), ("1600000 100000", 3), ("max 100000", 3), ("", 3)],
)
def test_a_container_gets_what_its_limit_allows(machine: Path, limit: str, count: int) -> None:
    (machine / "cpu.max").write_text(limit)
    assert threads.threads_to_use() == count


@pytest.mark.parametrize(("quota", "count"), [("300000", 2), ("-1", 3)])
def test_an_older_container_too(machine: Path, quota: str, count: int) -> None:
    (machine / "cpu").mkdir()
    (machine / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (machine / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert threads.threads_to_use() == count


def test_a_system_that_does_not_say_counts_its_cores(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    monkeypatch.setattr(threads, "CGROUPS", machine / "nowhere")
    assert threads.threads_to_use() == 5
