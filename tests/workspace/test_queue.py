"""What is queued is what was asked for, and a job that ended or runs is not changed from outside."""

from __future__ import annotations

import dataclasses
import os
import shutil
from pathlib import Path

import pytest
import torch
from PIL import Image

from studio.edits import NewWord
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.method_card import MethodCard, Needs
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe
from studio.settings import Knob, fields_of, setting
from studio.workspace.workspace import Workspace
from tests.edits.test_concept import HEADER


@dataclasses.dataclass(frozen=True)
class Settings:
    steps: int = setting(10, "How long.", 1, 100, "steps")


CARD = MethodCard("quick", "Quick", "For tests.", "none", Needs(), fields_of(Settings))
PHOTOS = [Photo("a.png", Image.new("RGB", (64, 48), "red"))]
RECIPE = Recipe(
    "<lily> and <tom>",
    negative="blur",
    seed=7,
    steps=9,
    guidance=3.0,
    count=2,
    width=64,
    height=64,
    strengths={"<lily>": 0.5},
    knobs={"<lily>": {"bias": 0.2}},
    composing="regions",
    regions={"<tom>": (0.0, 0.0, 0.5, 1.0)},
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    for handle in ("<lily>", "<tom>"):
        knobs = {"bias": Knob(0.6, 0.0, 1.0, "Low is faithful.")}
        header = dataclasses.replace(HEADER, handles={handle: "cat"}, knobs=knobs)
        Concept(header, (NewWord(handle, "cat", torch.ones(1, 8)),)).save(made.concepts.path(handle))
    return made


def test_a_training_is_queued_with_its_seed_and_checked_settings(workspace: Workspace) -> None:
    job = workspace.train(PHOTOS, CARD, "rex", "dog", {"steps": "20"}, seed=4)
    assert job.task["seed"] == 4 and job.task["settings"] == {"steps": 20}
    for settings, seed in (({"steps": 0}, 0), ({"steps": "many"}, 0), ({"other": 1}, 0), ({}, -1)):
        with pytest.raises(StudioError):
            workspace.train(PHOTOS, CARD, "tom-2", "dog", settings, seed)


def test_a_picture_is_queued_and_retried_as_it_was_asked_for(workspace: Workspace) -> None:
    job = workspace.create(RECIPE)
    queued = Recipe.from_json(job.task)
    assert dataclasses.replace(queued, concepts={}, strengths=RECIPE.strengths) == RECIPE
    assert queued.strengths == {"<lily>": 0.5, "<tom>": 1.0} and set(queued.concepts) == {"<lily>", "<tom>"}
    workspace.jobs.request_stop(job.id, "discard")
    assert workspace.retry(job.id).task == job.task


def test_a_job_that_runs_is_asked_to_stop_and_stays(workspace: Workspace) -> None:
    jobs = workspace.jobs
    running = jobs.add("train", "t", {}).id
    jobs.claim()
    jobs.delete(running)
    assert jobs.get(running).status == "running" and jobs.stop_request(running) == "discard"
    assert jobs.folder(running).exists()
    jobs.end(running, "stopped")
    jobs.delete(running)
    assert not jobs.folder(running).exists()
    with pytest.raises(StudioError, match="no job"):
        jobs.get(running)


def test_what_has_ended_stays_as_it_ended(workspace: Workspace) -> None:
    jobs = workspace.jobs
    job = jobs.add("train", "t", {}).id
    jobs.claim()
    jobs.request_stop(job, "discard")
    jobs.settle_running("The worker is gone.", "Press Retry.")
    jobs.end(job, "done", {"file": "lily.safetensors"})
    assert jobs.get(job).status == "stopped" and jobs.get(job).outcome == {}
    jobs.request_stop(job, "keep")
    assert jobs.get(job).status == "stopped" and jobs.stop_request(job) == "discard"


def test_a_requeued_job_forgets_that_it_was_stopped(workspace: Workspace) -> None:
    jobs = workspace.jobs
    job = jobs.add("grid", "g", {}).id
    jobs.claim()
    jobs.request_stop(job, "keep")
    jobs.end(job, "stopped")
    jobs.requeue(job)
    again = jobs.claim()
    assert again is not None and (again.id, again.stop_request, again.error) == (job, "", "")


def test_the_newest_pictures_come_first(workspace: Workspace) -> None:
    for name in ("00001-01.png", "00003-01.png", "00002-01.png"):
        Image.new("RGB", (8, 8)).save(workspace.pictures / name)
        os.utime(workspace.pictures / name, (1, 1))
    assert [path.name for path in workspace.gallery.newest(2)] == ["00003-01.png", "00002-01.png"]


def test_a_training_whose_photos_are_gone_is_not_queued_again(workspace: Workspace) -> None:
    job = workspace.train(PHOTOS, CARD, "rex", "dog")
    workspace.jobs.request_stop(job.id, "discard")
    shutil.rmtree(workspace.jobs.folder(job.id) / "photos")
    with pytest.raises(StudioError, match="The photos of this job are gone") as refusal:
        workspace.retry(job.id)
    assert "Drop them in again" in refusal.value.hint and workspace.jobs.get(job.id).status == "stopped"
