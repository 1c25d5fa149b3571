"""The photos of a concept: those of the training that made it, and of no other."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from studio.concepts.header import Header
from studio.workspace import jobs as job_table
from studio.workspace.job import Status
from studio.workspace.jobs import Jobs
from studio.workspace.training_photos import training_photos
from tests import tiny

TASK = {"method": "dreambooth", "seed": 7}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()
OTHERS = [{"seed": 8}, {"method": "perfusion"}]
CONCEPT = Header(
    handles={"<lily>": "cat"},
    method="dreambooth",
    method_title="DreamBooth",
    paper="",
    settings={},
    seed=7,
    base="",
    fingerprint="",
    photos=1,
    steps=1,
    final_loss=0.0,
    created="2026-01-01T12:00:00+00:00",
    program="",
)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands at half a second past noon until it is set."""
    made = SimpleNamespace(now=NOON + 0.5)
    monkeypatch.setattr(job_table, "time", SimpleNamespace(time=lambda: made.now))
    return made


@pytest.fixture
def jobs(tmp_path: Path, clock: SimpleNamespace) -> Jobs:
    return Jobs(tmp_path)


def trained(jobs: Jobs, status: Status = "done", **task: object) -> Path:
    """Put a training into the table that begins and ends now; returns the folder of its photos."""
    job = jobs.add("train", "lily", {**TASK, **task})
    photos = jobs.folder(job.id) / "photos"
    tiny.photos(1).save(photos)
    assert jobs.claim() is not None
    jobs.end(job.id, status)
    return photos


@pytest.mark.parametrize("other", OTHERS)
def test_they_are_those_of_its_own_training_among_others_of_the_same_second(
    jobs: Jobs, other: dict[str, object]
) -> None:
    trained(jobs, **other)
    own = trained(jobs)
    last = trained(jobs, **other)
    assert training_photos(CONCEPT, jobs) == own
    assert training_photos(dataclasses.replace(CONCEPT, **other), jobs) == last


def test_they_are_those_of_its_own_training_among_the_same_at_other_times(
    jobs: Jobs, clock: SimpleNamespace
) -> None:
    photos = {}
    for hour in (0, 1, 2):
        clock.now = NOON + 3600 * hour
        photos[hour] = trained(jobs)
    for hour, own in photos.items():
        made = dataclasses.replace(CONCEPT, created=f"2026-01-01T{12 + hour}:00:00+00:00")
        assert training_photos(made, jobs) == own


def test_trainings_of_other_times_are_not_read(jobs: Jobs, clock: SimpleNamespace) -> None:
    for hour in range(5):
        clock.now = NOON + 3600 * hour
        trained(jobs)
    assert [job.id for job in jobs.done_at(NOON + 2 * 3600, "train")] == [3]
    assert jobs.done_at(NOON + 2 * 3600, "create") == jobs.done_at(NOON - 3600, "train") == []


def test_a_concept_that_no_training_here_made_has_none(jobs: Jobs) -> None:
    trained(jobs)
    trained(jobs, status="failed", seed=9)
    years = ({"created": created} for created in ("2025-01-01T12:00:00+00:00", "yesterday"))
    for foreign in (*OTHERS, {"seed": 9}, *years):
        assert training_photos(dataclasses.replace(CONCEPT, **foreign), jobs) is None


def test_photos_that_were_deleted_are_none(jobs: Jobs) -> None:
    for path in trained(jobs).glob("*.png"):
        path.unlink()
    assert training_photos(CONCEPT, jobs) is None
