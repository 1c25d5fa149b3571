"""Grids through the very worker that the studio runs: to the end, stopped and taken up, and judged."""

from __future__ import annotations

import dataclasses
import statistics
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from assets.starter.recipe.judge_model import configuration, save_judge
from assets.starter.recipe.vocabulary import write_merges
from studio.edits.concept import Concept
from studio.evaluation.encoders import Encoders
from studio.events import Event
from studio.generation.generate import generate
from studio.grids.grid_folder import ARCHIVE, PICTURE, GridFolder
from studio.grids.scores import GridScores
from studio.models.backbone import Backbone
from studio.models.clip import Clip
from studio.models.patch_judge import HEAD_FILE, PatchJudge
from studio.photos.photo import Photo
from studio.photos.photo_set import PhotoSet
from studio.recipes.axis import Axis
from studio.recipes.grid import Grid
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe
from studio.recipes.spoken import spoken_prompt
from studio.worker import tasks
from studio.worker.worker import Worker
from studio.workspace.jobs import Job
from studio.workspace.workspace import Workspace
from tests import tiny
from tests.evaluation.test_grid_scores import Encoder
from trainers import METHODS, train

pytestmark = pytest.mark.usefixtures("short_verdict")

BASE = Recipe("a photo of <lily>", seed=5, steps=2)
GRID = Grid(BASE, Axis.parse("strength", "0, 1"), Axis.parse("seed", "1, 2"))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace", base=tmp_path / "base")


@pytest.fixture
def worker(workspace: Workspace) -> Worker:
    worker = Worker(workspace, tiny.backbone(), METHODS, train)
    photos = [Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos().squares)]
    workspace.train(photos, METHODS["textual_inversion"].card(), "lily", "cat", {"steps": 2}, seed=2)
    assert worker.take(("train",))
    return worker


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def sheet_of(workspace: Workspace, job: Job) -> GridFolder:
    return GridFolder.open(workspace.jobs.folder(job.id))


def test_every_cell_is_the_picture_that_its_recipe_gives_alone(workspace: Workspace, worker: Worker) -> None:
    job = workspace.compare(GRID)
    assert worker.take(("grid",))
    ended = workspace.jobs.get(job.id)
    assert (ended.status, ended.outcome) == ("done", {"cells": 4})
    assert workspace.progress(ended).fraction == 1.0
    sheet = sheet_of(workspace, job)
    concept = Concept.open(workspace.concepts.path("<lily>"))
    for cell in sheet.cells:
        recipe = read_recipe(sheet.path(cell))
        assert recipe.concepts["<lily>"] and recipe.base
        *_, last = generate(tiny.backbone(), recipe, [concept])
        assert np.array_equal(np.asarray(last.value.image), pixels(sheet.path(cell)))
    assert (sheet.folder / PICTURE).exists() and (sheet.folder / ARCHIVE).exists()
    assert not list(workspace.pictures.iterdir()) and GridScores.open(sheet.folder) is None


