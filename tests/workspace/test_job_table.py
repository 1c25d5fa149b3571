"""The job table on a disk that is full, a file that is damaged, and beside another program that writes."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import DiskError, StudioError
from studio.recipes.recipe import Recipe
from studio.workspace import job_table
from studio.workspace.jobs import Jobs
from studio.workspace.workspace import Workspace

FILE = "jobs.sqlite"


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(job_table, "WAIT_SECONDS", 0.2)


def damage_a_page(file: Path) -> None:
    """Overwrite a page in the middle of the rows."""
    with closing(sqlite3.connect(file)) as table:
        table.execute("pragma wal_checkpoint(truncate)")
    content = bytearray(file.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = b"\xee" * 4096
    file.write_bytes(content)


def test_questions_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add("train", "t", {})
    jobs.request_stop(job.id, "keep")
    with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
        other.execute("begin immediate")
        assert jobs.get(job.id) == jobs.newest()[0]
        assert jobs.stop_request(job.id) == "" and jobs.claim(("mask",)) is None
        with pytest.raises(DiskError, match="Another program holds the list of jobs"):
            jobs.request_stop(job.id, "keep")


def test_a_question_takes_no_lock_that_a_writer_waits_for(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    jobs.add("train", "t", {})
    with jobs._table.reading() as table:
        assert table.execute("select count(*) from jobs").fetchone()[0] == 1
        jobs.add("train", "t", {})
    assert len(jobs.newest()) == 2


def test_a_full_disk_is_a_sentence_and_nothing_is_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jobs = Jobs(tmp_path)
    connect = jobs._table._connect

    def small(file: Path) -> sqlite3.Connection:
        connection = connect(file)
        pages = connection.execute("pragma page_count").fetchone()[0]
        connection.execute(f"pragma max_page_count={pages}")
        return connection

    monkeypatch.setattr(jobs._table, "_connect", small)
    with pytest.raises(DiskError, match="no room left on the disk for the list of jobs. Free some space"):
        jobs.add("train", "t", {"long": "x" * 100_000})
    monkeypatch.undo()
    assert not jobs.newest() and [path.name for path in tmp_path.iterdir() if path.is_dir()] == []
    assert jobs.add("train", "t", {}).id == 1


def test_a_job_whose_files_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    with pytest.raises(StudioError, match="full"), jobs.adding("train", "t", {}) as (_, folder):
        (folder / "01.png").write_bytes(b"of the failed one")
        raise StudioError("The disk is full.")
    assert not jobs.newest() and not [path for path in tmp_path.iterdir() if path.is_dir()]
    with jobs.adding("train", "t", {}) as (number, folder):
        (folder / "01.png").write_bytes(b"mine")
        assert not jobs.folder(number).exists()
    assert [path.read_bytes() for path in jobs.folder(number).iterdir()] == [b"mine"]


@pytest.mark.parametrize("content", [b"SQLite format 3\0" + b"\xff" * 5000, b"no database" * 900, b"short"])
def test_a_damaged_file_is_set_aside_and_said(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    for attempt in (1, 2):
        (tmp_path / FILE).write_bytes(content)
        jobs = Jobs(tmp_path)
        assert f"kept as {FILE}.damaged-{attempt}, and 0 of its jobs" in jobs.repair and caplog.messages
        assert (tmp_path / f"{FILE}.damaged-{attempt}").read_bytes() == content
        assert jobs.newest() == [] and jobs.add("train", "t", {}).status == "queued"
    assert Jobs(tmp_path).repair == ""


def test_rows_around_the_damage_are_kept_and_folders_are_not_given_out_again(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    for number in range(40):
        jobs.add("train", f"job {number}", {"long": "x" * 3000})
    jobs._table._kept.close()
    damage_a_page(tmp_path / FILE)
    mended = Jobs(tmp_path)
    kept = [job.id for job in mended.newest()]
    assert 20 < len(kept) < 40 and f"{len(kept)} of its jobs" in mended.repair
    assert {1, 40} <= set(kept) and all(mended.get(number).title == f"job {number - 1}" for number in kept)
    assert mended.add("train", "new", {}).id == 41


def test_a_lost_table_gives_no_folder_out_again(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    for _ in range(3):
        jobs.add("train", "t", {})
    jobs._table._kept.close()
    for path in tmp_path.glob(f"{FILE}*"):
        path.unlink()
    (jobs.folder(3) / "01.png").touch()
    assert Jobs(tmp_path).add("train", "t", {}).id == 4
    assert (jobs.folder(3) / "01.png").exists()


def test_a_table_with_other_columns_is_set_aside(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / FILE)) as table:
        table.execute("create table jobs (id integer primary key, mine text)")
    jobs = Jobs(tmp_path)
    assert "set" not in jobs.repair and "damaged-1" in jobs.repair
    assert jobs.add("train", "t", {}).status == "queued"


def test_a_text_that_is_not_utf8_hides_only_its_own_row(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    damaged, good = (jobs.add("train", "t", {}).id for _ in range(2))
    with sqlite3.connect(tmp_path / FILE) as table:
        table.execute("update jobs set task = cast(x'ff' as text) where id = ?", (damaged,))
    table.close()
    assert [job.id for job in jobs.newest()] == [good]
    claimed = jobs.claim()
    assert claimed is not None and claimed.id == good


def test_a_damage_that_comes_later_is_a_sentence(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    jobs.add("train", "t", {})
    jobs._table._kept.close()
    for path in tmp_path.glob(f"{FILE}?*"):
        path.unlink()
    (tmp_path / FILE).write_bytes(b"no database" * 900)
    with pytest.raises(DiskError, match="The list of jobs is damaged .* Start the studio again"):
        jobs.newest()
    with pytest.raises(DiskError, match="The list of jobs is damaged"):
        jobs.claim()


def test_a_half_line_of_the_log_costs_no_other_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(tmp_path)
    job = jobs.add("train", "t", {})
    log = jobs.folder(job.id) / "events.jsonl"
    jobs.log(job.id, {"event": "note", "text": "one"})
    with log.open("a") as file:
        file.write('{"event": "no')
    jobs.log(job.id, {"event": "note", "text": "two"})
    assert [event.text for event in jobs.events(job.id)] == ["one", "two"]


def test_a_line_that_finds_no_room_leaves_no_half_of_itself(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    jobs = Jobs(tmp_path)
    job = jobs.add("train", "t", {})
    log = jobs.folder(job.id) / "events.jsonl"
    jobs.log(job.id, {"event": "note", "text": "one"})
    whole = log.read_bytes()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + 20, before[1]))
    try:
        with pytest.raises(DiskError, match="no room left on the disk for events.jsonl"):
            jobs.log(job.id, {"event": "note", "text": "two " * 100})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert log.read_bytes() == whole
    jobs.log(job.id, {"event": "note", "text": "three"})
    assert [event.text for event in jobs.events(job.id)] == ["one", "three"]


def test_rows_of_a_damaged_file_of_an_earlier_version_are_kept(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    for number in range(200):
        jobs.add("train", f"t{number} " + "x" * 200, {})
    jobs.request_stop(7, "discard")
    jobs._table._kept.close()
    with closing(sqlite3.connect(tmp_path / FILE)) as table:
        table.execute("alter table jobs rename column stop_request to wish")
        table.execute("alter table jobs drop column position")
        table.commit()
    damage_a_page(tmp_path / FILE)
    again = Jobs(tmp_path)
    kept = again.under_way(1000)
    assert "kept as jobs.sqlite.damaged-1" in again.repair and len(kept) > 50
    assert [job.position for job in kept] == [job.id for job in kept]
    assert [job.id for job in kept] == sorted(job.id for job in kept)


def test_a_job_starts_though_its_log_has_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = Jobs(tmp_path)
    number = jobs.add("create", "t", {}).id

    def refuse(number: int, event: dict[str, object]) -> None:
        raise DiskError("There is no room left on the disk for events.jsonl.")

    monkeypatch.setattr(jobs, "log", refuse)
    started = jobs.claim()
    assert started is not None and started.id == number and started.status == "running"


def test_the_last_to_end_is_found_whatever_its_number(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    first, second, painting = (jobs.add(kind, "t", {}).id for kind in ("train", "train", "create"))
    for number in (second, first, painting):
        jobs.move(number, "first")
        jobs.claim()
        jobs.end(number, "done")
    assert [job.id for job in jobs.on_show("train")] == [first, second]
    jobs.put_away(first)
    assert [job.id for job in jobs.on_show("train")] == [second]
    assert not jobs.on_show("grid") and [job.id for job in jobs.on_show("create")] == [painting]


def test_jobs_under_way_run_then_wait_in_their_order_then_are_paused(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    paused, running, second, first = (jobs.add("train", "t", {}).id for _ in range(4))
    jobs.request_stop(paused, "pause")
    jobs.claim()
    jobs.move(first, "first")
    assert [job.id for job in jobs.under_way()] == [running, first, second, paused]


def test_a_new_table_goes_on_from_the_pictures_that_are_there(tmp_path: Path) -> None:
    """Who is short of room deletes the folder of the jobs; the next pictures need names of their own."""
    workspace = Workspace(tmp_path)
    for name in ("00007-01.png", "00003-12.png", "holiday-2024-01.png", "01.png"):
        Image.new("RGB", (8, 8)).save(workspace.pictures / name)
    workspace.gallery.delete("00007-01.png")
    workspace.gallery.delete("01.png")
    assert workspace.create(Recipe("a cat")).id == 8
    assert workspace.create(Recipe("a cat")).id == 9
    shutil.rmtree(workspace.jobs.root)
    assert Workspace(tmp_path).create(Recipe("a cat")).id == 8
