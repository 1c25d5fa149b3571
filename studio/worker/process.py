"""The worker process from its start to its end: load the base model, then run jobs until the page is gone."""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial

from studio.errors import DiskError, StudioError
from studio.method import Method
from studio.models import opening
from studio.models.devices import use_device
from studio.worker.tasks import Train
from studio.worker.worker import Left, Worker
from studio.workspace.full_disk import RETRY_SECONDS, until_written
from studio.workspace.job import USER_KINDS
from studio.workspace.supervisor import BASE_REFUSED, SECONDS_TO_LEAVE, exit_with_parent
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace

IDLE_SECONDS = 0.2

log = logging.getLogger("likeness.worker")


def _report(workspace: Workspace, number: int, sentence: str) -> None:
    """Let the page say how far the worker is before its base is loaded; a full disk is no reason to stop."""
    with suppress(DiskError):
        workspace.write_worker_state(WorkerState("starting", note=sentence), number)


def work(
    workspace: Workspace,
    methods: Mapping[str, type[Method]],
    train: Train,
    number: int = 0,
    device: str = "",
) -> None:
    """Load the base model, then run jobs until the page is gone. Called in the worker process.

    Args:
        number: of this worker, from 0.
        device: "cpu" or the number of a card; empty for a card if there is one.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    leaving = exit_with_parent(SECONDS_TO_LEAVE)
    until_written(lambda: workspace.write_worker_state(WorkerState("starting"), number), leaving)
    try:
        backbone = opening.open_backbone(
            workspace.base,
            device=use_device(device) if device else None,
            prediction=workspace.prediction,
            report=partial(_report, workspace, number),
            memory=workspace.memory,
            cache=workspace.cache,
        )
    except StudioError as error:
        state = WorkerState("error", error=error.message, hint=error.hint)
        until_written(lambda: workspace.write_worker_state(state, number), leaving)
        sys.exit(BASE_REFUSED)
    worker = Worker(workspace, backbone, methods, train, leaving, number, device)
    worker.write_state("ready")
    try:
        while not leaving.is_set():
            try:
                is_idle = not (worker.take(("mask",)) or worker.take(USER_KINDS))
            except DiskError as error:  # the job table cannot be read or written
                log.warning("%s", error)
                leaving.wait(RETRY_SECONDS)
            else:
                time.sleep(IDLE_SECONDS if is_idle else 0)
    except Left:
        pass
    os._exit(0)  # at once: closing the libraries in order takes longer than the page waits
