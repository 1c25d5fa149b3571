"""The job table: what runs, what waits, and what came of it. It outlives every tab and every process.

The page adds jobs and reads them; the worker claims, logs and ends them. Both meet only here: one SQLite
table, and a folder for each job with an append-only log of events.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from studio.documents import DocumentError
from studio.errors import DiskError, disk_errors
from studio.files import delete_file, whole_folder
from studio.words import tr
from studio.workspace.interrupted import fate_of, learned
from studio.workspace.job import STATE_FILE, USER_KINDS, Job, Status
from studio.workspace.job_log import append_event
from studio.workspace.job_reader import JobReader, readable, warn_once

QUEUE_AGAIN = "update jobs set status = 'queued', stop_request = ?, error = '', hint = '', finished = null"
DAMAGED = tr("What this job was to do cannot be read any more.")


def ended_status(job: Job | None) -> Status:
    """Return the status of a job whose run is discarded: what was learned in an earlier one stays."""
    return "done" if job is not None and job.has_learned else "stopped"


class Jobs(JobReader):
    """The job table and the folders of the jobs, below one folder.

    Attributes:
        last_number: returns the largest number of a job in the names of what jobs have made elsewhere; a new
            table goes on from there, or its jobs would write over it.
    """

    last_number: Callable[[], int] = int

    @contextmanager
    def adding(self, kind: str, title: str, task: dict[str, Any]) -> Iterator[tuple[int, Path]]:
        """Yield the number and the folder of a new job; it is queued when the block ends without an error.

        Until then the folder has another name, and after an error nothing is left of it.
        """
        made: Path | None = None
        try:
            with self._table.writing() as table:
                number = self._new_number(table)
                last = "(select coalesce(max(position), 0) + 1 from jobs)"
                columns = "(id, kind, title, task, created, position)"
                row = (number, kind, title, json.dumps(task), time.time())
                table.execute(f"insert into jobs {columns} values (?, ?, ?, ?, ?, {last})", row)
                with whole_folder(self.folder(number)) as folder:
                    yield number, folder
                made = self.folder(number)
        except BaseException:
            if made is not None:
                shutil.rmtree(made, ignore_errors=True)
            raise

    def _new_number(self, table: sqlite3.Connection) -> int:
        """Return the next number; a folder with it belongs to a job of a table that was lost."""
        row = table.execute("select seq from sqlite_sequence where name = 'jobs'").fetchone()
        number = row["seq"] + 1 if row else 1
        if row is None or self.folder(number).exists():
            folders = (int(path.name) for path in self.root.iterdir() if path.name.isdecimal())
            number = 1 + max(number - 1, self.last_number(), *folders)
        return number

    def add(self, kind: str, title: str, task: dict[str, Any]) -> Job:
        """Queue a task that needs no files, and return its job."""
        with self.adding(kind, title, task) as (number, _):
            pass
        return self.get(number)

    def request_stop(self, number: int, how: Literal["keep", "discard", "pause"]) -> None:
        """Ask a running job to stop, keeping or discarding what was learned, or to pause.

        One that waits or is paused is stopped at once, or held. What it has kept to go on from is deleted
        then, unless it waits to train what it has learned before further.
        """
        ask = "update jobs set stop_request = ? where id = ? and status = 'running'"
        hold = "update jobs set status = 'paused' where id = ? and status = 'queued'"
        find = "select * from jobs where id = ? and status in ('queued', 'paused')"
        stop = "update jobs set status = ?, finished = ? where id = ?"
        with self._table.writing() as table:
            table.execute(ask, (how, number))
            if how == "pause":
                table.execute(hold, (number,))
                return
            row = table.execute(find, (number,)).fetchone()
            if row is None:
                return
            status = ended_status(next(readable([row]), None))
            table.execute(stop, (status, time.time(), number))
        if status == "stopped" or row["status"] == "paused":
            self.forget_state(number)

    def forget_state(self, number: int) -> None:
        """Delete what a training has kept to go on from."""
        with suppress(DiskError):
            delete_file(self.folder(number) / STATE_FILE)

    def requeue(self, number: int, task: dict[str, Any] | None = None) -> None:
        """Queue an ended or paused job again under its own number, to go on with what its folder holds.

        With `task`, it is to do this from now on.
        """
        with self._table.writing() as table:
            if task is not None:
                table.execute("update jobs set task = ? where id = ?", (json.dumps(task), number))
            ended = "status not in ('queued', 'running')"
            table.execute(f"{QUEUE_AGAIN} where id = ? and {ended}", ("", number))

    def change_task(self, number: int, task: dict[str, Any], title: str = "") -> None:
        """Change what a job is to do, and its title if one is given."""
        change = "update jobs set task = ?, title = coalesce(nullif(?, ''), title) where id = ?"
        with self._table.writing() as table:
            table.execute(change, (json.dumps(task), title, number))

    def move(self, number: int, where: Literal["first", "earlier", "later", "last"]) -> None:
        """Give a waiting job another place in the queue."""
        with self._table.writing() as table:
            query = "select id, position from jobs where status = 'queued' order by position, id"
            rows = table.execute(query).fetchall()
            order = [row["id"] for row in rows]
            if number not in order:
                return
            at = order.index(number)
            to = {"first": 0, "earlier": max(0, at - 1), "later": at + 1, "last": len(order)}[where]
            order.insert(to, order.pop(at))
            places = sorted(row["position"] for row in rows)
            table.executemany("update jobs set position = ? where id = ?", zip(places, order, strict=True))

    def delete(self, number: int) -> None:
        """Remove a job and its folder; one that runs is asked to stop and stays."""
        self.request_stop(number, "discard")
        with self._table.writing() as table:
            query = "delete from jobs where id = ? and status != 'running'"
            is_gone = table.execute(query, (number,)).rowcount > 0
        if is_gone:
            shutil.rmtree(self.folder(number), ignore_errors=True)

    def put_away(self, number: int) -> None:
        """Put the card of an ended job away; should the job run and end once more, it has one again."""
        with self._table.writing() as table:
            change = "update jobs set put_away = finished where id = ? and finished is not null"
            table.execute(change, (number,))

    def put_all_away(self, kind: str) -> None:
        """Put the cards of all ended jobs of this kind away."""
        with self._table.writing() as table:
            change = "update jobs set put_away = finished where kind = ? and finished > put_away"
            table.execute(f"{change} and status in ('done', 'failed', 'stopped')", (kind,))

    # for the worker

    def claim(self, kinds: tuple[str, ...] = USER_KINDS, worker: int = 0) -> Job | None:
        """Take the first queued job of these kinds and set it running; None when there is none.

        Several workers may ask at once: no job is taken twice.

        Args:
            worker: the number of the one that takes it.
        """
        marks = ",".join("?" * len(kinds))
        queued = f"status = 'queued' and kind in ({marks})"
        query = f"select id from jobs where {queued} order by position, id limit 1"
        start = "update jobs set status = 'running', started = ?, worker = ? where id = ?"
        while True:
            with self._table.reading() as table:  # the worker asks five times a second
                if table.execute(query, kinds).fetchone() is None:
                    return None
            with self._table.writing() as table:
                row = table.execute(query, kinds).fetchone()
                if row is None:
                    return None
                table.execute(start, (time.time(), worker, row["id"]))
            try:
                job = self.get(row["id"])
                with suppress(DiskError), disk_errors(self.folder(job.id)):
                    self.folder(job.id).mkdir(parents=True, exist_ok=True)
                    self.log(job.id, {"event": "started"})
                return job
            except DocumentError as error:
                warn_once(str(error))
                self.end(row["id"], "failed", error=DAMAGED, hint=error.hint)

    def end(
        self,
        number: int,
        status: Status,
        outcome: dict[str, Any] | None = None,
        error: str = "",
        hint: str = "",
    ) -> None:
        """Record how a running job has ended or paused.

        Args:
            outcome: what came of it; None where that is still what came of it before.
        """
        came = None if outcome is None else json.dumps(outcome)
        row = (status, came, error, hint, time.time(), number)
        change = "update jobs set status = ?, outcome = coalesce(?, outcome), error = ?, hint = ?"
        with self._table.writing() as table:
            table.execute(f"{change}, finished = ? where id = ? and status = 'running'", row)

    def mark_done(self, number: int, outcome: dict[str, Any]) -> None:
        """Record that a failed job has come to its end after all."""
        change = "update jobs set status = 'done', outcome = ?, error = '', hint = ''"
        with self._table.writing() as table:
            table.execute(f"{change} where id = ? and status = 'failed'", (json.dumps(outcome), number))

    def settle_running(self, error: str, hint: str, worker: int | None = None) -> list[int]:
        """Settle every job that a worker left running when it died; return their numbers.

        Each is queued again, in its old place, or ended (`studio.workspace.interrupted`), with this error and
        hint if it fails. One that was to stop and keep what it learned is still to do so.

        Args:
            worker: the number of the one that died, whose jobs alone are settled; None for all workers.
        """
        theirs, values = ("", ()) if worker is None else (" and worker = ?", (worker,))
        with self._table.reading() as table:
            rows = table.execute(f"select * from jobs where status = 'running'{theirs}", values).fetchall()
        whole = {job.id: job for job in readable(rows)}
        for row in rows:
            job = whole.get(row["id"])
            events = self.events(row["id"])
            fate = fate_of(job, events) if job else "failed"
            if job is None or fate == "failed":
                self.end(row["id"], "failed", error=error, hint=hint)
            elif fate == "done":
                self.end(job.id, "done", learned(job, events))
            elif job.stop_request == "pause":
                self.end(job.id, "paused")
            elif fate == "stopped":
                self.end(job.id, ended_status(job))
                self.forget_state(job.id)
            else:
                with self._table.writing() as table:
                    running = "where id = ? and status = 'running'"
                    table.execute(f"{QUEUE_AGAIN} {running}", (job.stop_request, job.id))
        return [row["id"] for row in rows]

    def log(self, number: int, event: dict[str, Any]) -> None:
        """Append one event to the job's log."""
        append_event(self.folder(number), event)
