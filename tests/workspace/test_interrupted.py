"""What becomes of jobs whose worker died, of paused ones, and of the order in the queue."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch

from studio.concepts.header import read_header
from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.workspace.going_on import MAX_MORE_STEPS, train_further
from studio.workspace.interrupted import MAX_STARTS, fate_of, starts_in_vain
from studio.workspace.job import STATE_FILE, UNSAVED, Job, JobEvent
from studio.workspace.jobs import Jobs
from studio.workspace.progress import Progress, without_undone
from studio.workspace.workspace import Workspace
from tests.edits.test_concept import HEADER

TASK = {"handle": "<lily>", "noun": "cat", "settings": {"steps": 100}, "method": "m", "seed": 0, "photos": 2}


@pytest.fixture
def jobs(tmp_path: Path) -> Jobs:
    return Jobs(tmp_path)


def events(*names: str) -> list[JobEvent]:
    """Events by name; "kept 5" is kept at step 5."""
    parts = [(name.split()[0], int(([*name.split(), "0"])[1])) for name in names]
    return [
        JobEvent(name, step=step, file="lily.safetensors", values={"loss": 1.0} if name == "step" else {})
        for name, step in parts
    ]


@pytest.mark.parametrize(
    ("names", "starts"),
    [
        (("started",), 1),
        (("started", "kept 0", "started"), 2),
        (("started", "kept 20", "started"), 1),
        (("started", "started", "picture"), 0),
        (("started", "started", "asked", "started"), 1),
        ((), 0),
    ],
)
def test_starts_are_counted_since_the_job_last_got_further(names: tuple[str, ...], starts: int) -> None:
    assert starts_in_vain("grid", events(*names)) == starts


def test_a_painting_that_dies_at_its_second_picture_every_time_fails(jobs: Jobs) -> None:
    """It is begun again from its first picture, which it had before."""
    job, statuses = jobs.add("create", "t", {}), []
    for _ in range(1 + MAX_STARTS):
        claimed = jobs.claim()
        assert claimed is not None and claimed.id == job.id
        jobs.log(job.id, {"event": "picture", "file": "00001-01.png"})
        jobs.settle_running("gone", "")
        statuses.append(jobs.get(job.id).status)
    assert statuses == ["queued"] * MAX_STARTS + ["failed"]


def test_a_painting_that_gets_a_picture_further_is_begun_again(jobs: Jobs) -> None:
    job = jobs.add("create", "t", {})
    for pictures in range(1, 3 + MAX_STARTS):
        assert jobs.claim() is not None
        for number in range(1, pictures + 1):
            jobs.log(job.id, {"event": "picture", "file": f"00001-{number:02d}.png"})
        jobs.settle_running("gone", "")
        assert jobs.get(job.id).status == "queued"


def test_a_training_killed_between_saving_and_ending_is_done(jobs: Jobs) -> None:
    job = jobs.add("train", "t", TASK)
    claimed = jobs.claim()
    jobs.log(job.id, {"event": "concept", "file": "lily.safetensors", "handle": "<lily>"})
    assert fate_of(claimed, jobs.events(job.id)) == "done"
    jobs.settle_running("gone", "")
    done = jobs.get(job.id)
    assert done.status == "done"
    assert done.outcome == {"handle": "<lily>", "file": "lily.safetensors"}


def test_one_that_is_trained_further_is_not_done_by_its_first_concept(jobs: Jobs) -> None:
    job = jobs.add("train", "t", TASK)
    jobs.claim()
    jobs.log(job.id, {"event": "concept", "file": "lily.safetensors"})
    jobs.end(job.id, "done")
    jobs.requeue(job.id)
    jobs.claim()
    jobs.settle_running("gone", "")
    assert jobs.get(job.id).status == "queued"


def test_one_that_was_to_be_discarded_does_not_go_on(jobs: Jobs) -> None:
    job = jobs.add("train", "t", TASK)
    jobs.claim()
    jobs.request_stop(job.id, "discard")
    (jobs.folder(job.id) / STATE_FILE).touch()
    jobs.settle_running("gone", "")
    stopped = jobs.get(job.id)
    assert stopped.status == "stopped" and stopped.error == ""
    assert not (jobs.folder(job.id) / STATE_FILE).exists()


@pytest.mark.parametrize("status", ["queued", "paused"])
def test_discarding_one_that_waits_deletes_what_it_would_have_gone_on_from(jobs: Jobs, status: str) -> None:
    job = jobs.add("train", "t", TASK)
    if status == "paused":
        jobs.request_stop(job.id, "pause")
    state = jobs.folder(job.id) / STATE_FILE
    state.touch()
    jobs.request_stop(job.id, "discard")
    assert jobs.get(job.id).status == "stopped" and not state.exists()


LEARNED = {"handle": "<lily>", "file": "lily.safetensors"}


def trained_further(workspace: Workspace) -> Job:
    """Return a job that has learned <lily> and is queued to train it further, with its state."""
    job = workspace.jobs.add("train", "t", TASK)
    workspace.jobs.claim()
    header = dataclasses.replace(HEADER, method="m", seed=0, settings={"steps": 100})
    word = NewWord("<lily>", "cat", torch.ones(1, 8))
    Concept(header, (word,)).save(workspace.concepts.path("<lily>"))
    workspace.jobs.end(job.id, "done", LEARNED)
    (workspace.jobs.folder(job.id) / STATE_FILE).touch()
    return workspace.train_further(job.id, 50)


@pytest.mark.parametrize("moment", ["queued", "paused", "running", "its worker died"])
def test_discarding_further_training_leaves_what_was_learned_before(tmp_path: Path, moment: str) -> None:
    workspace = Workspace(tmp_path)
    jobs, job = workspace.jobs, trained_further(workspace)
    if moment != "queued":
        jobs.claim()
    if moment == "paused":
        jobs.end(job.id, "paused")
    jobs.request_stop(job.id, "discard")
    if moment == "running":
        jobs.end(job.id, "done", jobs.get(job.id).outcome)  # as the worker does
    if moment == "its worker died":
        jobs.settle_running("gone", "")
    ended = jobs.get(job.id)
    assert (ended.status, ended.outcome) == ("done", LEARNED)
    is_there = (jobs.folder(job.id) / STATE_FILE).exists()
    assert is_there is (
        moment in ("queued", "running")
    )  # the first has not begun; the worker deletes the other


def test_further_training_that_failed_goes_on_when_asked(tmp_path: Path) -> None:
    """Its own concept is no other that has its name."""
    workspace = Workspace(tmp_path)
    job = trained_further(workspace)
    (workspace.jobs.folder(job.id) / "photos").mkdir()
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", error="The device ran out of memory.")
    assert workspace.retry(job.id).status == "queued"
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", error="The device ran out of memory.")
    workspace.concepts.delete("<lily>")
    other = dataclasses.replace(HEADER, settings={"steps": 3})
    Concept(other, (NewWord("<lily>", "cat", torch.ones(1, 8)),)).save(workspace.concepts.path("<lily>"))
    with pytest.raises(StudioError, match="already the name of a concept"):
        workspace.retry(job.id)


def test_no_other_concept_takes_the_name_of_one_that_is_coming(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    word = NewWord("<lily>", "cat", torch.ones(1, 8))
    Concept(HEADER, (word,)).save(workspace.concepts.path("<lily>"))
    deleted = workspace.concepts.delete("<lily>")
    rose = dataclasses.replace(HEADER, handles={"<rose>": "cat"})
    Concept(rose, (NewWord("<rose>", "cat", torch.ones(1, 8)),)).save(workspace.concepts.path("<rose>"))
    job = workspace.jobs.add("train", "t", TASK)
    for attempt in (
        lambda: workspace.concepts.restore(deleted),
        lambda: workspace.concepts.add(deleted),
        lambda: workspace.concepts.rename("<rose>", "lily"),
    ):
        with pytest.raises(StudioError, match="<lily> is the name of a concept that is being learned"):
            attempt()
    assert workspace.concepts.unused_handle("<lily>") == "<lily-2>"
    assert deleted.exists() and workspace.concepts.has("<rose>")
    workspace.jobs.request_stop(job.id, "discard")
    assert workspace.concepts.restore(deleted).header.handle == "<lily>"


def test_a_waiting_job_can_be_held_and_goes_on_when_asked(jobs: Jobs) -> None:
    held, other = (jobs.add("train", "t", TASK).id for _ in range(2))
    jobs.request_stop(held, "pause")
    assert jobs.get(held).status == "paused" and not jobs.get(held).has_ended
    assert jobs.claim().id == other and jobs.claim() is None
    jobs.requeue(held)
    assert jobs.claim().id == held


def test_a_paused_job_can_be_discarded(jobs: Jobs) -> None:
    job = jobs.add("train", "t", TASK)
    jobs.request_stop(job.id, "pause")
    jobs.request_stop(job.id, "discard")
    assert jobs.get(job.id).status == "stopped"


@pytest.mark.parametrize(
    ("number", "where", "order"),
    [
        (3, "first", [3, 1, 2, 4]),
        (3, "earlier", [1, 3, 2, 4]),
        (1, "earlier", [1, 2, 3, 4]),
        (2, "later", [1, 3, 2, 4]),
        (1, "last", [2, 3, 4, 1]),
        (4, "later", [1, 2, 3, 4]),
    ],
)
def test_the_order_of_the_queue_can_be_changed(jobs: Jobs, number: int, where: str, order: list[int]) -> None:
    for _ in range(4):
        jobs.add("train", "t", TASK)
    jobs.move(number, where)
    late = jobs.add("create", "t", {}).id
    claimed = [jobs.claim().id for _ in range(5)]
    assert claimed == [*order, late]


def test_only_waiting_jobs_change_places(jobs: Jobs) -> None:
    first, second = (jobs.add("train", "t", TASK).id for _ in range(2))
    jobs.claim()
    jobs.move(first, "last")
    jobs.end(first, "failed")
    jobs.requeue(first)
    assert jobs.claim().id == first and jobs.claim().id == second


def test_a_table_of_an_earlier_version_gets_its_order_from_the_numbers(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path)
    numbers = [jobs.add("train", "t", TASK).id for _ in range(3)]
    with jobs._table.writing() as table:
        table.execute("alter table jobs drop column position")
    again = Jobs(tmp_path)
    again.move(numbers[2], "first")
    assert [again.claim().id for _ in numbers] == [numbers[2], numbers[0], numbers[1]]


def test_steps_done_again_after_a_kill_count_once() -> None:
    names = ["step 1", "step 2", "preview 2", "step 3", "preview 3", "started", "step 3", "step 4"]
    kept = [(event.event, event.step) for event in without_undone(events(*names))]
    assert kept == [("step", 1), ("step", 2), ("preview", 2), ("started", 0), ("step", 3), ("step", 4)]
    assert Progress.of(events(*names)).step == 4


def test_counting_anew_in_a_later_part_of_the_work_undoes_nothing() -> None:
    judging = [JobEvent("step", step=number, steps=2, stage="judging") for number in (1, 2)]
    log = [*events("started", "step 1", "step 2", "preview 2"), *judging]
    assert without_undone(log) == log


def test_pictures_that_were_painted_again_count_once() -> None:
    before = [JobEvent("picture", file=f"00001-0{number}.png") for number in (1, 2)]
    again = [JobEvent("started"), *before, JobEvent("picture", file="00001-03.png")]
    assert Progress.of([*before, *again]).pictures == ("00001-01.png", "00001-02.png", "00001-03.png")


def test_only_a_finished_training_with_its_state_goes_further(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    job = workspace.jobs.add("train", "t", TASK)
    with pytest.raises(StudioError, match="its last state is gone"):
        train_further(workspace.jobs, workspace.concepts, job.id, 50, "")
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "done")
    (workspace.jobs.folder(job.id) / STATE_FILE).touch()
    for steps in (-1, MAX_MORE_STEPS + 1):
        with pytest.raises(StudioError, match="out of range"):
            train_further(workspace.jobs, workspace.concepts, job.id, steps, "")
    for total in (50, 100):
        again = train_further(workspace.jobs, workspace.concepts, job.id, 50, "")
        assert again.status == "queued" and again.task["more_steps"] == total
        workspace.jobs.claim()
        workspace.jobs.end(job.id, "done")


def test_one_that_was_to_pause_when_its_worker_died_is_paused(jobs: Jobs) -> None:
    job = jobs.add("train", "t", TASK)
    jobs.claim()
    jobs.request_stop(job.id, "pause")
    jobs.settle_running("gone", "")
    assert jobs.get(job.id).status == "paused" and jobs.claim() is None
    jobs.requeue(job.id)
    again = jobs.claim()
    assert again is not None and (again.id, again.stop_request) == (job.id, "")


def test_one_that_was_to_stop_when_its_worker_died_stops_at_its_next_start(jobs: Jobs) -> None:
    job = jobs.add("train", "t", TASK)
    jobs.claim()
    jobs.request_stop(job.id, "keep")
    jobs.settle_running("gone", "")
    again = jobs.claim()
    assert again is not None and (again.id, again.stop_request) == (job.id, "keep")
    jobs.end(job.id, "stopped")
    jobs.requeue(job.id)
    assert jobs.stop_request(job.id) == ""  # a person wants it to go on


def test_a_concept_that_is_another_by_now_is_not_replaced(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    job = workspace.jobs.add("train", "t", TASK)
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "done", LEARNED)
    (workspace.jobs.folder(job.id) / STATE_FILE).touch()

    def put(seed: int = 0, **settings: int) -> None:
        header = dataclasses.replace(HEADER, method="m", seed=seed, settings=settings)
        word = NewWord("<lily>", "cat", torch.ones(1, 8))
        Concept(header, (word,)).save(workspace.concepts.path("<lily>"))

    for other in ({"steps": 3}, {"steps": 100, "seed": 1}):
        put(**other)
        with pytest.raises(StudioError, match="<lily> is another concept by now"):
            workspace.train_further(job.id, 50)
        assert workspace.jobs.get(job.id).status == "done"
    put(steps=100, batch=2)
    assert workspace.train_further(job.id, 50).status == "queued"


def test_further_training_that_the_library_had_no_room_for_takes_the_place_of_its_own(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    job = trained_further(workspace)
    kept = workspace.jobs.folder(job.id) / "lily.safetensors"
    header = dataclasses.replace(HEADER, method="m", seed=0, settings={"steps": 100}, steps=150)
    Concept(header, (NewWord("<lily>", "cat", torch.ones(1, 8)),)).save(kept)
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", {**LEARNED, UNSAVED: str(kept)}, "No room.", "Press Retry.")
    workspace.marks.change(workspace.concepts.find("<lily>").header, starred=True)
    assert workspace.retry(job.id).status == "done"
    assert workspace.marks.of(workspace.concepts.find("<lily>").header).starred
    assert workspace.concepts.find("<lily>").header.steps == 150 and not kept.exists()
    (trashed,) = workspace.concepts.trash.glob("*.safetensors")
    assert read_header(trashed).steps == HEADER.steps
