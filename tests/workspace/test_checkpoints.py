"""Steps of a training that a person keeps, makes concepts of, or uses in place of the last."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from studio.concepts import concept_library
from studio.concepts.header import read_header
from studio.errors import DiskError, StudioError
from studio.ui.parts import progress_card
from studio.ui.parts.job_buttons import press_job_button
from studio.ui.parts.progress_card import training_card
from studio.workspace import checkpoints
from studio.workspace.checkpoints import (
    KEPT,
    MAX_CHECKPOINTS,
    MAX_KEPT,
    checkpoint_file,
    forget_checkpoints,
    forget_old_checkpoints,
    kept_file,
    steps_in,
)
from studio.workspace.concept_marks import Mark
from studio.workspace.job import Job
from studio.workspace.progress import Progress
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

SEED = 5


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(progress_card, "REREAD_SECONDS", 0.0)
    return Workspace(tmp_path)


def training(workspace: Workspace, steps: int = 4, done: bool = True) -> Job:
    """Add a training of <lily> with a checkpoint for each of `steps` steps."""
    task = {"method": "textual_inversion", "handle": "<lily>", "noun": "cat", "photos": 1, "seed": SEED}
    job = workspace.jobs.add("train", "<lily> with Textual Inversion", task)
    workspace.jobs.claim()
    for step in range(1, steps + 1):
        add_checkpoint(workspace, job, step)
    if done:
        path = workspace.concepts.path("<lily>")
        save_concept(path, header_of("<lily>", "cat", SEED, 1, 99))
        workspace.jobs.end(job.id, "done", {"handle": "<lily>", "file": path.name})
    return workspace.jobs.get(job.id)


def add_checkpoint(workspace: Workspace, job: Job, step: int, text: str = "") -> None:
    folder = workspace.jobs.folder(job.id)
    file = checkpoint_file(folder, step)
    save_concept(file, header_of("<lily>", "cat", SEED, 1, step))
    (folder / f"preview-{step}.png").write_bytes(b"")
    shown = {"event": "preview", "file": f"preview-{step}.png", "prompt": "a photo of <lily>", "step": step}
    workspace.jobs.log(job.id, shown)
    workspace.jobs.log(job.id, {"event": "checkpoint", "file": file.name, "step": step, "text": text})


def press(workspace: Workspace, action: str, job: Job, step: int) -> None:
    assert press_job_button(workspace, action, f"{job.id} {step}")


def test_a_kept_step_outlives_its_checkpoint_and_can_be_let_go(workspace: Workspace) -> None:
    job = training(workspace, done=False)
    folder = workspace.jobs.folder(job.id)
    assert "Keep this step" in training_card(workspace, job)
    press(workspace, "keep-step", job, 2)
    press(workspace, "keep-step", job, 2)  # twice is once
    forget_checkpoints(folder, 0)
    assert steps_in(folder) == [] and steps_in(folder, KEPT) == [2]
    assert read_header(kept_file(folder, 2)).steps == 2
    card = training_card(workspace, job)
    assert "Step 2</b> · kept" in card and "Keep this step" not in card
    assert "in place of the last" not in card  # there is no last one yet
    press(workspace, "release-step", job, 2)
    assert steps_in(folder, KEPT) == []


def test_a_step_becomes_a_concept_of_its_own_beside_the_last(workspace: Workspace) -> None:
    job = training(workspace)
    press(workspace, "promote-step", job, 3)
    press(workspace, "promote-step", job, 3)
    headers = workspace.concepts.headers()
    assert {handle: header.steps for handle, header in headers.items()} == {
        "<lily>": 99,
        "<lily-step-3>": 3,
        "<lily-step-3-2>": 3,
    }
    assert not list(workspace.jobs.folder(job.id).glob("promoted*"))


def test_a_step_takes_the_place_of_the_last_which_can_be_brought_back(workspace: Workspace) -> None:
    job = training(workspace)
    press(workspace, "use-step", job, 2)
    assert workspace.concepts.find("<lily>").header.steps == 2
    (trashed,) = workspace.concepts.trash.glob("*.safetensors")
    assert read_header(trashed).steps == 99
    press(workspace, "use-step", job, 4)  # another one instead
    assert workspace.concepts.find("<lily>").header.steps == 4


def test_its_star_and_note_go_to_the_step_and_come_back_with_the_last(workspace: Workspace) -> None:
    job, library = training(workspace), workspace.concepts
    workspace.marks.change(library.find("<lily>").header, starred=True, note="For the cards.")
    press(workspace, "use-step", job, 2)
    assert workspace.marks.of(library.find("<lily>").header) == Mark(True, "For the cards.")
    (trashed,) = library.trash.glob("*.safetensors")
    workspace.marks.change(library.find("<lily>").header, starred=False, note=None)
    press(workspace, "use-step", job, 3)  # what the step before has lost does not come back
    assert workspace.marks.of(library.find("<lily>").header) == Mark()
    library.delete("<lily>")
    assert workspace.marks.of(library.restore(trashed).header) == Mark(True, "For the cards.")


def test_without_room_for_a_step_the_last_stays_in_the_library(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = training(workspace)

    def no_room(path: Path, content: bytes) -> None:
        raise DiskError(f"There is no room left on the disk for {path.name}.", "Free some space.")

    monkeypatch.setattr(concept_library, "write_atomic", no_room)
    with pytest.raises(DiskError, match="no room left on the disk for lily.safetensors"):
        press(workspace, "use-step", job, 2)
    assert workspace.concepts.find("<lily>").header.steps == 99
    assert not list(workspace.concepts.trash.glob("*.safetensors"))
    monkeypatch.undo()
    press(workspace, "use-step", job, 2)
    assert workspace.concepts.find("<lily>").header.steps == 2


def test_another_concept_of_that_name_is_not_replaced(workspace: Workspace) -> None:
    job = training(workspace)
    workspace.concepts.delete("<lily>")
    save_concept(workspace.concepts.path("<lily>"), header_of("<lily>", "dog", 6, 1, 7))
    with pytest.raises(StudioError, match="another concept by now"):
        press(workspace, "use-step", job, 2)
    assert workspace.concepts.find("<lily>").header.steps == 7


def test_a_step_that_is_gone_is_said(workspace: Workspace) -> None:
    job = training(workspace)
    for action in ("keep-step", "promote-step", "use-step"):
        with pytest.raises(StudioError, match="Step 77 is gone"):
            press(workspace, action, job, 77)
    assert workspace.concepts.find("<lily>").header.steps == 99


def test_they_are_few(workspace: Workspace) -> None:
    job = training(workspace, steps=MAX_CHECKPOINTS + 3, done=False)
    folder = workspace.jobs.folder(job.id)
    for step in range(1, MAX_KEPT + 1):
        press(workspace, "keep-step", job, step)
    with pytest.raises(StudioError, match="kept already"):
        press(workspace, "keep-step", job, MAX_KEPT + 1)
    forget_checkpoints(folder)
    assert steps_in(folder) == list(range(4, MAX_CHECKPOINTS + 4))
    assert steps_in(folder, KEPT) == list(range(1, MAX_KEPT + 1))


def test_old_trainings_lose_theirs_but_what_was_kept(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoints, "MAX_JOBS", 1)
    old = training(workspace)
    workspace.concepts.delete("<lily>")
    press(workspace, "keep-step", old, 1)
    new = training(workspace)
    forget_old_checkpoints(workspace.jobs)
    folder = workspace.jobs.folder(old.id)
    assert steps_in(folder) == [] and steps_in(folder, KEPT) == [1]
    assert steps_in(workspace.jobs.folder(new.id)) == [1, 2, 3, 4]


def test_a_suggested_step_is_offered_and_nothing_is_changed(workspace: Workspace) -> None:
    job = training(workspace, done=False)
    add_checkpoint(workspace, job, 3, checkpoints.SUGGESTED)
    path = workspace.concepts.path("<lily>")
    save_concept(path, header_of("<lily>", "cat", SEED, 1, 99))
    workspace.jobs.end(job.id, "done", {"handle": "<lily>", "file": path.name})
    card = training_card(workspace, workspace.jobs.get(job.id))
    assert "Step 3</b> · looks better than the end" in card and "Use it in place of the last" in card
    assert workspace.concepts.find("<lily>").header.steps == 99


def test_steps_that_were_done_again_count_once(workspace: Workspace) -> None:
    job = training(workspace, steps=2, done=False)
    workspace.jobs.log(job.id, {"event": "started"})
    workspace.jobs.log(job.id, {"event": "step", "step": 2, "steps": 4, "values": {"loss": 1.0}})
    add_checkpoint(workspace, job, 2)
    progress: Progress = workspace.progress(job)
    assert progress.checkpoints == (1, 2) and progress.suggested == 0
    assert dataclasses.replace(progress, checkpoints=()).suggested == 0
