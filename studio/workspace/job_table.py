"""The SQLite file of the job table, shared by the page, the command line and the worker.

A file that is damaged is set aside under another name, and a new one is made from the rows that can still be
read. Every error of SQLite is a StudioError with a sentence.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from studio.errors import DiskError, disk_errors
from studio.words import tr

WAIT_SECONDS = 30.0  # for another process that writes
COLUMNS = {
    "id": "integer primary key autoincrement",
    "kind": "text not null",
    "title": "text not null",
    "task": "text not null",
    "status": "text not null default 'queued'",
    "stop_request": "text not null default ''",
    "error": "text not null default ''",
    "hint": "text not null default ''",
    "outcome": "text not null default '{}'",
    "created": "real not null",
    "started": "real",
    "finished": "real",
    "position": "real not null default 0",
    "worker": "integer not null default 0",
    "put_away": "real not null default 0",
}
ADDED = {  # columns that earlier versions had not, and what their rows get there
    "position": "id",
    "worker": "0",
    "put_away": "coalesce(finished, 0)",
}
TABLE = f"create table if not exists jobs ({', '.join(map(' '.join, COLUMNS.items()))})"
INDEXES = (  # so that a question about a few jobs does not read ten thousand
    "create index if not exists jobs_by_status on jobs (status, kind)",
    "create index if not exists jobs_by_kind on jobs (kind, id)",
    "create index if not exists jobs_by_end on jobs (kind, finished)",
    "create index if not exists jobs_on_show on jobs (kind, finished) where finished > put_away",
)
BESIDE = ("", "-wal", "-shm")  # SQLite keeps the newest changes in a second file, and its index in a third
DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_AUTH)

log = logging.getLogger("likeness.jobs")


class JobTable:
    """The table of jobs in one file, which is made when it does not exist.

    Attributes:
        repair: what was done about a damaged file when it was opened, as a sentence; empty for nothing.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.repair = ""
        try:
            self._prepare()
        except DamagedTableError:
            self._replace()
        with table_errors():
            # while one connection is open, closing another does not take the write-ahead log apart each time
            self._kept = self._connect(self.file, check_same_thread=False)
            self._kept.execute("select id from jobs limit 1").fetchone()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection for questions. They wait for no writer, and no writer waits for them.

        Raises DiskError when SQLite cannot answer.
        """
        with table_errors(), closing(self._connect(self.file)) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction; safe from any thread and any process.

        Raises DiskError when SQLite cannot write; nothing is changed then.
        """
        with table_errors(), closing(self._connect(self.file)) as connection:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")

    def _prepare(self) -> None:
        """Make the table where there is none. Raises DamagedTableError when the file is damaged."""
        with table_errors():
            self._write_ahead()
        with self.reading() as table:
            if (complaint := table.execute("pragma quick_check(1)").fetchone()[0]) != "ok":
                raise DamagedTableError(complaint)
        with self.writing() as table:
            table.execute(TABLE)
            columns = {row["name"] for row in table.execute("pragma table_info(jobs)")}
            if "wish" in columns:  # its name in earlier versions
                table.execute("alter table jobs rename column wish to stop_request")
                columns = columns - {"wish"} | {"stop_request"}
            if not columns >= COLUMNS.keys() - ADDED.keys():
                raise DamagedTableError(tr("it has other columns"))
            for name, value in ADDED.items():
                if name not in columns:
                    table.execute(f"alter table jobs add column {name} {COLUMNS[name]}")
                    table.execute(f"update jobs set {name} = {value}")
            for index in INDEXES:
                table.execute(index)

    def _write_ahead(self) -> None:
        """Let readers and a writer work at the same time (SQLite's write-ahead log)."""
        # SQLite waits for other processes before a transaction, but not before this
        give_up = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                with closing(self._connect(self.file)) as connection:
                    connection.execute("pragma journal_mode=wal")
                return
            except sqlite3.OperationalError as error:
                if _code(error) not in LOCKED or time.monotonic() > give_up:
                    raise
                time.sleep(0.02)

    def _replace(self) -> None:
        """Set the damaged file aside, and make a new one from the rows that can be read."""
        number = 1
        while (aside := self.file.with_name(f"{self.file.name}.damaged-{number}")).exists():
            number += 1
        for end in reversed(BESIDE):  # the file itself last: a new one must not meet changes of the old
            with disk_errors(self.file), suppress(FileNotFoundError):
                self.file.with_name(self.file.name + end).rename(aside.with_name(aside.name + end))
        rows = list(self._rescued(aside))
        self._prepare()
        names = ", ".join(COLUMNS)
        marks = ", ".join("?" * len(COLUMNS))
        with self.writing() as table:
            for row in rows:
                table.execute(f"insert or ignore into jobs ({names}) values ({marks})", row)
        text = (
            "The list of jobs was damaged. It is kept as {file}, and {count} of its jobs could "
            "still be read. Concepts and pictures are not touched."
        )
        self.repair = tr(text, file=aside.name, count=len(rows))
        log.warning(self.repair)

    def _rescued(self, aside: Path) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a damaged file that can still be read, from both ends to where the damage is."""
        seen: set[object] = set()
        with closing(self._connect(aside)) as connection:
            for order in ("asc", "desc"):
                with suppress(sqlite3.Error):
                    for row in connection.execute(f"select * from jobs order by id {order}"):
                        if row["id"] not in seen:
                            seen.add(row["id"])
                            values = dict(row)  # earlier versions had another name, and fewer columns
                            values.setdefault("stop_request", values.get("wish", ""))
                            ended = values.get("finished") or 0.0
                            values = {"position": values["id"], "worker": 0, "put_away": ended} | values
                            yield tuple(values.get(name) for name in COLUMNS)

    def _connect(self, file: Path, **options: bool) -> sqlite3.Connection:
        connection = sqlite3.connect(file, timeout=WAIT_SECONDS, isolation_level=None, **options)
        connection.row_factory = sqlite3.Row
        connection.text_factory = _text
        return connection


class DamagedTableError(DiskError):
    """The file of the job table is damaged."""

    def __init__(self, reason: str) -> None:
        hint = "Start the studio again: it sets the file aside, and keeps the jobs that can still be read."
        super().__init__(tr("The list of jobs is damaged ({reason}).", reason=reason), tr(hint))


@contextmanager
def table_errors() -> Iterator[None]:
    """Raise DiskError with a sentence in place of an error of SQLite."""
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError):
        raise  # these are faults of ours
    except sqlite3.DatabaseError as error:
        raise _sentence(error) from error


def _sentence(error: sqlite3.DatabaseError) -> DiskError:
    """Return an error of SQLite in the words of a user."""
    code = _code(error)
    if code in DAMAGED:
        return DamagedTableError(str(error))
    if code == sqlite3.SQLITE_FULL:
        hint = "Free some space, then try again."
        return DiskError("There is no room left on the disk for the list of jobs.", hint)
    if code in LOCKED:
        return DiskError("Another program holds the list of jobs.", "Try again in a moment.")
    if code in REFUSED:
        hint = "Mend the permissions of the workspace, or choose another with --workspace."
        return DiskError("The list of jobs cannot be written: {error}.", hint, error=error)
    hint = "See whether the disk is full or broken, then try again."
    return DiskError("The list of jobs cannot be used: {error}.", hint, error=error)


def _code(error: sqlite3.Error) -> int:
    """Return the primary code of an error of SQLite, 0 where it has none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _text(content: bytes) -> str:
    """Return a text of the table; SQLite's own reading refuses all rows when one is not UTF-8."""
    return content.decode("utf-8", "backslashreplace")
