"""Damaged rows of the job table and damaged lines of a log: skipped, said once, and the worker goes on."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from studio.documents import DocumentError
from studio.workspace.jobs import Jobs
from studio.workspace.progress import Progress
from studio.workspace.training_task import TrainingTask
from studio.workspace.worker_state import FILE, WorkerState
from studio.workspace.workspace import Workspace

DAMAGE = [
    ("task", "not JSON"),
    ("task", "[1]"),
    ("task", b"\xff\xfe"),
    ("task", "[" * 100_000),
    ("task", '{"seed": 1e999}'),
    ("outcome", "7"),
    ("created", "yesterday"),
    ("finished", b"x"),
    ("created", 1e300),
    ("finished", -1e15),
    ("status", "asleep"),
    ("title", b"\xff"),
]


def spoil(jobs: Jobs, number: int, column: str, value: object) -> None:
    with sqlite3.connect(jobs.root / "jobs.sqlite") as table:
        table.execute(f"update jobs set {column} = ? where id = ?", (value, number))
    table.close()


@pytest.mark.parametrize(("column", "value"), DAMAGE)
def test_a_damaged_row_is_skipped_and_can_be_deleted(tmp_path: Path, column: str, value: object) -> None:
    jobs = Jobs(tmp_path)
    damaged, good = (jobs.add("train", "t", {}).id for _ in range(2))
    spoil(jobs, damaged, column, value)
    assert [job.id for job in jobs.newest()] == [good]
    with pytest.raises(DocumentError, match=f"Job {damaged} cannot be read: it"):
        jobs.get(damaged)
    assert jobs.stop_request(damaged) == ""
    claimed = jobs.claim()
    assert claimed is not None and claimed.id == good
    assert jobs.claim() is None
    jobs.settle_running("The worker is gone.", "Press Retry.")
    jobs.delete(damaged)
    assert not jobs.folder(damaged).exists() and jobs.folder(good).exists()


@pytest.mark.parametrize(
    "line",
    [
        "7",
        "[]",
        "{}",
        '{"event": 3}',
        '{"event": "step", "step": "one", "steps": 2}',
        '{"event": "step", "step": 1, "steps": 2, "values": {"loss": NaN}}',
        '{"event": "step", "step": 1, "steps": 2, "values": {"loss": "low"}}',
        '{"event": "picture", "file": "../../secret.png"}',
        '{"event": "note", "text": null}',
        "[" * 5000,
        "\ufffd",
    ],
)
def test_a_damaged_line_is_skipped(tmp_path: Path, line: str) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add("train", "t", {})
    jobs.log(job.id, {"event": "step", "step": 1, "steps": 4, "values": {"loss": 0.5}})
    with (jobs.folder(job.id) / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    jobs.log(job.id, {"event": "picture", "file": "00001-01.png"})
    progress = Progress.of(jobs.events(job.id))
    assert progress.curve == ((1, 0.5),) and progress.pictures == ("00001-01.png",)


def test_a_table_of_an_earlier_version_is_migrated(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add("train", "t", {})
    with sqlite3.connect(tmp_path / "jobs.sqlite") as table:
        table.execute("alter table jobs rename column stop_request to wish")
    table.close()
    assert Jobs(tmp_path).get(job.id) == job


@pytest.mark.parametrize(
    "text", ["", "null", "[]", '{"state": 3}', '{"base": {"name": null}}', '{"error": ["a"]}', "\ud800"]
)
def test_a_damaged_worker_state_means_starting(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8", errors="surrogatepass")
    assert WorkerState.read(tmp_path) == WorkerState()


@pytest.mark.parametrize("task", [{}, {"handle": "<a>", "noun": 3}, {"handle": "../a", "noun": "cat"}])
def test_a_training_without_names_leaves_the_page_usable(tmp_path: Path, task: dict) -> None:
    workspace = Workspace(tmp_path)
    workspace.jobs.add("train", "t", {**task, "settings": None})
    with pytest.raises(DocumentError, match="The training cannot be read"):
        TrainingTask.of(workspace.jobs.newest()[0])
    assert workspace.used_handles == set() and [*workspace.other_settings()] == []
    assert json.dumps(workspace.jobs.newest()[0].task)
