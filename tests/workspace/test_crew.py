"""Several workers on one job table: two real processes, one of them killed in the middle of a job."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import launch
from studio.errors import StudioError
from studio.models import threads
from studio.ui.app import page_header
from studio.worker import process
from studio.worker.worker import Worker
from studio.workspace.crew import Crew
from studio.workspace.jobs import Jobs
from studio.workspace.worker_state import FILE, WorkerState
from studio.workspace.workspace import Workspace
from tests import tiny
from tests.workspace import small_worker

LONG = 60.0


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def crew_of(workspace: Workspace) -> Crew:
    def command(number: int, device: str) -> list[str]:
        return [sys.executable, "-m", small_worker.__name__, str(workspace.folder), str(number)]

    return Crew(workspace, ("cpu", "cpu"), command)


def add(workspace: Workspace, seconds: float) -> int:
    return workspace.jobs.add("create", "t", {"seconds": seconds}).id


def wait(true: Callable[[], object], seconds: float = 30) -> None:
    give_up = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def running(workspace: Workspace) -> dict[int, int]:
    """By the number of a job that runs, its worker."""
    return {job.id: job.worker for job in workspace.jobs.under_way() if job.status == "running"}


def starts(workspace: Workspace, number: int) -> int:
    return sum(event.event == "started" for event in workspace.jobs.events(number))


def test_a_killed_workers_job_goes_on_and_the_others_is_left_alone(workspace: Workspace) -> None:
    small = [add(workspace, 0.0) for _ in range(40)]
    with crew_of(workspace) as crew:
        wait(lambda: all(workspace.jobs.get(number).status == "done" for number in small))
        assert {workspace.jobs.get(number).outcome["worker"] for number in small} == {0, 1}
        assert all(starts(workspace, number) == 1 for number in small), "a job was taken twice"
        long = [add(workspace, LONG) for _ in range(2)]
        wait(lambda: len(running(workspace)) == 2)
        dies, stays = sorted(long, key=lambda number: -running(workspace)[number])
        crew.supervisors[1].process.kill()
        wait(lambda: starts(workspace, dies) == 2)
        assert running(workspace) == {dies: 1, stays: 0}
        assert starts(workspace, stays) == 1, "the job of the living worker was settled"

        workspace.jobs.request_stop(dies, "keep")
        wait(lambda: workspace.jobs.get(dies).status == "stopped")
        assert running(workspace) == {stays: 0} and workspace.jobs.get(dies).outcome == {"worker": 1}
        wait(lambda: workspace.worker_states()[1].state == "ready")
        assert "1 of 2 busy · small on CPU × 2" in page_header(workspace)

        before = [supervisor.process for supervisor in crew.supervisors]
        workspace.jobs.request_stop(stays, "keep")
        wait(lambda: not running(workspace))
        crew.switch()
        wait(lambda: all(one.process not in before for one in crew.supervisors))
        assert all(one.poll() is not None for one in before)
        last = add(workspace, 0.0)
        wait(lambda: workspace.jobs.get(last).status == "done")
    assert [state.state for state in workspace.worker_states()] == ["stopped", "stopped"]


def test_jobs_of_all_workers_are_settled_when_the_studio_opens_again(workspace: Workspace) -> None:
    jobs = [add(workspace, LONG) for _ in range(3)]
    for number in range(3):
        workspace.jobs.claim(worker=number)
        workspace.write_worker_state(WorkerState("busy"), number)
    with crew_of(workspace):
        assert len(workspace.worker_states()) == 2, "the state of a third worker is of the last time"
        wait(lambda: running(workspace).keys() == set(jobs[:2]))
        assert workspace.jobs.get(jobs[2]).status == "queued"


def test_no_job_is_claimed_twice_by_workers_that_ask_at_once(workspace: Workspace) -> None:
    numbers = [add(workspace, 0.0) for _ in range(40)]

    def claim_all(worker: int) -> list[int]:
        claimed = iter(lambda: workspace.jobs.claim(worker=worker), None)
        return [job.id for job in claimed if job is not None]

    with ThreadPoolExecutor(4) as pool:
        claimed = list(pool.map(claim_all, range(4)))
    assert sorted(number for own in claimed for number in own) == numbers
    assert all(own == sorted(own) for own in claimed), "not in the order of the queue"


def test_a_picture_beside_a_training_is_left_to_a_worker_that_is_idle(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, taken = Worker(workspace, tiny.backbone(), {}, lambda *_: iter(())), []
    monkeypatch.setattr(worker, "take", lambda kinds: taken.append(kinds))
    worker.write_state("busy")
    for other, expected in (("ready", []), ("busy", [("mask",), ("create",)])):
        workspace.write_worker_state(WorkerState(other), 1)
        worker.take_between(("mask", "create"))
        assert taken == expected


def test_only_the_jobs_of_one_worker_are_settled(workspace: Workspace) -> None:
    first, second = (add(workspace, LONG) for _ in range(2))
    assert [workspace.jobs.claim(worker=number).id for number in (0, 1)] == [first, second]
    assert workspace.jobs.settle_running("It died.", "Press Retry.", 1) == [second]
    assert workspace.jobs.get(first).status == "running" and workspace.jobs.get(second).status == "queued"


def test_a_table_and_a_state_of_an_earlier_version_still_open(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs")
    job = jobs.add("create", "t", {})
    jobs.claim()
    with jobs._table.writing() as table:
        table.execute("alter table jobs drop column worker")
    (tmp_path / FILE).write_text('{"state": "ready", "base": {"name": "old"}}', encoding="utf-8")
    again = Workspace(tmp_path)
    assert again.jobs.get(job.id).worker == 0 and again.worker_state().base == {"name": "old"}
    assert again.jobs.settle_running("It died.", "Press Retry.", 0) == [job.id]


def states(*words: str) -> list[WorkerState]:
    """States by words such as "ready cuda:0"; a worker without a device has not loaded its base."""
    pairs = [(word.split()[0], word.split()[1:]) for word in words]
    return [WorkerState(state, {"name": "starter", "device": at[0]} if at else {}) for state, at in pairs]


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (["ready cuda:0"], "Ready · starter on cuda:0"),
        (["busy cuda:0"], "Busy · starter on cuda:0"),
        (["ready cuda:0", "ready cuda:1"], "Ready · starter on cuda:0 and cuda:1"),
        (
            ["busy cuda:0", "ready cuda:1", "busy cuda:2"],
            "2 of 3 busy · starter on cuda:0, cuda:1 and cuda:2",
        ),
        (["busy cuda:0", "busy cuda:1"], "Busy · starter on cuda:0 and cuda:1"),
        (["ready CPU", "ready CPU"], "Ready · starter on CPU × 2"),
        (["starting", "ready cuda:1"], "Ready · starter on cuda:1, 1 more starting"),
        (["starting", "starting"], "Starting the engine …"),
        (["error", "busy cuda:1"], "Busy · starter on cuda:1"),
        (["error", "error"], "The engine cannot run"),
        (["stopped", "stopped"], "The engine is stopped"),
    ],
)
def test_one_pill_shows_all_workers(workspace: Workspace, workers: list[str], words: str) -> None:
    for number, state in enumerate(states(*workers)):
        workspace.write_worker_state(state, number)
    assert f">{words}<" in page_header(workspace)


def test_the_facts_of_the_base_are_known_while_one_worker_has_loaded_it(workspace: Workspace) -> None:
    workspace.write_worker_state(WorkerState("starting"))
    facts = {"name": "starter", "resolution": 128}
    workspace.write_worker_state(WorkerState("busy", facts, {"perfusion": "no"}), 1)
    state = workspace.worker_state()
    assert (state.state, state.base, state.refusals) == ("busy", facts, {"perfusion": "no"})


def test_a_device_that_is_not_there_is_said_in_the_page(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "exit_with_parent", lambda seconds: None)
    with pytest.raises(SystemExit):
        process.work(workspace, {}, lambda *_: iter(()), 1, "31")
    state = WorkerState.read(workspace.folder, 1)
    assert state.state == "error" and "There is no device cuda:31" in state.error
    workspace.write_worker_state(*states("ready CPU"))
    header = page_header(workspace)
    assert "There is no device cuda:31" in header and "Ready · starter on CPU" in header


def test_devices_are_read_from_the_command_line_and_given_to_the_workers(workspace: Workspace) -> None:
    read = launch.parser().parse_args
    assert read([]).devices == ("",)
    assert read(["--devices", "0,cuda:1"]).devices == ("0", "1")
    assert read(["--devices", "cpu, cpu"]).devices == ("cpu", "cpu")
    for wrong in ("", "0,", "gpu", "0;1", "-1"):
        with pytest.raises(StudioError, match="no list of devices such as 0,1 or cpu,cpu"):
            read([f"--devices={wrong}"])
    assert "--devices" not in launch.worker_command(workspace)
    given = read(launch.worker_command(workspace, 1, "cpu")[2:])
    assert (given.command, given.devices, given.worker_number) == ("worker", ("cpu",), 1)


def test_two_workers_on_the_cpu_share_its_cores(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "_cores", lambda: 9)
    monkeypatch.setattr(threads, "_quota", lambda: math.inf)
    assert threads.threads_to_use() == 8
    (first, second) = (one.environment for one in crew_of(workspace).supervisors)
    assert first == second and first
    monkeypatch.setattr("os.environ", {**os.environ, **first})
    assert threads.threads_to_use() == 4
    cards = Crew(workspace, ("0", "1"), lambda number, device: [])
    assert [one.environment for one in cards.supervisors] == [{}, {}]
