"""The first minutes: from the README's command to a picture of what was learned, in a real browser.

    python -m tests.benchmarks first
    python -m tests.benchmarks first --picture lily.png --screenshot page.png

The studio is started as the README says, on an empty workspace, with everything installed; Chromium learns
the first demo subject with the defaults and paints it. Each figure is beside what is allowed; the command
returns 1 when one is over, or when the studio itself does not call the subject learned.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studio.errors import StudioError
from studio.workspace.workspace import Workspace
from tests.__main__ import find_chromium
from tests.benchmarks.page import Row
from tests.benchmarks.report import Report
from tests.browser.first_picture import FirstPicture, paint_first_picture
from tests.free_port import free_port

ROOT = Path(__file__).resolve().parents[2]
MAX_CLICKS, MAX_SECONDS = 4, 90.0
OPEN = "Likeness is open at "


@contextmanager
def open_studio(folder: Path) -> Iterator[str]:
    """Start the studio on a workspace, and yield its address. Raises StudioError when it does not start."""
    port = free_port()
    command = [sys.executable, "launch.py", "--no-browser", "--workspace", str(folder), "--port", str(port)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith(OPEN):
                break
        else:
            raise StudioError("The studio did not start.", "".join(said))
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def first_picture(folder: Path, screenshot: Path | None) -> tuple[float, FirstPicture]:
    """Return the seconds from the command to the open page, and what came of it."""
    from playwright.sync_api import sync_playwright

    begun = time.perf_counter()
    with open_studio(folder) as address, sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(60_000)
        page.goto(address)
        page.locator("#demo-subjects .demo").first.wait_for()
        opened = time.perf_counter() - begun
        done = paint_first_picture(page)
        if screenshot is not None:
            page.locator("#painting .painting.done").wait_for()
            page.screenshot(path=screenshot)
        chromium.close()
    return opened, done


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("--picture", type=Path, metavar="FILE", help="where the first picture is copied to")
    parser.add_argument("--screenshot", type=Path, metavar="FILE", help="of the page at the end")


def run(given: argparse.Namespace, report: Report) -> bool:
    """Measure; returns whether something is over its limit or the subject was not learned."""
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace(Path(folder) / "workspace")
        opened, done = first_picture(workspace.folder, given.screenshot)
        verdict = workspace.concepts.find(f"<{done.name}>").header.verdicts[f"<{done.name}>"]
        if given.picture is not None:
            given.picture.write_bytes(workspace.gallery.newest(1)[0].read_bytes())
    rows = [
        Row("the command to the open page", opened, "s"),
        Row("the open page to learned", done.seconds["learned"], "s"),
        Row("the open page to painted", done.seconds["painted"], "s", MAX_SECONDS),
        Row("clicks", len(done.clicks), "", MAX_CLICKS),
    ]
    table = report.table(f"The first picture: {verdict.word}", "", "", "unit", "at most")
    for row in rows:
        limit = "" if row.limit is None else f"{row.limit:g}"
        table.add(row.name, f"{row.value:.1f}{' OVER' if row.is_over else ''}", row.unit, limit)
        report.note(**vars(row))
    report.note(verdict=verdict.word, clicks=done.clicks)
    return any(row.is_over for row in rows) or not verdict.learned
