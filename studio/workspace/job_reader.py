"""Reading the job table: what runs, what waits, and what came of it. Damaged rows and lines are skipped."""

from __future__ import annotations

import logging
import math
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from functools import cache, lru_cache
from pathlib import Path

from studio.documents import DocumentError
from studio.errors import StudioError, disk_errors
from studio.workspace.job import USER_KINDS, Job, JobEvent, Status, StopRequest
from studio.workspace.job_log import read_events
from studio.workspace.job_table import JobTable

ON_SHOW = (  # the "+" keeps SQLite from the index by status
    "finished > put_away and started is not null and +status in ('done', 'failed', 'stopped')"
)

log = logging.getLogger("likeness.jobs")


class JobReader:
    """Reads the job table and the folders of the jobs, which lie below one folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        with disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self._table = JobTable(folder / "jobs.sqlite")

    @property
    def repair(self) -> str:
        """Return what was done about a damaged table when it was opened, empty for nothing."""
        return self._table.repair

    def get(self, number: int) -> Job:
        """Return the job `number`. Raises StudioError when there is none, or its row is damaged."""
        with self._table.reading() as table:
            row = table.execute("select * from jobs where id = ?", (number,)).fetchone()
        if row is None:
            raise StudioError(
                "There is no job {number}.", "Look at the queue for the jobs there are.", number=number
            )
        return Job.from_row(dict(row))

    def newest(
        self, limit: int = 50, kinds: tuple[str, ...] = USER_KINDS, statuses: tuple[Status, ...] = ()
    ) -> list[Job]:
        """Return the newest jobs of these kinds and statuses, newest first; empty statuses for all."""
        where = _among("kind", kinds) + (f" and {_among('status', statuses)}" if statuses else "")
        return self._select(f"where {where} order by id desc limit ?", (*kinds, *statuses, limit))

    def done_at(self, moment: float, kind: str) -> list[Job]:
        """Return the finished jobs of this kind that ran during the second of `moment`, newest first."""
        where = "kind = ? and finished >= ? and started < ? and +status = 'done'"
        second = math.floor(moment)
        return self._select(f"where {where} order by id desc", (kind, second, second + 1))

    def under_way(self, limit: int = 50, kinds: tuple[str, ...] = USER_KINDS) -> list[Job]:
        """Return those jobs of these kinds that run, wait or are paused, in the order they are done."""
        where = f"status in ('running', 'queued', 'paused') and {_among('kind', kinds)}"
        order = "order by status = 'paused', status = 'queued', position, id limit ?"
        return self._select(f"where {where} {order}", (*kinds, limit))

    def ended(self, limit: int = 50, start: int = 0) -> list[Job]:
        """Return `limit` ended jobs that a person queued, newest first, without the `start` newest."""
        where = f"+status in ('done', 'failed', 'stopped') and {_among('kind', USER_KINDS)}"
        return self._select(f"where {where} order by id desc limit ? offset ?", (*USER_KINDS, limit, start))

    def on_show(self, kind: str, limit: int = 50) -> list[Job]:
        """Return the ended jobs of this kind that nobody has put away since, the last that ended first.

        One that was cancelled before it began has nothing to show, and is left out.
        """
        where = f"kind = ? and {ON_SHOW}"
        return self._select(f"where {where} order by finished desc limit ?", (kind, limit))

    def count_on_show(self, kind: str, limit: int) -> int:
        """Return how many jobs `on_show` has, at most `limit`: the page asks every second."""
        query = f"select count(*) from (select 1 from jobs where kind = ? and {ON_SHOW} limit ?)"
        with self._table.reading() as table:
            return int(table.execute(query, (kind, limit)).fetchone()[0])

    def count_ended(self) -> int:
        """Return how many ended jobs there are that a person queued."""
        where = f"status in ('done', 'failed', 'stopped') and {_among('kind', USER_KINDS, '')}"
        with self._table.reading() as table:
            return int(table.execute(f"select count(*) from jobs where {where}", USER_KINDS).fetchone()[0])

    def _select(self, query: str, values: Sequence[object]) -> list[Job]:
        """Return the jobs of a query, without rows that are damaged."""
        with self._table.reading() as table:
            rows = table.execute(f"select * from jobs {query}", values).fetchall()
        return list(readable(rows))

    def unreadable(self, limit: int = 50) -> dict[int, StudioError]:
        """Return by number why jobs among the newest cannot be read."""
        query = f"select * from jobs where {_among('kind', USER_KINDS)} order by id desc limit ?"
        with self._table.reading() as table:
            rows = table.execute(query, (*USER_KINDS, limit)).fetchall()
        errors: dict[int, StudioError] = {}
        for row in rows:
            try:
                _read_row(tuple(row), tuple(row.keys()))
            except DocumentError as error:
                errors[row["id"]] = error
        return errors

    def folder(self, number: int) -> Path:
        """Return the folder of job `number`, for its photos, previews and log."""
        return self.root / f"{number:05d}"

    def stop_request(self, number: int) -> StopRequest:
        """Return how a job was asked to stop, empty when it was not."""
        with self._table.reading() as table:
            row = table.execute("select stop_request from jobs where id = ?", (number,)).fetchone()
        return row["stop_request"] if row and row["stop_request"] in ("keep", "discard", "pause") else ""

    def events(self, number: int) -> list[JobEvent]:
        """Return the job's log, oldest first, without lines that are damaged or half written."""
        return read_events(self.folder(number))


def _among(column: str, values: Sequence[str], several: str = "+") -> str:
    """Return the condition that a column has one of these values.

    With several of them SQLite is kept from using an index, by the "+": it would sort ten thousand rows where
    the newest few are enough.
    """
    return f"{column} = ?" if len(values) == 1 else f"{several}{column} in ({','.join('?' * len(values))})"


def readable(rows: Iterable[sqlite3.Row]) -> Iterator[Job]:
    """Yield the jobs of these rows, without those that are damaged."""
    for row in rows:
        try:
            yield _read_row(tuple(row), tuple(row.keys()))
        except DocumentError as error:
            warn_once(str(error))


@lru_cache(maxsize=2000)  # the page asks for the same rows every second
def _read_row(values: tuple[object, ...], names: tuple[str, ...]) -> Job:
    return Job.from_row(dict(zip(names, values, strict=True)))


@cache  # once: the page lists the jobs every second
def warn_once(text: str) -> None:
    """Log a warning that has not been logged yet."""
    log.warning(text)
