"""Open the page as launch.py does, with made-up methods and no worker.

python -m tests.launcher.served FLAGS
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import launch
from studio.workspace import supervisor
from studio.workspace.catalogue import Catalogue
from tests.browser.stage import catalogue
from tests.free_port import free_port

START_SECONDS = 90


@contextlib.contextmanager
def served(
    folder: Path, *flags: str, environment: dict[str, str] | None = None, opens: bool = False
) -> Iterator[int]:
    """Serve the page of a workspace in another process; yields the port. Fails on a traceback of it.

    Args:
        opens: whether it may open a browser.
    """
    port = free_port()
    command = [sys.executable, "-m", "tests.launcher.served", "--workspace", str(folder / "work")]
    command += ["--port", str(port), *([] if opens else ["--no-browser"]), *flags]
    log = folder / "page.txt"
    with log.open("wb") as out:
        root = str(launch.HERE)
        variables = {**os.environ, "PYTHONPATH": root, **(environment or {})}
        process = subprocess.Popen(command, cwd=root, stdout=out, stderr=out, env=variables)
    try:
        give_up = time.monotonic() + START_SECONDS
        while "Likeness is open at" not in (text := log.read_text(encoding="utf-8")):
            assert process.poll() is None and time.monotonic() < give_up, text
            time.sleep(0.1)
        yield port
    finally:
        process.terminate()
        process.wait(timeout=20)
    assert "Traceback" not in log.read_text(encoding="utf-8"), log.read_text(encoding="utf-8")


def status(
    port: int, path: str, *, data: bytes | None = None, method: str | None = None, **headers: str
) -> int:
    """Send a request to 127.0.0.1 and return the status; "_" in the name of a header is written "-"."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    asked = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, named, method=method)
    try:
        with urllib.request.urlopen(asked, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


class Idle(contextlib.nullcontext):
    """A supervisor without a worker."""

    def __init__(self, *_: object) -> None:
        super().__init__()

    def leave(self) -> None:
        """Have nothing to end."""

    def join(self) -> None:
        """Have nothing to wait for."""


def main(arguments: list[str]) -> None:
    """Serve until asked to end."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    launch.read_catalogue = lambda workspace: Catalogue(tuple(catalogue()))
    supervisor.Supervisor = Idle
    options = launch.parser().parse_args(arguments)
    launch.check_flags(options)
    launch.run(options)


if __name__ == "__main__":
    main(sys.argv[1:])
