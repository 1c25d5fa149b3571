"""Jobs, shelf and workspace: nothing that was promised is lost."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.handles import handles_in, to_handle
from studio.method_card import MethodCard, Needs
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from studio.settings import fields_of, setting
from studio.workspace.job import JobEvent
from studio.workspace.jobs import Jobs
from studio.workspace.progress import Progress
from studio.workspace.workspace import Workspace
from tests.edits.test_concept import HEADER

CARD = MethodCard("quick", "Quick", "For tests.", "none", Needs(min_photos=1, max_photos=3), ())
APART = MethodCard("apart", "Apart", "For tests.", "none", Needs(max_subjects=4, masks=True), ())


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def photos(count: int = 1) -> list[Photo]:
    return [Photo(f"{index}.png", Image.new("RGB", (64, 48), (index, 9, 9))) for index in range(count)]


def test_a_table_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    threading.Timer(0.3, other.execute, ("commit",)).start()
    assert Jobs(tmp_path).newest() == []
    other.close()


def keep(workspace: Workspace, handle: str = "<lily>") -> None:
    header = dataclasses.replace(HEADER, handles={handle: "cat"})
    Concept(header, (NewWord(handle, "cat", torch.ones(1, 8)),)).save(workspace.concepts.path(handle))


def test_a_training_waits_with_its_photos(workspace: Workspace) -> None:
    job = workspace.train(photos(2), CARD, "Lily", "Cat", seed=4)
    assert job.status == "queued" and job.task["handle"] == "<lily>" and job.task["noun"] == "cat"
    assert len(list((workspace.jobs.folder(job.id) / "photos").glob("*.png"))) == 2
    assert Workspace(workspace.folder).jobs.get(job.id) == job


@pytest.mark.parametrize(
    ("count", "name", "noun", "message"),
    [
        (0, "lily", "cat", "needs 1 to 3 photos"),
        (4, "lily", "cat", "needs 1 to 3 photos"),
        (1, "", "cat", "cannot be the name"),
        (1, "../etc", "cat", "cannot be the name"),
        (1, "lily", " ", "noun is missing"),
        (1, "lily", "<tom>", "cannot be the noun"),
    ],
)
def test_bad_input_is_refused_and_queues_nothing(
    workspace: Workspace, count: int, name: str, noun: str, message: str
) -> None:
    with pytest.raises(StudioError, match=message) as raised:
        workspace.train(photos(count), CARD, name, noun)
    assert raised.value.hint
    assert not workspace.jobs.newest()


def test_a_name_is_taken_by_a_concept_or_a_waiting_job_whatever_its_case(workspace: Workspace) -> None:
    keep(workspace)
    with pytest.raises(StudioError, match="already the name"):
        workspace.train(photos(), CARD, "LILY", "cat")
    workspace.train(photos(), CARD, "tom", "cat")
    with pytest.raises(StudioError, match="already the name"):
        workspace.train(photos(), CARD, "Tom", "dog")


def test_a_failed_copy_of_photos_queues_nothing(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, folder: Path) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("studio.photos.photo_set.PhotoSet.save", fail)
    with pytest.raises(OSError, match="disk full"):
        workspace.train(photos(), CARD, "lily", "cat")
    assert not workspace.jobs.newest()


def test_jobs_are_claimed_once_and_in_order(workspace: Workspace) -> None:
    """Several processes may claim; each thread here has its own connection, as a process would."""
    numbers = [workspace.jobs.add("create", f"job {index}", {}).id for index in range(40)]
    start = threading.Barrier(4)

    def claim() -> list[int]:
        start.wait()
        return [job.id for job in iter(workspace.jobs.claim, None)]

    with ThreadPoolExecutor(4) as pool:
        claimed = [claiming.result() for claiming in [pool.submit(claim) for _ in range(4)]]
    assert all(own == sorted(own) for own in claimed)
    assert sorted(number for own in claimed for number in own) == numbers


def test_a_job_is_claimed_while_others_write(workspace: Workspace) -> None:
    """Without a write lock from the beginning, what it has read would be old, and the table called locked."""
    number = workspace.jobs.add("create", "a job", {}).id
    other = sqlite3.connect(workspace.jobs.root / "jobs.sqlite", isolation_level=None)
    other.execute("begin immediate")
    other.execute("update jobs set title = 'renamed'")
    with ThreadPoolExecutor(1) as pool:
        claiming = pool.submit(workspace.jobs.claim)
        time.sleep(0.3)
        assert not claiming.done()
        other.execute("commit")
        claimed = claiming.result()
    other.close()
    assert claimed is not None and (claimed.id, claimed.title) == (number, "renamed")


def test_a_waiting_job_stops_at_once_and_a_running_one_is_asked(workspace: Workspace) -> None:
    running, waiting = (workspace.jobs.add("train", "t", {}).id for _ in range(2))
    assert workspace.jobs.claim().id == running
    workspace.jobs.request_stop(waiting, "discard")
    workspace.jobs.request_stop(running, "keep")
    assert workspace.jobs.get(waiting).status == "stopped"
    assert workspace.jobs.stop_request(running) == "keep"
    assert workspace.jobs.claim() is None


def test_what_a_vanished_worker_ran_goes_on_in_its_old_place_but_not_for_ever(workspace: Workspace) -> None:
    running, waiting = (workspace.jobs.add("train", "t", {}).id for _ in range(2))
    workspace.jobs.claim()
    assert workspace.jobs.settle_running("It was killed.", "Press Retry.") == [running]
    assert workspace.jobs.claim().id == running
    workspace.jobs.settle_running("It was killed.", "Press Retry.")
    failed = workspace.jobs.get(running)
    assert (failed.status, failed.error, failed.hint) == ("failed", "It was killed.", "Press Retry.")
    assert workspace.jobs.get(waiting).status == "queued"


def test_a_retry_goes_on_with_the_same_photos_and_settings(workspace: Workspace) -> None:
    job = workspace.train(photos(2), CARD, "lily", "cat", seed=9)
    with pytest.raises(StudioError, match="has not ended"):
        workspace.retry(job.id)
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", error="no")
    again = workspace.retry(job.id)
    assert again.id == job.id and again.task == job.task and again.status == "queued" and again.error == ""
    assert len(PhotoSet.load(workspace.jobs.folder(job.id) / "photos")) == 2


def scene(*parts: tuple[int, int]) -> Photo:
    """A photo in which every subject covers the columns from one to the other."""
    photo = photos()[0]
    for subject, (left, right) in enumerate(parts):
        mask = Image.new("L", (48, 48))
        mask.paste(255, (left, 0, right, 48))
        photo = photo.with_mask(subject, mask)
    return photo


def test_several_subjects_train_together_with_their_masks(workspace: Workspace) -> None:
    things = [("Throne", "Armchair"), ("duke", "duck")]
    job = workspace.train([scene((0, 16), (16, 32), (32, 48))], APART, "rex", "dog", beside=things)
    assert job.title == "<rex> and <throne> and <duke> with Apart"
    assert job.task["beside"] == {"<throne>": "armchair", "<duke>": "duck"}
    kept = PhotoSet.load(workspace.jobs.folder(job.id) / "photos")
    boxes = {handle: masks[0].getbbox() for handle, masks in kept.masks.items()}
    assert boxes == {"<rex>": (0, 0, 16, 48), "<throne>": (16, 0, 32, 48), "<duke>": (32, 0, 48, 48)}
    with pytest.raises(StudioError, match="<throne> is already the name"):
        workspace.train(photos(), CARD, "throne", "chair")
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", error="no")
    workspace.train([scene((0, 16), (16, 32), (32, 48))], APART, "rex", "dog", beside=things)
    with pytest.raises(StudioError, match="<rex> is already the name"):
        workspace.retry(job.id)


@pytest.mark.parametrize(
    ("card", "parts", "beside", "message"),
    [
        ("quick", [], [("throne", "chair")], "Quick learns one thing at a time; there are 2"),
        ("apart", [(0, 24), (24, 48)], [("Rex", "cat")], "Two things are called <rex>"),
        ("apart", [(0, 24), (24, 48)], [("throne", "")], "noun is missing"),
        ("apart", [(0, 24), (24, 48)], [("", "chair")], "cannot be the name"),
        ("apart", [(0, 24)], [("throne", "chair")], "Paint <throne> in at least one photo"),
        ("apart", [], [], "Paint <rex> in at least one photo"),
        ("quick", [(0, 48)], [], "mask of <rex> covers nearly all of photo 1"),
        ("apart", [(0, 24), (1, 24)], [("throne", "chair")], "almost the same mask"),
        ("apart", [], [(f"n{n}", "cat") for n in range(4)], "Apart learns 4 things at a time; there are 5"),
    ],
)
def test_subjects_and_masks_that_cannot_be_used_queue_nothing(
    workspace: Workspace, card: str, parts: list, beside: list, message: str
) -> None:
    method = {"quick": CARD, "apart": APART}[card]
    with pytest.raises(StudioError, match=message) as raised:
        workspace.train([scene(*parts)], method, "rex", "dog", beside=beside)
    assert raised.value.hint and not workspace.jobs.newest()


def test_masks_are_welcome_where_none_is_needed(workspace: Workspace) -> None:
    job = workspace.train([scene((0, 24), (24, 48))], CARD, "rex", "dog")
    assert set(PhotoSet.load(workspace.jobs.folder(job.id) / "photos").masks) == {"<rex>"}
    assert job.task["beside"] == {}


def test_a_log_line_half_written_is_left_out(workspace: Workspace) -> None:
    job = workspace.jobs.add("train", "t", {})
    for step in (1, 2):
        workspace.jobs.log(
            job.id, {"event": "step", "step": step, "steps": 4, "values": {"loss": 0.5}, "stage": "s"}
        )
    with (workspace.jobs.folder(job.id) / "events.jsonl").open("a") as file:
        file.write('{"event": "st')
    progress = workspace.progress(job)
    assert progress.step == 2 and progress.fraction == 0.5 and progress.curve == ((1, 0.5), (2, 0.5))


def test_the_rate_and_the_time_left_follow_the_last_steps() -> None:
    step = JobEvent("step", steps=100, values={"loss": 1.0}, stage="s")
    events = [dataclasses.replace(step, step=number, time=0.5 * number) for number in range(1, 41)]
    progress = Progress.of(events)
    assert progress.rate == pytest.approx(2.0) and progress.seconds_left == pytest.approx(30.0)
    assert Progress.of([]).seconds_left is None


def test_concepts_are_listed_renamed_deleted_and_restored(workspace: Workspace) -> None:
    keep(workspace)
    shelf = workspace.concepts
    (shelf.folder / "stranger.safetensors").write_bytes(b"nothing")
    assert [entry.header.handle for entry in shelf.entries()] == ["<lily>"]
    assert len(shelf.unreadable()) == 1
    keep(workspace, "<tom>")
    with pytest.raises(StudioError, match="already the name"):
        shelf.rename("<lily>", "tom")
    assert shelf.rename("<lily>", "Rose").header.handle == "<rose>"
    assert not shelf.has("<lily>")
    trashed = shelf.delete("<rose>")
    assert trashed.exists() and not shelf.has("<rose>")
    assert shelf.restore(trashed).header.handle == "<rose>"
    assert shelf.unused_handle("<rose>") == "<rose-2>"


def test_importing_refuses_a_taken_name_and_anything_that_is_no_concept(
    workspace: Workspace, tmp_path: Path
) -> None:
    keep(workspace)
    with pytest.raises(StudioError, match="already has a concept called <lily>"):
        workspace.concepts.add(workspace.concepts.path("<lily>"))
    (tmp_path / "x.safetensors").write_bytes(b"PK\x03\x04")
    with pytest.raises(StudioError, match="pickle"):
        workspace.concepts.add(tmp_path / "x.safetensors")


def test_painting_needs_the_concepts_it_names(workspace: Workspace) -> None:
    with pytest.raises(StudioError, match="no concept called <lily>"):
        workspace.create(Recipe("<lily> on the moon"))
    keep(workspace)
    job = workspace.create(Recipe("<Lily> on the moon", strengths={"<lily>": 0.5, "<gone>": 1.0}))
    assert list(job.task["concepts"]) == ["<lily>"] and job.task["strengths"] == {"<lily>": 0.5}


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(" "),
        Recipe("a", steps=0),
        Recipe("a", steps=1000),
        Recipe("a", guidance=-1),
        Recipe("a", seed=-1),
        Recipe("a", count=0),
        Recipe("a", strengths={"<lily>": 9.0}),
    ],
)
def test_recipes_out_of_range_are_refused(recipe: Recipe) -> None:
    with pytest.raises(StudioError) as raised:
        recipe.checked()
    assert raised.value.hint


def test_a_picture_carries_its_recipe(tmp_path: Path) -> None:
    recipe = Recipe("<lily> é", negative="blur", seed=3, strengths={"<lily>": 0.5})
    path = tmp_path / "a.png"
    save_picture(Image.new("RGB", (8, 8)), recipe, path)
    assert read_recipe(path) == recipe
    with Image.open(path) as picture:
        assert (
            "Negative prompt: blur" in picture.info["parameters"] and "Seed: 3" in picture.info["parameters"]
        )
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")
    with pytest.raises(StudioError, match="no recipe"):
        read_recipe(tmp_path / "b.png")
    (tmp_path / "c.png").write_bytes(b"no")
    with pytest.raises(StudioError, match="not a picture"):
        read_recipe(tmp_path / "c.png")


def test_names_become_handles() -> None:
    assert to_handle("Lily") == to_handle(" <LILY> ") == "<lily>"
    assert to_handle("my cat") == "<my-cat>"
    assert handles_in("a <Lily> and <tom>, <lily> < nobody > <>") == ["<lily>", "<tom>"]
    for name in ("", "<>", "a/b", "é", "x" * 40, "-a"):
        with pytest.raises(StudioError):
            to_handle(name)


def test_settings_describe_and_check_themselves() -> None:
    @dataclasses.dataclass(frozen=True)
    class Some:
        steps: int = setting(10, "How long.", 1, 100, "steps")
        rate: float = setting(0.1, "How fast.", 0.0, 1.0)
        flips: bool = setting(True, "Mirror.")
        way: str = setting("a", "Which.", choices=("a", "b"))

    card = MethodCard("m", "M", "", "", Needs(), fields_of(Some))
    assert card.parse({"steps": "20", "flips": "false"}) == {
        "steps": 20,
        "rate": 0.1,
        "flips": False,
        "way": "a",
    }
    bad = (
        {"steps": 0},
        {"steps": 2.5},
        {"rate": float("nan")},
        {"way": "c"},
        {"flips": "maybe"},
        {"other": 1},
    )
    for values in bad:
        with pytest.raises(StudioError) as raised:
            card.parse(values)
        assert raised.value.hint
    tuned = card.tuned({"steps": 30}, "starter")
    assert (
        tuned.fields[0].default == 30
        and "starter" in tuned.fields[0].source
        and tuned.parse({})["steps"] == 30
    )


def test_a_new_workspace_is_welcomed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ready = Workspace(tmp_path / "ready")
    keep(ready, "<rose>")
    monkeypatch.setattr("studio.workspace.workspace.DEMO", ready.concepts.folder)
    workspace = Workspace(tmp_path / "workspace")
    workspace.add_demo_concept()
    assert workspace.concepts.has("<rose>")
    workspace.concepts.delete("<rose>")
    workspace.add_demo_concept()
    assert not workspace.concepts.entries()
    other = Workspace(tmp_path / "other", "another/base")
    other.add_demo_concept()
    assert not other.concepts.entries()
