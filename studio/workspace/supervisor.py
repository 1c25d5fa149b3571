"""The Supervisor: keeps one worker process alive beside the page.

Nothing that happens on the device can take the page down. A worker that dies is replaced, unless the base was
refused or three in a row died before they had loaded it, or could not be started at all. (With several
devices there is a supervisor for each: `studio.workspace.crew`.) The jobs it left
running are queued again and go on by themselves; one that brings the worker down twice without getting
further fails with a reason for the user (`studio.workspace.interrupted`). The worker ends with the page,
because it reads the pipe that only the page holds open; a training has a few seconds to keep its state.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import IO

from studio.errors import DiskError
from studio.stop_signals import on_stop
from studio.words import tr
from studio.workspace.full_disk import until_written
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

BASE_REFUSED = 3  # the exit code of a worker that cannot use its base or its device
OTHER_BASE = tr("Another base was chosen while this was running, twice.")
MAX_QUICK_DEATHS = 3  # in a row, of workers that had not loaded the base yet
SECONDS_TO_TRY_AGAIN = 1.0  # after the system refused to start a worker: it may lack memory for a moment
SECONDS_TO_LEAVE = 4.0  # for a worker to keep the state of a training when the page is closed


class Supervisor:
    """Runs `command` while the `with` block lasts, and starts it again when it dies.

    Args:
        number: of the worker, from 0.
        environment: variables for the worker, besides those of this process.
    """

    def __init__(
        self,
        workspace: Workspace,
        command: Sequence[str],
        number: int = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.workspace, self.number = workspace, number
        self.command = list(command)
        self.environment = dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None
        self._leaving, self._switching = threading.Event(), threading.Event()
        self._thread = self._make_thread()
        self._deciding = threading.Lock()
        self._has_given_up = False

    def __enter__(self) -> Supervisor:
        self._write_state(WorkerState("starting"))
        self.workspace.jobs.settle_running(
            tr("The studio was closed while this was running, twice."), tr("Press Retry to start it again.")
        )
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.leave()
        self.join()

    def start(self) -> None:
        """Start the first worker, and watch it."""
        self._thread.start()

    def leave(self) -> None:
        """Start no more workers, and tell the last one that the page is gone."""
        self._leaving.set()
        process = self.process
        if process is not None and process.stdin and process.poll() is None:
            process.stdin.close()

    def join(self) -> None:
        """After `leave`: wait until the worker has ended, and say so."""
        self._end()
        self._thread.join(timeout=10)
        with suppress(DiskError):
            self._write_state(WorkerState("stopped"))

    def _write_state(self, state: WorkerState) -> None:
        self.workspace.write_worker_state(state, self.number)

    def _make_thread(self) -> threading.Thread:
        return threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def switch(self, command: Sequence[str]) -> None:
        """End the worker and start another by this command, also where the last one was given up."""
        with self._deciding:
            self.command = list(command)
            self._switching.set()
            if self._has_given_up:
                self._has_given_up = False
                self._thread = self._make_thread()
                self._thread.start()
        with suppress(DiskError):
            self._write_state(WorkerState("starting"))

    def _gives_up(self) -> bool:
        """Return whether no more workers are started: always, unless another command has come meanwhile."""
        with self._deciding:
            self._has_given_up = not self._switching.is_set()
            return self._has_given_up

    def _start(self) -> subprocess.Popen[bytes]:
        try:
            log: IO[bytes] | int = (self.workspace.folder / "worker.log").open("ab")
        except OSError:
            log = subprocess.DEVNULL
        try:
            environment = {**os.environ, **self.environment}
            return subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment
            )
        finally:
            if not isinstance(log, int):
                log.close()

    def _is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def _end(self) -> None:
        process = self.process
        if process is None or process.poll() is not None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            process.wait(timeout=SECONDS_TO_LEAVE + 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _watch(self) -> None:
        quick = 0
        while not self._leaving.is_set():
            self._switching.clear()
            refusal = ""
            try:
                self.process = self._start()
            except OSError as error:
                self.process, refusal = None, error.strerror or str(error)
                self._leaving.wait(SECONDS_TO_TRY_AGAIN)
            while self._is_alive() and not (self._leaving.is_set() or self._switching.is_set()):
                time.sleep(0.2)
            if self._leaving.is_set():
                self._end()
                return
            if self._switching.is_set():
                self._end()
                settle = partial(
                    self.workspace.jobs.settle_running, OTHER_BASE, tr("Press Retry."), self.number
                )
                until_written(settle, self._leaving)
                until_written(partial(self._write_state, WorkerState("starting")), self._leaving)
                quick = 0
                continue
            was_ready = False
            if self.process is not None:
                was_ready = WorkerState.read(self.workspace.folder, self.number).state != "starting"
                until_written(partial(self._report_death, self.process.returncode), self._leaving)
                if self.process.returncode == BASE_REFUSED and self._gives_up():
                    return
            quick = 0 if was_ready else quick + 1
            if quick >= MAX_QUICK_DEATHS:
                hint = tr("Read worker.log in the workspace folder, then start the studio again.")
                error_text = tr("The worker stops as soon as it starts.")
                if refusal:
                    error_text = tr("The system does not start the worker: {reason}.", reason=refusal)
                    hint = tr("Close other programs, or run launch.py setup, then start the studio again.")
                state = WorkerState("error", error=error_text, hint=hint)
                until_written(partial(self._write_state, state), self._leaving)
                if self._gives_up():
                    return
                quick = 0

    def _report_death(self, code: int) -> None:
        """Settle the jobs that this worker was running, with the reason for the user if they fail."""
        ended = "The worker was ended by signal {number} while this was running."
        stopped = "The worker stopped with exit code {number} while this was running."
        hint = tr("Press Retry. If it happens again, the machine may be short of memory.")
        reason = tr(ended if code < 0 else stopped, number=abs(code))
        self.workspace.jobs.settle_running(reason, hint, self.number)
        if code != BASE_REFUSED:
            self._write_state(WorkerState("starting"))


def exit_with_parent(seconds: float = 0.0) -> threading.Event:
    """End this process, the worker, as soon as the page is gone and its end of the pipe closes.

    The event that is returned is set then, and the process ends so many seconds later. So it is after a
    signal to stop: Ctrl-C reaches all processes of a terminal, and `systemctl stop` all of a service, the
    worker too, which must still keep the state of a training.
    """
    leaving = threading.Event()

    def leave() -> None:
        leaving.set()
        time.sleep(seconds)
        os._exit(0)

    def wait() -> None:
        # not through sys.stdin: its lock would be held when the worker ends by itself
        while os.read(0, 4096):
            pass
        leave()

    threading.Thread(target=wait, name="parent", daemon=True).start()
    on_stop(lambda *_: threading.Thread(target=leave, daemon=True).start())
    return leaving
