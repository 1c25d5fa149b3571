"""The page in a process of its own, with the stand-in worker of tests/browser.

Processor time is read from /proc, so this needs Linux.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.free_port import free_port

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Page:
    """A page that is being served."""

    url: str
    pid: int
    config: dict[str, Any]
    seconds: float
    megabytes: float

    def call(
        self, function: int, tab: str, event: dict[str, Any] | None = None, first: str | None = None
    ) -> Any:
        """Call a handler as a browser tab does.

        Args:
            tab: the name of its visit.
            first: what a script of the page puts in the place of the first value.
        """
        dependency = self.config["dependencies"][function]
        kinds = {one["id"]: one for one in self.config["components"]}
        values = [kinds[number]["props"].get("value") for number in dependency["inputs"]]
        values = [None if kinds[number]["type"] == "state" else value
                  for number, value in zip(dependency["inputs"], values, strict=True)]  # fmt: skip
        if first is not None:
            values[0] = first
        body = {"data": values, "fn_index": function, "session_hash": tab, "event_data": event}
        request = urllib.request.Request(
            f"{self.url}gradio_api/run/predict",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())

    def draw(self, tab: str) -> None:
        """Draw the open tab of a visit, as a browser does when something has changed."""
        for part in ("page", tab.split()[0].lower()):
            self.call(self.function(f"live-{part}", "input"), tab, first=tab)

    def poll(self, tab: str) -> bool:
        """Ask whether something has changed, as a browser does every second."""
        about = urlencode({"visit": tab, "tab": tab.split()[0].lower()})
        with urllib.request.urlopen(f"{self.url}gradio_api/changed?{about}", timeout=120) as answer:
            return bool(json.loads(answer.read())["changed"])

    def function(self, elem_id: str, event: str) -> int:
        """Return the number of the handler of an event of a component."""
        kinds = {one["id"]: one for one in self.config["components"]}
        for number, dependency in enumerate(self.config["dependencies"]):
            for target, name in dependency["targets"]:
                part = kinds.get(target)
                if part and part["props"].get("elem_id") == elem_id and name == event:
                    return number
        raise LookupError(f"{elem_id} has no {event}")

    def megabytes_held(self) -> float:
        """Return the memory of the page."""
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="utf-8")
        return int(status.split("VmRSS:")[1].split()[0]) / 1000

    def cpu_seconds(self) -> float:
        """Return the processor time that the page has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextlib.contextmanager
def open_page(folder: Path) -> Iterator[Page]:
    """Serve the page on a workspace in a process of its own."""
    port = free_port()
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
