"""One page for the whole session, with the stand-in worker, and a browser that records its errors."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

import pytest
from PIL import Image, ImageDraw

from studio.words import VARIABLE
from studio.workspace.workspace import Workspace
from tests.free_port import free_port

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.example 127.0.0.1",
)
START_SECONDS = 90
STEP_SECONDS = 0.05
TIMEOUT_MS = 60_000  # other tests may run at the same time


@dataclass
class Stage:
    """The running page and its workspace."""

    url: str
    workspace: Workspace


@contextmanager
def served_stage(folder: Path, language: str = "en", port: int = 0) -> Iterator[Stage]:
    """Serve the page in a process of its own, in a language; on a free port unless it is given."""
    port = port or free_port()
    command = [
        sys.executable,
        "-m",
        "tests.browser.stage",
        str(folder / "work"),
        str(port),
        str(STEP_SECONDS),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), VARIABLE: language}
    with (folder / "page.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}/"
    try:
        give_up = time.monotonic() + START_SECONDS
        while True:
            try:
                urllib.request.urlopen(url, timeout=2).close()
                break
            except OSError:
                text = (folder / "page.txt").read_text(encoding="utf-8")
                assert process.poll() is None and time.monotonic() < give_up, text
                time.sleep(0.2)
        yield Stage(url, Workspace(folder / "work"))
    finally:
        process.terminate()
        process.wait(timeout=20)
    text = (folder / "page.txt").read_text(encoding="utf-8")
    assert "Traceback" not in text, text


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Serve the page for all tests of the session."""
    with served_stage(tmp_path_factory.mktemp("stage")) as stage:
        yield stage


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Start Chromium, the one in LIKENESS_CHROMIUM first."""
    named = os.environ.get("LIKENESS_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if named is None:
        pytest.skip("there is no Chromium here")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=named, args=list(QUIET))
        yield chromium
        chromium.close()


def is_reload_noise(text: str) -> bool:
    """Return whether a console error comes only from a request that a reload cut off."""
    return any(
        word in text for word in ("AbortError", "Connection errored out", "ERR_ABORTED", "ERR_NETWORK")
    )


@pytest.fixture
def page(stage: Stage, browser: object, request: pytest.FixtureRequest) -> Iterator[object]:
    """Open the page. Fails the test on any error in its console and on any request to another host."""
    size = getattr(request, "param", {"width": 1280, "height": 900})
    context = browser.new_context(viewport=size, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(TIMEOUT_MS)
    hosts: set[str] = set()
    errors: list[str] = []
    page.on("request", lambda asked: hosts.add(urlparse(asked.url).hostname or ""))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(stage.url)
    page.locator("#train").wait_for()
    page.locator(".pill.ready, .pill.busy").wait_for()
    yield page
    text = page.locator("body").inner_text()
    context.close()
    assert "Traceback" not in text
    assert hosts <= {"127.0.0.1", ""}, hosts
    assert [error for error in errors if not is_reload_noise(error)] == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the text of the page and the jobs to the report of a failure."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and "page" in fixtures:
        page, jobs = fixtures["page"], fixtures["stage"].workspace.jobs.newest()
        try:
            shown = page.locator("body").inner_text()
        except Exception as error:  # a browser that died is what failed the test, not another fault
            shown = str(error)
        report.sections += [("the page", shown), ("the jobs", "\n".join(map(str, jobs)))]
    return report


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """Draw three photos that differ."""
    paths = []
    for number, colour in enumerate(("firebrick", "seagreen", "royalblue")):
        picture = Image.new("RGB", (220, 160), "wheat")
        place = 20 + 50 * number
        ImageDraw.Draw(picture).ellipse((place, 30, place + 90, 120), fill=colour)
        paths.append(tmp_path / f"photo-{number}.jpg")
        picture.save(paths[-1])
    return paths