def test_a_stopped_grid_goes_on_and_paints_nothing_twice(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = workspace.compare(GRID)
    record = worker.record

    def spy(job: Job, event: Event, outcome: dict[str, object]) -> None:
        record(job, event, outcome)
        if len(workspace.progress(job).pictures) == 2:
            workspace.jobs.request_stop(job.id, "keep")

    monkeypatch.setattr(worker, "record", spy)
    assert worker.take(("grid",))
    sheet = sheet_of(workspace, job)
    there = [cell for cell in sheet.cells if sheet.path(cell).exists()]
    assert workspace.jobs.get(job.id).status == "stopped" and len(there) == 2
    assert (sheet.folder / PICTURE).exists()
    before = {sheet.path(cell): sheet.path(cell).stat().st_mtime_ns for cell in there}
    monkeypatch.setattr(worker, "record", record)
    assert workspace.retry(job.id).id == job.id
    assert worker.take(("grid",)) and workspace.jobs.get(job.id).status == "done"
    assert all(sheet.is_painted(cell, worker.backbone.name) for cell in sheet.cells)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_a_picture_is_painted_between_two_steps_of_a_grid(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid, asked, record = workspace.compare(GRID), [], worker.record

    def spy(job: Job, event: Event, outcome: dict[str, object]) -> None:
        record(job, event, outcome)
        if job.kind == "grid" and not asked:
            asked.append(workspace.create(Recipe("a photo of cat", steps=2)).id)

    monkeypatch.setattr(worker, "record", spy)
    assert worker.take(("grid",))
    picture = workspace.jobs.get(asked[0])
    assert picture.status == "done" and picture.finished < workspace.jobs.get(grid.id).finished


@pytest.mark.parametrize("seen", [0, 2, 3])
def test_a_grid_goes_on_when_its_concept_gets_another_name(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch, seen: int
) -> None:
    job, record, names = workspace.compare(GRID), worker.record, iter(["Rosa"])

    def spy(job: Job, event: Event, outcome: dict[str, object]) -> None:
        record(job, event, outcome)  # 3: while the last cell is painted
        if len(workspace.progress(job).pictures) == seen and (name := next(names, None)):
            workspace.rename("<lily>", name)

    monkeypatch.setattr(worker, "record", spy)
    assert worker.take(("grid",))
    ended, sheet = workspace.jobs.get(job.id), sheet_of(workspace, job)
    assert (ended.status, ended.error) == ("done", "") and "<rosa>" in ended.title
    assert all(sheet.is_painted(cell, worker.backbone.name) for cell in sheet.cells)
    assert {cell.recipe.prompt for cell in sheet.cells} == {"a photo of <rosa>"}
    assert len(list(sheet.folder.glob("*.png"))) == len({sheet.path(cell) for cell in sheet.cells}) + 1


def test_a_painting_and_a_grid_that_ran_while_their_concept_got_another_name_can_be_begun_again(
    workspace: Workspace, worker: Worker
) -> None:
    jobs = [workspace.create(BASE), workspace.compare(GRID), workspace.create(BASE)]
    assert all(workspace.jobs.claim((kind,)) for kind in ("create", "grid", "create"))
    workspace.rename("<lily>", "Rosa")
    workspace.jobs.end(jobs[2].id, "failed", error="Out of memory.")
    workspace.jobs.settle_running("gone", "")  # the other two wait again
    retried = workspace.retry(jobs[2].id)
    assert worker.take(("create",)) and worker.take(("create",)) and worker.take(("grid",))
    for number in (jobs[0].id, jobs[1].id, retried.id):
        job = workspace.jobs.get(number)
        assert (job.status, job.error) == ("done", "") and job.title.startswith("a photo of <rosa>")


def test_a_concept_that_was_exchanged_meanwhile_is_not_painted_under_its_old_name(
    workspace: Workspace, worker: Worker
) -> None:
    job = workspace.compare(GRID)
    path = workspace.concepts.path("<lily>")
    concept = Concept.open(path)
    dataclasses.replace(concept, header=dataclasses.replace(concept.header, seed=9)).save(path)
    assert worker.take(("grid",))
    failed = workspace.jobs.get(job.id)
    assert failed.status == "failed" and "<lily> has changed" in failed.error and failed.hint


def test_the_bases_judge_compares_with_the_photos_that_were_trained_on(
    workspace: Workspace, worker: Worker
) -> None:
    folder = Path(workspace.base) / "judge"
    folder.mkdir(parents=True)
    config = configuration(write_merges(["a", "photo", "of", "cat", "dog"], folder / "merges.txt.gz"))
    torch.manual_seed(0)
    save_judge(PatchJudge(config), folder)
    (folder / HEAD_FILE).unlink()  # a judge that sees no patches
    worker.backbone.folder = folder.parent
    workspace.concepts.rename("<lily>", "Rosa")
    job = workspace.compare(Grid(Recipe("a photo of <rosa>", steps=1), Axis.parse("seed", "1, 2")))
    assert worker.take(("grid",))
    sheet, judge = sheet_of(workspace, job), Clip.open(folder)
    marks = GridScores.open(sheet.folder)
    squares = PhotoSet.load(workspace.photos_of("<rosa>")).squares
    assert marks.photos == {"<rosa>": len(squares)} and len(squares) == 3 and marks.judge == judge.name
    for cell in sheet.cells:
        picture, mark = [Image.open(sheet.path(cell))], marks.cells[sheet.path(cell).name]
        alone = [judge.likeness(picture, [square]) for square in squares]
        assert mark.likeness == pytest.approx(statistics.fmean(alone), abs=1e-5)
        assert mark.copying == pytest.approx(max(alone), abs=1e-5)
        assert mark.agreement == pytest.approx(judge.agreement(picture, "a photo of a cat"), abs=1e-6)


def test_a_concept_may_get_another_name_while_the_encoders_are_opened(
    workspace: Workspace, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Encoder()

    def opening(backbone: Backbone) -> Encoders:
        workspace.rename("<lily>", "Rosa")
        return Encoders(encoder, encoder, encoder)

    monkeypatch.setattr(tasks, "open_encoders", opening)
    job = workspace.compare(GRID)
    assert worker.take(("grid",))
    ended, sheet = workspace.jobs.get(job.id), sheet_of(workspace, job)
    assert (ended.status, ended.error) == ("done", "") and "<rosa>" in ended.title
    scores = GridScores.open(sheet.folder)
    assert scores is not None and scores.photos == {"<rosa>": 3}
    assert set(scores.cells) == {sheet.path(cell).name for cell in sheet.cells}
    with zipfile.ZipFile(sheet.folder / ARCHIVE) as archive:
        kept = {archive.read(name) for name in archive.namelist()}
    assert {sheet.path(cell).read_bytes() for cell in sheet.cells} <= kept


def test_a_judge_hears_nouns_in_place_of_handles() -> None:
    nouns = {"<lily>": "dog", "<lily-2>": "owl"}
    assert spoken_prompt("<Lily> with <lily-2> {by} the sea", nouns) == "a dog with an owl {by} the sea"
    assert spoken_prompt("my red <lily-2>", nouns) == "my red owl"


def test_photos_of_a_concept_that_came_as_a_file_are_not_here(
    workspace: Workspace, worker: Worker, tmp_path: Path
) -> None:
    assert workspace.photos_of("<lily>")
    other = Workspace(tmp_path / "other", base=workspace.base)
    other.concepts.add(workspace.concepts.path("<lily>"))
    assert other.photos_of("<lily>") is None
