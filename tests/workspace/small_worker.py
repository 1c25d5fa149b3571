"""A worker without torch that spends a task's seconds on each job: `small_worker.py FOLDER NUMBER`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from studio.workspace.supervisor import exit_with_parent
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace


def main(folder: str, number: int) -> None:
    """Take jobs until the page's end of the pipe closes; a job that is asked to stop ends."""
    exit_with_parent()
    workspace = Workspace(Path(folder))
    jobs, base = workspace.jobs, {"name": "small", "device": "CPU"}
    workspace.write_worker_state(WorkerState("ready", base), number)
    while True:
        job = jobs.claim(("create",), number)
        if job is None:
            time.sleep(0.02)
            continue
        workspace.write_worker_state(WorkerState("busy", base), number)
        give_up = time.monotonic() + job.task["seconds"]
        while time.monotonic() < give_up and not jobs.stop_request(job.id):
            time.sleep(0.01)
        is_stopped = bool(jobs.stop_request(job.id))
        jobs.end(job.id, "stopped" if is_stopped else "done", {"worker": number})
        workspace.write_worker_state(WorkerState("ready", base), number)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
