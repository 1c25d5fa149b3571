"""What a large workspace costs: thousands of concepts, pictures and jobs, and many tabs.

    python -m tests.benchmarks page                        10,000 of each, 20 tabs
    python -m tests.benchmarks page --entries 100 --tabs 2 --folder /tmp/made-once
    python -m tests.benchmarks page --grow                 10, 100, 1,000, 10,000 of each, no tabs

Each number is beside what is allowed; the command returns 1 when one is over. The page runs as in
tests/browser, with the stand-in worker, which needs Linux.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from studio.workspace.workspace import Workspace
from tests.benchmarks.busy_training import TABS, slowing
from tests.benchmarks.large_workspace import fill
from tests.benchmarks.report import Report, say
from tests.benchmarks.served_page import Page, open_page

POLLS = 20
SETTLING_SECONDS = 2.5  # a folder that has just changed is listed again
GROWING = (10, 100, 1_000, 10_000)
OPENED = 5  # concepts
READING_SECONDS = 120.0  # after which the page is measured as it is
QUIET_SECONDS = 0.1  # of processor time in a second; an idle page uses a few hundredths


@dataclass(frozen=True)
class Row:
    """Something measured, and the most that is allowed, None for no limit."""

    name: str
    value: float
    unit: str
    limit: float | None = None

    @property
    def is_over(self) -> bool:
        """Return whether it is more than is allowed."""
        return self.limit is not None and self.value > self.limit


def reading_seconds(page: Page) -> float:
    """Wait until the page has read the library in the background; return the processor time that it took.

    A poll that is measured meanwhile would be charged with it.
    """
    begun = before = page.cpu_seconds()
    give_up = time.monotonic() + READING_SECONDS
    while time.monotonic() < give_up:
        time.sleep(1)
        now = page.cpu_seconds()
        if now - before < QUIET_SECONDS:
            break
        before = now
    return page.cpu_seconds() - begun


def poll_milliseconds(page: Page, tab: str) -> tuple[float, float]:
    """Return the milliseconds of processor time of a poll with nothing changed, and of the first drawing."""
    visit = f"{tab} alone"
    before = page.cpu_seconds()
    page.draw(visit)
    first = page.cpu_seconds()
    page.draw(visit)
    time.sleep(SETTLING_SECONDS)
    page.poll(visit)
    begun = page.cpu_seconds()
    for _ in range(POLLS):
        page.poll(visit)
    return (page.cpu_seconds() - begun) / POLLS * 1000, (first - before) * 1000


def opening_seconds(page: Page, entries: int) -> float:
    """Return the seconds of opening a concept, the slowest of a few."""
    times = []
    for number in range(OPENED):
        begun = time.perf_counter()
        chosen = {"action": "select", "id": f"<c{number * (entries // OPENED):05d}>"}
        page.call(page.function("library-cards", "click"), "Library alone", chosen)
        times.append(time.perf_counter() - begun)
    return max(times)


def rows_of(page: Page, folder: Path, entries: int, tabs: int) -> Iterator[Row]:
    """Yield everything that is measured of a page."""
    yield Row("page up", page.seconds, "s", 5.0)
    yield Row("of it processor time", page.cpu_seconds(), "s CPU")
    yield Row("GET /", page.megabytes, "MB", 1.0)
    yield Row("reading the library afterwards", reading_seconds(page), "s CPU")
    for tab in TABS:
        again, first = poll_milliseconds(page, tab)
        yield Row(f"poll of {tab}, nothing changed", again, "ms CPU", 20.0)
        yield Row(f"drawing {tab} first", first, "ms CPU")
    yield Row(f"opening a concept, slowest of {OPENED}", opening_seconds(page, entries), "s", 0.3)
    if tabs:
        slower, rate, spent = slowing(page, folder, tabs)
        yield Row(f"a training beside {tabs} tabs, slower by", slower, "%", 5.0)
        yield Row("its steps a second without them", rate, "")
        yield Row(f"the page with {tabs} tabs", spent, "% CPU")
    yield Row("memory of the page", page.megabytes_held(), "MB")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags of this command."""
    parser.add_argument("--entries", type=int, default=10_000, help="concepts, pictures and ended trainings")
    parser.add_argument("--tabs", type=int, default=20, help="that poll beside a training; 0 for none")
    parser.add_argument("--folder", type=Path, help="a workspace that is made once and kept")
    parser.add_argument("--grow", action="store_true", help="measure with 10 to 10,000 entries")


def run(given: argparse.Namespace, report: Report) -> bool:
    """Measure; returns whether something is over its limit."""
    folder = given.folder or Path(tempfile.mkdtemp()) / "workspace"
    sizes = GROWING if given.grow else (given.entries,)
    found: dict[int, list[Row]] = {}
    for entries in sizes:  # the workspace grows: entries that are there are kept
        say(f"{entries:,} concepts and pictures")
        fill(Workspace(folder), entries, entries)
        with open_page(folder) as page:
            found[entries] = list(rows_of(page, folder, entries, 0 if given.grow else given.tabs))
        for row in found[entries]:
            report.note(entries=entries, **vars(row))
    titles = [f"{entries:,}" for entries in found]
    table = report.table("The page by concepts and pictures", "", *titles, "unit", "at most")
    for rows in zip(*found.values(), strict=True):
        limit = "" if rows[0].limit is None else f"{rows[0].limit:g}"
        values = (f"{row.value:.2f}{' OVER' if row.is_over else ''}" for row in rows)
        table.add(rows[0].name, *values, rows[0].unit, limit)
    return any(row.is_over for rows in found.values() for row in rows)
