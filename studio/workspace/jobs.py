"""The job table: what runs, what waits, what came of it. It outlives every tab and every process.

The page adds jobs and reads them; the worker claims, logs and ends them. Both meet only here: one SQLite
table, and a folder per job with an append-only log of events.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from studio.errors import StudioError

Status = Literal["queued", "running", "done", "failed", "stopped"]
StopRequest = Literal["", "keep", "discard"]
ENDED = ("done", "failed", "stopped")
USER_KINDS = ("train", "create", "grid")  # what a person queued; a mask is asked for by the page, which waits
WAIT_SECONDS = 30.0
RESUMABLE = ("grid",)  # kinds that go on where they were, and so may be run again under their number

TABLE = """
create table if not exists jobs (
    id integer primary key autoincrement,
    kind text not null,
    title text not null,
    task text not null,
    status text not null default 'queued',
    wish text not null default '',
    error text not null default '',
    hint text not null default '',
    outcome text not null default '{}',
    created real not null,
    started real,
    finished real
)
"""


@dataclass(frozen=True)
class Job:
    """One row of the table. `task` is what to do, `outcome` what came of it (file names, no paths)."""

    id: int
    kind: str
    title: str
    task: dict[str, Any]
    status: Status
    wish: StopRequest
    error: str
    hint: str
    outcome: dict[str, Any]
    created: float
    started: float | None
    finished: float | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.status in ENDED


class Jobs:
    """The table and the jobs' folders, below one folder."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._write_ahead()
        with self._table() as table:
            table.execute(TABLE)

    def _write_ahead(self) -> None:
        """Let readers and a writer work side by side. SQLite waits its turn for a transaction, but not for
        this, while another process opens the same new table."""
        give_up = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                with closing(self._connection()) as connection:
                    connection.execute("pragma journal_mode=wal")
                return
            except sqlite3.OperationalError:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.02)

    def _connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.root / "jobs.sqlite", timeout=WAIT_SECONDS, isolation_level=None)

    @contextmanager
    def _table(self) -> Iterator[sqlite3.Connection]:
        """A connection for one transaction; safe from any thread and any process."""
        connection = self._connection()
        connection.row_factory = sqlite3.Row
        try:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        finally:
            connection.close()

    @contextmanager
    def adding(self, kind: str, title: str, task: dict[str, Any]) -> Iterator[tuple[int, Path]]:
        """Queue a task once its folder is filled: no worker sees the job before the block has ended."""
        with self._table() as table:
            row = (kind, title, json.dumps(task), time.time())
            cursor = table.execute("insert into jobs (kind, title, task, created) values (?, ?, ?, ?)", row)
            number = int(cursor.lastrowid or 0)
            self.folder(number).mkdir(parents=True, exist_ok=True)
            yield number, self.folder(number)

    def add(self, kind: str, title: str, task: dict[str, Any]) -> Job:
        """Queue a task that needs no files."""
        with self.adding(kind, title, task) as (number, _):
            pass
        return self.get(number)

    def get(self, number: int) -> Job:
        """The job `number`. Raises StudioError when there is none."""
        with self._table() as table:
            row = table.execute("select * from jobs where id = ?", (number,)).fetchone()
        if row is None:
            raise StudioError(f"There is no job {number}.", "Look at the queue for the jobs there are.")
        return _job(row)

    def list(self, limit: int = 50, kinds: tuple[str, ...] = USER_KINDS) -> list[Job]:
        """The newest jobs of these kinds, all that a person queued unless said, newest first."""
        marks = ",".join("?" * len(kinds))
        query = f"select * from jobs where kind in ({marks}) order by id desc limit ?"
        with self._table() as table:
            rows = table.execute(query, (*kinds, limit)).fetchall()
        return [_job(row) for row in rows]

    def folder(self, number: int) -> Path:
        """The folder of job `number`, for its photos, previews and log."""
        return self.root / f"{number:05d}"

    def request_stop(self, number: int, wish: Literal["keep", "discard"]) -> None:
        """Ask a job to stop, keeping or discarding what was learned. One that waits is stopped at once."""
        with self._table() as table:
            table.execute("update jobs set wish = ? where id = ? and status = 'running'", (wish, number))
            table.execute(
                "update jobs set status = 'stopped', finished = ? where id = ? and status = 'queued'",
                (time.time(), number),
            )

    def requeue(self, number: int) -> None:
        """Queue an ended job again under its own number, to go on with what its folder holds."""
        change = "update jobs set status = 'queued', wish = '', error = '', hint = '', finished = null"
        with self._table() as table:
            table.execute(f"{change} where id = ? and status in ('done', 'failed', 'stopped')", (number,))

    def delete(self, number: int) -> None:
        """Remove a job and its folder; one that runs is asked to stop and stays."""
        self.request_stop(number, "discard")
        if self.get(number).has_ended:
            with self._table() as table:
                table.execute("delete from jobs where id = ?", (number,))
            shutil.rmtree(self.folder(number), ignore_errors=True)

    # what the worker does

    def claim(self, kinds: tuple[str, ...] = USER_KINDS) -> Job | None:
        """Take the oldest waiting job of these kinds; it is running when this returns."""
        marks = ",".join("?" * len(kinds))
        with self._table() as table:
            query = f"select * from jobs where status = 'queued' and kind in ({marks}) order by id limit 1"
            row = table.execute(query, kinds).fetchone()
            if row is None:
                return None
            table.execute(
                "update jobs set status = 'running', started = ? where id = ?", (time.time(), row["id"])
            )
        return self.get(row["id"])

    def stop_request(self, number: int) -> StopRequest:
        """What was asked of a running job."""
        return self.get(number).wish

    def end(
        self,
        number: int,
        status: Status,
        outcome: dict[str, Any] | None = None,
        error: str = "",
        hint: str = "",
    ) -> None:
        """The last word on a running job."""
        row = (status, json.dumps(outcome or {}), error, hint, time.time(), number)
        change = "update jobs set status = ?, outcome = ?, error = ?, hint = ?, finished = ?"
        with self._table() as table:
            table.execute(f"{change} where id = ? and status = 'running'", row)

    def fail_running(self, error: str, hint: str) -> list[int]:
        """Fail every job that a vanished worker left running; returns their numbers. One that can be taken up
        waits for the next worker, as long as it gets on from one worker to the next."""
        with self._table() as table:
            rows = table.execute("select * from jobs where status = 'running'").fetchall()
            change = "update jobs set status = 'failed', error = ?, hint = ?, finished = ?"
            table.execute(f"{change} where status = 'running'", (error, hint, time.time()))
        for job in map(_job, rows):
            if job.kind in RESUMABLE and not job.wish and self._got_on(job):
                self.requeue(job.id)
        return [row["id"] for row in rows]

    def _got_on(self, job: Job) -> bool:
        """Whether a job brought anything since it was last begun."""
        begun = job.started or 0.0
        return any(event["event"] == "picture" and event["time"] >= begun for event in self.events(job.id))

    def log(self, number: int, event: dict[str, Any]) -> None:
        """Append one event to the job's log."""
        line = json.dumps({"time": time.time(), **event})
        with (self.folder(number) / "events.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def events(self, number: int) -> list[dict[str, Any]]:
        """The job's log, oldest first; a line half written when the power went is left out."""
        try:
            lines = (self.folder(number) / "events.jsonl").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return []
        events = []
        for line in lines:
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
        return events


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    return Job(**{**values, "task": json.loads(values["task"]), "outcome": json.loads(values["outcome"])})
