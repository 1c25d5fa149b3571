"""One page for the whole session, with the stand-in worker, and a browser that records its errors."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest
from PIL import Image, ImageDraw

from studio.words import VARIABLE
from studio.workspace.workspace import Workspace
from tests.__main__ import find_chromium
from tests.free_port import free_port

ROOT = Path(__file__).resolve().parents[2]
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
SIZE = {"width": 1280, "height": 900}
FAILED = pytest.StashKey[bool]()
FORGET = "() => { Storage.prototype.setItem = () => {}; }"  # the page that is left can keep nothing any more


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
    named = find_chromium()
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


class Tab:
    """A tab of the browser that tests use one after the other: the page loads in half the time in it."""

    def __init__(self, browser: Any, size: dict[str, int]) -> None:
        self.context = browser.new_context(viewport=size, accept_downloads=True)
        self.page = self.context.new_page()
        self.page.set_default_timeout(TIMEOUT_MS)
        # from the start: on a busy machine a listener that comes with the key is later than the dialogue
        self.page.on("filechooser", lambda chooser: None)
        self.hosts: set[str] = set()
        self.errors: list[str] = []
        self.page.on("request", lambda asked: self.hosts.add(urlparse(asked.url).hostname or ""))
        self.page.on("console", lambda message: message.type == "error" and self._failed(message.text))
        self.page.on("pageerror", lambda error: self._failed(str(error)))

    def _failed(self, text: str) -> None:
        if not is_reload_noise(text):
            self.errors.append(text)

    def forget(self, size: dict[str, int], url: str) -> None:
        """Make it as a new one: what the last test left in it and in the storage of `url` is gone."""
        for other in self.context.pages[1:]:
            other.close()
        self.page.unroute_all()
        self.context.clear_permissions()
        self.context.clear_cookies()
        self.page.evaluate(FORGET)
        session = self.context.new_cdp_session(self.page)  # by the browser: the tab may show an empty page
        session.send("Storage.clearDataForOrigin", {"origin": url.rstrip("/"), "storageTypes": "all"})
        session.detach()
        self.page.set_viewport_size(size)
        self.hosts.clear()
        self.errors.clear()


@pytest.fixture(scope="session")
def tabs() -> Iterator[list[Tab]]:
    """The tab that tests share, if there is one."""
    shared: list[Tab] = []
    yield shared
    for tab in shared:
        tab.context.close()


@pytest.fixture
def page(stage: Stage, browser: object, tabs: list[Tab], request: pytest.FixtureRequest) -> Iterator[object]:
    """Open the page. Fails the test on any error in its console and on any request to another host.

    It is the tab that others had before, after a failure a new one. A test that changes a tab in ways that
    cannot be undone names a size, and so gets a tab of its own.
    """
    size = getattr(request, "param", SIZE)
    is_own = hasattr(request, "param")
    if tabs and not is_own:
        tab = tabs.pop()
        tab.forget(size, stage.url)
    else:
        tab = Tab(browser, size)
    page = tab.page
    page.goto(stage.url)
    page.locator("#train").wait_for()
    page.locator(".pill.ready, .pill.busy").wait_for()
    yield page
    text = page.locator("body").inner_text()
    if is_own or request.node.stash.get(FAILED, False):
        tab.context.close()
    else:
        page.goto("about:blank")  # an open page asks every second, until the last test of all is done
        tabs.append(tab)
    assert "Traceback" not in text
    assert tab.hosts <= {"127.0.0.1", ""}, tab.hosts
    assert tab.errors == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the text of the page and the jobs to the report of a failure."""
    report = yield
    fixtures = getattr(item, "funcargs", {})
    if report.when == "call" and report.failed and "page" in fixtures:
        item.stash[FAILED] = True
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
