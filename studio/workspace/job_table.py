"""The SQLite file of the job table, shared by the page, the command line and the worker."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

WAIT_SECONDS = 30.0  # for another process that writes
TABLE = """
create table if not exists jobs (
    id integer primary key autoincrement,
    kind text not null,
    title text not null,
    task text not null,
    status text not null default 'queued',
    stop_request text not null default '',
    error text not null default '',
    hint text not null default '',
    outcome text not null default '{}',
    created real not null,
    started real,
    finished real,
    position real not null default 0
)
"""


class JobTable:
    """The table of jobs in one file, which is made when it does not exist."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._write_ahead()
        with self.transaction() as table:
            table.execute(TABLE)
            columns = {row["name"] for row in table.execute("pragma table_info(jobs)")}
            if "wish" in columns:  # its name in earlier versions
                table.execute("alter table jobs rename column wish to stop_request")
            if "position" not in columns:
                table.execute("alter table jobs add column position real not null default 0")
                table.execute("update jobs set position = id")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Yield a connection inside one transaction; safe from any thread and any process."""
        connection = self._connection()
        connection.row_factory = sqlite3.Row
        connection.text_factory = _text
        try:
            connection.execute("begin immediate")
            yield connection
            connection.execute("commit")
        finally:
            connection.close()

    def _write_ahead(self) -> None:
        """Let readers and a writer work at the same time (SQLite's write-ahead log)."""
        # SQLite waits for other processes before a transaction, but not before this
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
        return sqlite3.connect(self.file, timeout=WAIT_SECONDS, isolation_level=None)


def _text(value: bytes) -> str:
    """Return a text of the table; a damaged one must not hide the other rows."""
    return value.decode("utf-8", "backslashreplace")
