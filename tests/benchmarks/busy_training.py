"""What polling tabs cost a training beside them.

    python -m tests.benchmarks.busy_training FOLDER STOP

stands for a training: it calculates, writes to a job's log and asks whether it should stop, as the worker
does after every step, until the file STOP is there.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from studio.workspace.jobs import Jobs
from tests.benchmarks.served_page import ROOT, Page

TABS = ("Train", "Create", "Compare", "Library", "Queue")
ROUNDS, ROUND_SECONDS = 5, 4.0


def busy(folder: Path, stop: Path) -> None:
    """Calculate, log and ask for a stop request, step after step; the count of steps goes to `stop`.txt."""
    jobs = Jobs(folder / "jobs")
    job = jobs.add("mask", "busy", {})
    rng = np.random.default_rng(0)
    matrix, steps = rng.standard_normal((300, 300)), 0
    counter = stop.with_suffix(".txt")
    with counter.open("w+") as file:
        while not stop.exists():
            for _ in range(10):
                matrix = np.tanh(matrix @ matrix.T / 300)
            jobs.log(job.id, {"event": "step", "step": steps, "steps": 10**6, "values": {"loss": 1.0}})
            jobs.stop_request(job.id)
            steps += 1
            file.seek(0)
            file.write(str(steps))
            file.flush()
    jobs.delete(job.id)


def slowing(page: Page, folder: Path, tabs: int) -> tuple[float, float, float]:
    """Return what polling tabs cost a busy process, and the page.

    That is by how many percent they slow the process (median of rounds), its steps a second without them, and
    the share of a processor that the page takes with them, in percent.
    """
    stop = Path(tempfile.mkdtemp()) / "stop"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.benchmarks.busy_training", str(folder), str(stop)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    counter = stop.with_suffix(".txt")
    while not counter.exists() or not counter.read_text():
        time.sleep(0.1)
    polling, leaving = threading.Event(), threading.Event()

    def visit(number: int) -> None:
        name = f"{TABS[number % len(TABS)]} {number}"
        page.draw(name)
        while not leaving.is_set():
            if polling.wait(0.2):
                if page.poll(name):
                    page.draw(name)
                time.sleep(1.0)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(tabs)]
    for thread in threads:
        thread.start()

    def rate() -> float:
        time.sleep(1.0)
        before, begun = int(counter.read_text()), time.perf_counter()
        time.sleep(ROUND_SECONDS)
        return (int(counter.read_text()) - before) / (time.perf_counter() - begun)

    shares, spent, alone = [], [], 0.0
    for _ in range(ROUNDS):
        polling.clear()
        alone = rate()
        polling.set()
        before, begun = page.cpu_seconds(), time.perf_counter()
        shares.append(100 * (1 - rate() / alone))
        spent.append(100 * (page.cpu_seconds() - before) / (time.perf_counter() - begun))
    leaving.set()
    for thread in threads:
        thread.join()
    stop.touch()
    process.wait(timeout=20)
    return statistics.median(shares), alone, statistics.median(spent)


if __name__ == "__main__":
    busy(Path(sys.argv[1]), Path(sys.argv[2]))
