"""The Crew: one worker for each device, all on the same job table.

Each worker has its own supervisor, which replaces it when it dies and settles its jobs alone; what the others
run is left in peace. Which worker takes a job is decided by who asks first, in the order of the queue.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import TracebackType

from studio.workspace.supervisor import Supervisor
from studio.workspace.worker_state import WorkerState, forget_others
from studio.workspace.workspace import Workspace

CPU = "cpu"
WORKERS = "LIKENESS_CPU_WORKERS"  # read by `studio.models.threads`

Command = Callable[[int, str], Sequence[str]]  # of a worker, by its number and its device


class Crew:
    """Runs a worker for each device while the `with` block lasts.

    Args:
        devices: such as ("0", "1") or ("cpu", "cpu"); an empty name lets the worker choose.
        command: returns the command that starts a worker on the present base.
    """

    def __init__(self, workspace: Workspace, devices: Sequence[str], command: Command) -> None:
        self.workspace, self.devices, self.command = workspace, tuple(devices), command
        self.supervisors = [
            Supervisor(workspace, command(number, device), number, _sharing(device, self.devices))
            for number, device in enumerate(self.devices)
        ]

    def __enter__(self) -> Crew:
        forget_others(self.workspace.folder, len(self.devices))
        for number in range(len(self.devices)):
            self.workspace.write_worker_state(WorkerState("starting"), number)
        first, *others = self.supervisors
        first.__enter__()  # settles the jobs of all workers: none has started yet
        for supervisor in others:
            supervisor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for supervisor in self.supervisors:  # all are told before the first is waited for
            supervisor.leave()
        for supervisor in self.supervisors:
            supervisor.join()

    def switch(self) -> None:
        """End all workers and start others, on the base that the workspace has now."""
        for supervisor, device in zip(self.supervisors, self.devices, strict=True):
            supervisor.switch(self.command(supervisor.number, device))


def _sharing(device: str, devices: Sequence[str]) -> dict[str, str]:
    """Return variables that let a worker on the CPU take its share of the cores."""
    return {WORKERS: str(devices.count(CPU))} if device == CPU else {}
