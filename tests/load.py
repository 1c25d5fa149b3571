"""What a large workspace costs: thousands of concepts, pictures and jobs, and many tabs.

    python -m tests.load                                   10,000 of each, 20 tabs
    python -m tests.load --concepts 100 --pictures 100 --tabs 2 --folder /tmp/made-once

Prints a table of what was measured beside what is allowed. The page runs as in tests/browser, with the
stand-in worker. CPU time is read from /proc, so this needs Linux. The busy process stands for a training: it
calculates, writes to a job's log and asks whether it should stop, as the worker does after every step.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import numpy as np

from studio.concepts.header import METADATA_KEY, Header
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from studio.workspace.jobs import Jobs
from studio.workspace.workspace import Workspace
from tests.browser.actor import draw_face, header_of

ROOT = Path(__file__).resolve().parents[1]
TABS = ("Train", "Create", "Compare", "Library", "Queue")
POLLS = 20
ROUNDS, ROUND_SECONDS = 5, 4.0
LIMITS = {  # what is allowed, in the unit of the row
    "page up": 5.0,
    "GET /": 1.0,
    "opening a concept": 0.3,
    "poll": 20.0,
    "slower": 5.0,
}


def concept_bytes(header: Header) -> bytes:
    """Return a concept file with a single number in it."""
    table = {
        "__metadata__": {METADATA_KEY: header.to_text()},
        f"tokens/{header.handle}/vectors": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]},
    }
    head = json.dumps(table).encode("utf-8")
    head += b" " * (-len(head) % 8)
    return struct.pack("<Q", len(head)) + head + struct.pack("<f", 1.0)


def fill(workspace: Workspace, concepts: int, pictures: int) -> None:
    """Write as many concepts, pictures and ended jobs as asked for; those that are there are kept."""
    headers = [header_of("<name>", "fox", seed, 5, 40) for seed in range(20)]
    for number in range(concepts):
        handle = f"<c{number:05d}>"
        path = workspace.concepts.path(handle)
        if not path.exists():
            values = {**vars(headers[number % len(headers)]), "handles": {handle: "fox"}}
            path.write_bytes(concept_bytes(Header(**values)))
    picture = workspace.folder / "one.png"
    save_picture(draw_face(1), Recipe("a face", base="stand-in"), picture)
    content = picture.read_bytes()
    for number in range(pictures):
        path = workspace.pictures / f"{number + 1:05d}-01.png"
        if not path.exists():
            path.write_bytes(content)
    have = len(workspace.jobs.newest(concepts))
    task = {"method": "textual_inversion", "handle": "<c>", "noun": "fox", "settings": {}, "seed": 0}
    with workspace.jobs._table.writing() as table:
        for number in range(have, concepts):
            row = ("train", f"<c{number:05d}> with Textual Inversion", json.dumps({**task, "photos": 5}))
            query = "insert into jobs (kind, title, task, status, created, started, finished)"
            table.execute(f"{query} values (?, ?, ?, 'done', 1, 1, 2)", row)


@dataclass
class Page:
    """A page that is being served."""

    url: str
    pid: int
    config: dict[str, Any]
    seconds: float
    megabytes: float

    def call(self, function: int, tab: str, event: dict[str, Any] | None = None) -> Any:
        """Call a handler as a browser tab does; `tab` is the name of its visit."""
        dependency = self.config["dependencies"][function]
        kinds = {one["id"]: one for one in self.config["components"]}
        values = [kinds[number]["props"].get("value") for number in dependency["inputs"]]
        values = [None if kinds[number]["type"] == "state" else value
                  for number, value in zip(dependency["inputs"], values, strict=True)]  # fmt: skip
        if dependency["js"] and dependency["backend_fn"]:
            values[0] = tab.split()[0].lower()
        body = {"data": values, "fn_index": function, "session_hash": tab, "event_data": event}
        request = urllib.request.Request(
            f"{self.url}gradio_api/run/predict",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def function(self, elem_id: str | None, event: str) -> int:
        """Return the number of the handler of an event of a component, of any timer without an id."""
        kinds = {one["id"]: one for one in self.config["components"]}
        for number, dependency in enumerate(self.config["dependencies"]):
            for target, name in dependency["targets"]:
                part = kinds.get(target)
                is_it = part and (part["type"] == "timer" if elem_id is None
                                  else part["props"].get("elem_id") == elem_id)  # fmt: skip
                if is_it and name == event:
                    return number
        raise LookupError(f"{elem_id} has no {event}")

    def cpu_seconds(self) -> float:
        """Return the processor time that the page has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def open_page(folder: Path) -> Iterator[Page]:
    """Serve the page on a workspace in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "tests.browser.stage", str(folder), str(port), "0.05"]
    started = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}/"
    try:
        while True:
            try:
                with urllib.request.urlopen(url, timeout=60) as answer:
                    size = len(answer.read()) / 1e6
                break
            except (OSError, HTTPException):
                assert process.poll() is None
                time.sleep(0.05)
        seconds = time.perf_counter() - started
        with urllib.request.urlopen(f"{url}config", timeout=60) as answer:
            config = json.loads(answer.read())
        yield Page(url, process.pid, config, seconds, size)
    finally:
        process.terminate()
        process.wait(timeout=20)


def poll_milliseconds(page: Page, tab: str) -> tuple[float, float]:
    """Return the milliseconds of processor time of a poll with nothing changed, and of the first one."""
    poll = page.function(None, "tick")
    before = page.cpu_seconds()
    page.call(poll, f"{tab} alone")
    first = page.cpu_seconds()
    page.call(poll, f"{tab} alone")
    time.sleep(2.5)  # a folder that has just changed is listed again
    page.call(poll, f"{tab} alone")
    begun = page.cpu_seconds()
    for _ in range(POLLS):
        page.call(poll, f"{tab} alone")
    return (page.cpu_seconds() - begun) / POLLS * 1000, (first - before) * 1000


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
    poll = page.function(None, "tick")
    stop = Path(tempfile.mkdtemp()) / "stop"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "tests.load", "--busy", str(stop), "--folder", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, env=environment)
    counter = stop.with_suffix(".txt")
    while not counter.exists() or not counter.read_text():
        time.sleep(0.1)
    polling, leaving = threading.Event(), threading.Event()

    def visit(number: int) -> None:
        while not leaving.is_set():
            if polling.wait(0.2):
                page.call(poll, f"{TABS[number % len(TABS)]} {number}")
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


def main(arguments: list[str] | None = None) -> int:
    """Measure and print the table; returns 1 when something is over its limit."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--concepts", type=int, default=10_000, help="and as many ended trainings")
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--tabs", type=int, default=20)
    parser.add_argument("--folder", type=Path, help="a workspace that is made once and kept")
    parser.add_argument("--busy", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    folder = given.folder or Path(tempfile.mkdtemp()) / "workspace"
    if given.busy:
        busy(folder, given.busy)
        return 0
    fill(Workspace(folder), given.concepts, given.pictures)
    rows: list[tuple[str, float, str, str]] = []
    with open_page(folder) as page:
        rows += [("page up", page.seconds, "s", "page up"), ("GET /", page.megabytes, "MB", "GET /")]
        rows.append(("of it processor time", page.cpu_seconds(), "s CPU", ""))
        for tab in TABS:
            again, first = poll_milliseconds(page, tab)
            rows.append((f"poll of {tab}, nothing changed", again, "ms CPU", "poll"))
            rows.append((f"first poll of {tab}", first, "ms CPU", ""))
        times = []
        for number in range(5):
            begun = time.perf_counter()
            handle = f"<c{number * (given.concepts // 5):05d}>"
            page.call(
                page.function("library-cards", "click"), "Library alone", {"action": "select", "id": handle}
            )
            times.append(time.perf_counter() - begun)
        rows.append(("opening a concept, slowest of 5", max(times), "s", "opening a concept"))
        if given.tabs:
            slower, rate, spent = slowing(page, folder, given.tabs)
            rows.append((f"a training beside {given.tabs} tabs, slower by", slower, "%", "slower"))
            rows.append(("its steps a second without them", rate, "", ""))
            rows.append((f"the page with {given.tabs} tabs", spent, "% CPU", ""))
        megabytes = Path(f"/proc/{page.pid}/status").read_text(encoding="utf-8").split("VmRSS:")[1].split()[0]
        rows.append(("memory of the page", int(megabytes) / 1000, "MB", ""))
    over = False
    for name, value, unit, limit in rows:
        most = LIMITS.get(limit)
        over |= most is not None and value > most
        note = "" if most is None else f"  at most {most:g}{'  OVER' if value > most else ''}"
        print(f"{name:44} {value:9.2f} {unit:7}{note}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())
