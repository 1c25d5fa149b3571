"""The supervisor with workers that end at once: how often it starts one, and what becomes of their jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from studio.recipes.recipe import Recipe
from studio.workspace.supervisor import BASE_REFUSED, MAX_QUICK_DEATHS, Supervisor
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

WORKER = "import sys; open(sys.argv[1], 'a').write('x'); sys.exit(int(sys.argv[2]))"
ROOT = Path(__file__).resolve().parents[2]
LIVES_ON = "import sys; open(sys.argv[1], 'a').write('x'); sys.stdin.read()"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def starts(folder: Path) -> int:
    """How many workers have begun."""
    return len((folder / "starts").read_text()) if (folder / "starts").exists() else 0


def watch(workspace: Workspace, folder: Path, code: int) -> Supervisor:
    return Supervisor(workspace, [sys.executable, "-c", WORKER, str(folder / "starts"), str(code)])


def end_of(supervisor: Supervisor) -> None:
    """Wait until it starts no more workers."""
    supervisor._thread.join(timeout=60)
    assert not supervisor._thread.is_alive(), "it still starts workers"


@pytest.mark.parametrize(("code", "times"), [(1, MAX_QUICK_DEATHS), (BASE_REFUSED, 1)])
def test_a_worker_that_dies_at_once_is_started_a_few_times_and_a_refused_base_once(
    workspace: Workspace, tmp_path: Path, code: int, times: int
) -> None:
    with watch(workspace, tmp_path, code) as supervisor:
        end_of(supervisor)
        assert starts(tmp_path) == times
        if code != BASE_REFUSED:
            state = workspace.worker_state()
            assert state.state == "error" and "worker.log" in state.hint


def test_a_worker_that_the_system_does_not_start_is_said_and_another_command_is_taken(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studio.workspace.supervisor.SECONDS_TO_TRY_AGAIN", 0.01)
    with Supervisor(workspace, [str(tmp_path / "no-such-python")]) as supervisor:
        end_of(supervisor)
        state = workspace.worker_state()
        assert state.state == "error" and "No such file" in state.error and "launch.py setup" in state.hint
        supervisor.switch([sys.executable, "-c", LIVES_ON, str(tmp_path / "starts")])
        give_up = time.monotonic() + 60
        while not starts(tmp_path) and time.monotonic() < give_up:
            time.sleep(0.01)
    assert starts(tmp_path) == 1


def test_deaths_of_workers_that_were_ready_are_no_reason_to_give_up(
    workspace: Workspace, tmp_path: Path
) -> None:
    with watch(workspace, tmp_path, 1):
        give_up = time.monotonic() + 60
        while starts(tmp_path) <= MAX_QUICK_DEATHS and time.monotonic() < give_up:
            workspace.write_worker_state(WorkerState("ready"))  # as a worker does once it has loaded the base
            time.sleep(0.01)
    assert starts(tmp_path) > MAX_QUICK_DEATHS


def test_jobs_that_ran_when_the_studio_was_closed_go_on_and_others_wait(
    workspace: Workspace, tmp_path: Path
) -> None:
    running, waiting = (workspace.jobs.add("train", "t", {}).id for _ in range(2))
    workspace.jobs.claim()
    with Supervisor(workspace, [sys.executable, "-c", LIVES_ON, str(tmp_path / "starts")]):
        assert workspace.jobs.get(running).status == "queued"
        assert workspace.jobs.get(waiting).status == "queued"
    workspace.jobs.claim()
    with Supervisor(workspace, [sys.executable, "-c", LIVES_ON, str(tmp_path / "starts")]):
        failed = workspace.jobs.get(running)
        assert failed.status == "failed" and "closed" in failed.error and "Retry" in failed.hint


def test_what_a_worker_ran_when_it_died_is_queued_again(workspace: Workspace, tmp_path: Path) -> None:
    with watch(workspace, tmp_path, 7) as supervisor:
        job = workspace.jobs.add("train", "t", {}).id
        workspace.jobs.claim()
        end_of(supervisor)
        assert workspace.jobs.get(job).status == "queued"


def wait_for(ready: object, what: str) -> None:
    give_up = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < give_up, what
        time.sleep(0.05)


def test_another_command_ends_the_worker_and_starts_the_next(workspace: Workspace, tmp_path: Path) -> None:
    first, second = ([sys.executable, "-c", LIVES_ON, str(tmp_path / name)] for name in ("one", "two"))
    with Supervisor(workspace, first) as supervisor:
        wait_for((tmp_path / "one").exists, "the first did not start")
        process = supervisor.process
        supervisor.switch(second)
        wait_for((tmp_path / "two").exists, "the second did not start")
        assert process is not None and process.poll() is not None
        assert supervisor.process is not process and supervisor.process.poll() is None
        assert workspace.worker_state().state == "starting"
    assert (tmp_path / "one").read_text() == (tmp_path / "two").read_text() == "x"


def test_a_job_that_was_running_is_not_left_so_by_another_command(
    workspace: Workspace, tmp_path: Path
) -> None:
    first, second = ([sys.executable, "-c", LIVES_ON, str(tmp_path / name)] for name in ("one", "two"))
    with Supervisor(workspace, first) as supervisor:
        wait_for((tmp_path / "one").exists, "the first did not start")
        job = workspace.create(Recipe("a cat"))
        workspace.jobs.claim(("create",))
        supervisor.switch(second)
        wait_for((tmp_path / "two").exists, "the second did not start")
        assert workspace.jobs.get(job.id).status == "queued"


def test_another_command_is_tried_after_a_base_was_refused(workspace: Workspace, tmp_path: Path) -> None:
    with watch(workspace, tmp_path, BASE_REFUSED) as supervisor:
        end_of(supervisor)
        supervisor.switch([sys.executable, "-c", LIVES_ON, str(tmp_path / "two")])
        wait_for((tmp_path / "two").exists, "the second did not start")
    assert starts(tmp_path) == 1


LEAVING = """
import os, signal, sys
from studio.workspace.supervisor import exit_with_parent
leaving = exit_with_parent(9)
print("ready", flush=True)
leaving.wait(60)
print("kept", flush=True)
os._exit(0)
"""


@pytest.mark.skipif(os.name != "posix", reason="there are no groups of processes to signal")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_to_the_whole_terminal_leaves_the_worker_time_to_keep_its_work(number: str) -> None:
    """Ctrl-C, the end of a service and the closing of a terminal reach the worker as they reach the page."""
    command = [sys.executable, "-c", LEAVING]
    worker = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=ROOT
    )
    assert worker.stdout and worker.stdout.readline() == "ready\n"
    os.killpg(worker.pid, getattr(signal, number))
    said, _ = worker.communicate(timeout=60)  # its end of the pipe closes now too
    assert (said, worker.returncode) == ("kept\n", 0)
