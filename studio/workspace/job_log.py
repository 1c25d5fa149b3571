"""The log of a job: one JSON object a line, appended while it runs."""

from __future__ import annotations

import errno
import json
import os
import time
from pathlib import Path
from typing import Any

from studio.documents import DocumentError
from studio.errors import disk_errors
from studio.limits import MAX_LOG_BYTES
from studio.workspace.job import JobEvent

LOG = "events.jsonl"


def append_event(folder: Path, event: dict[str, Any]) -> None:
    """Append one event, with the time, to the log in a job's folder.

    Raises DiskError when there is no room for it; the log is then as it was before.
    """
    line = json.dumps({"time": time.time(), **event}).encode("utf-8") + b"\n"
    with disk_errors(folder / LOG), (folder / LOG).open("a+b", buffering=0) as file:
        end = file.seek(0, os.SEEK_END)
        if end:
            file.seek(end - 1)
            if file.read(1) != b"\n":  # the process that wrote it was killed in the middle of a line
                line = b"\n" + line
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except BaseException:
            file.truncate(end)
            raise


def read_events(folder: Path) -> list[JobEvent]:
    """Return the events logged in a job's folder, oldest first, without lines that are damaged.

    Of a log that is larger than any of ours, the last part is read.
    """
    try:
        with (folder / LOG).open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - MAX_LOG_BYTES))
            text = file.read(MAX_LOG_BYTES).decode("utf-8", "replace")
    except OSError:
        return []
    events = []
    for line in text.split("\n"):
        try:
            events.append(JobEvent.from_line(line))
        except DocumentError:
            continue  # the last line is often half written, so this is not worth a warning
    return events
