"""What the worker hands to a training, and that files of a job are whole while it is killed."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from studio.concepts.header import read_header
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Estimate, Event, Insight, Note, Preview, Result
from studio.generation import checked_file
from studio.photos.photo import Photo
from studio.recipes.recipe import Sampling
from studio.ui.parts.progress_card import training_card
from studio.worker.worker import Worker
from studio.workspace.concept_marks import Mark
from studio.workspace.job import STATE_FILE, Job
from studio.workspace.workspace import Workspace
from tests import tiny, tiny_z_image
from tests.by_hand import tuned
from trainers import METHODS

PICTURE = Image.new("RGB", (8, 8), "red")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A workspace whose base asks for steps and guidance of its own."""
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "likeness.json").write_text('{"steps": 7, "guidance": 3.5}')
    return Workspace(tmp_path / "workspace", base=tmp_path / "base")


def queue(workspace: Workspace, name: str, **settings: Any) -> Job:
    photos = [Photo(f"{index}.png", square) for index, square in enumerate(tiny.photos().squares)]
    return workspace.train(photos, METHODS["dreambooth"].card(), name, "cat", settings, seed=11)


def worker_with(workspace: Workspace, events: list[Event]) -> tuple[Worker, list[tuple]]:
    """A worker whose trainings only give these events, and the arguments that they were called with."""
    calls: list[tuple] = []

    def train(*arguments: Any, **named: Any) -> Iterator[Event]:
        calls.append(arguments)
        yield from events

    return Worker(workspace, tiny.backbone(), METHODS, train), calls


def test_a_training_has_the_seed_of_its_task_and_previews_that_suit_the_base(workspace: Workspace) -> None:
    queue(workspace, "lily", steps=5)
    worker, calls = worker_with(workspace, [])
    assert worker.take(("train",))
    ((method, _, photos, subject, settings, sampling, cache, state, more_steps),) = calls
    assert (method.id, subject.handle, subject.noun, len(photos)) == ("dreambooth", "<lily>", "cat", 3)
    assert settings["steps"] == 5 and cache == workspace.cache
    assert state.parent.parent == workspace.jobs.root and more_steps == 0
    assert sampling == Sampling(seed=11, steps=7, guidance=3.5)


def test_every_training_in_the_shared_basis_gets_a_block_of_its_own(workspace: Workspace) -> None:
    for name, block in (("a", 0), ("b", 2), ("c", -1), ("d", -1)):
        queue(workspace, name, basis="shared", block=block)
    worker, calls = worker_with(workspace, [])
    while worker.take(("train",)):
        pass
    # what the third was given is kept with its job, so that it has the same when it goes on
    assert [call[4]["block"] for call in calls] == [0, 2, 1, 3]


@pytest.mark.parametrize("event", [Preview(PICTURE, "a <lily>", 1), Insight(PICTURE, "what it sees")])
def test_a_picture_of_a_training_is_whole_or_not_there(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, event: Event
) -> None:
    """The disk fails at the last moment, before the new file takes its name."""
    job = queue(workspace, "lily")
    worker, _ = worker_with(workspace, [Note("begins"), event])

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    record = worker.record

    def record_on_a_full_disk(job: Job, event: Event, outcome: dict[str, Any]) -> None:
        if not isinstance(event, Note):
            monkeypatch.setattr("studio.files.os.fsync", full)
        try:
            record(job, event, outcome)
        finally:
            monkeypatch.undo()

    worker.record = record_on_a_full_disk
    worker.take(("train",))
    folder = workspace.jobs.folder(job.id)
    assert workspace.jobs.get(job.id).status == "stopped"  # it went on without the picture, and gave none
    assert [
        path.name for path in folder.rglob("*") if path.suffix == ".png" and "photos" not in path.parts
    ] == []
    assert [line.event for line in workspace.jobs.events(job.id)] == ["started", "note"]


def test_the_page_knows_which_methods_the_base_refuses(workspace: Workspace) -> None:
    Worker(workspace, tiny_z_image.backbone(), METHODS, lambda: iter(())).write_state("ready")
    refused = dict.fromkeys(("perfusion", "disendiff", "neti"), "no layer of it reads the prompt alone")
    assert workspace.worker_state().refusals == refused
    Worker(workspace, tiny.backbone(), METHODS, lambda: iter(())).write_state("ready")
    assert workspace.worker_state().refusals == {}


def test_what_a_training_will_need_is_on_its_card(workspace: Workspace) -> None:
    job = queue(workspace, "lily")
    seen: list[str] = []

    def train(*arguments: Any, **named: Any) -> Iterator[Event]:
        yield Estimate(370, int(9.1e9), int(12e9))
        seen.append(training_card(workspace, workspace.jobs.get(job.id)))
        yield Note("begins")

    Worker(workspace, tiny.backbone(), METHODS, train).take(("train",))
    assert "with DreamBooth · about 6 minutes, 9.1 of 12 GB in all</p>" in seen[0]
    assert "9.1 of 12" not in training_card(workspace, workspace.jobs.get(job.id))  # it is over


def learned(worker: Worker, **settings: Any) -> Concept:
    """Return a concept <lily> with the header that a training of `queue` would leave."""
    concept, values = tuned(worker.backbone, "<lily>"), METHODS["dreambooth"].card().parse(settings)
    header = dataclasses.replace(concept.header, method="dreambooth", seed=11, settings=values)
    return dataclasses.replace(concept, header=header)


def test_a_concept_of_the_same_name_that_came_meanwhile_goes_to_the_trash(workspace: Workspace) -> None:
    job = queue(workspace, "lily")
    worker, _ = worker_with(workspace, [])
    mine = learned(worker)
    other = dataclasses.replace(mine.header, settings={"steps": 3})
    dataclasses.replace(mine, header=other).save(workspace.concepts.path("<lily>"))
    worker.tasks.train = lambda *_, **__: iter([Result(mine)])
    worker.take(("train",))
    assert workspace.jobs.get(job.id).status == "done"
    assert workspace.concepts.find("<lily>").header.settings == mine.header.settings
    (trashed,) = workspace.concepts.trash.glob("*.safetensors")
    assert read_header(trashed).settings == {"steps": 3}
    notes = [event.text for event in workspace.jobs.events(job.id) if event.event == "note"]
    assert "What was called <lily> before is in the trash." in notes


def test_what_was_learned_is_kept_where_the_device_has_no_memory_left_to_try_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*given: Any) -> Iterator[Event]:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    job = queue(workspace, "lily")
    worker, _ = worker_with(workspace, [])
    worker.tasks.train = lambda *_, **__: iter([Result(learned(worker))])
    monkeypatch.setattr(checked_file, "generate", fail)
    worker.take(("train",))
    ended = workspace.jobs.get(job.id)
    assert (ended.status, ended.error) == ("done", "") and workspace.concepts.has("<lily>")


def test_further_training_that_is_discarded_or_fails_leaves_what_was_learned_before(
    workspace: Workspace,
) -> None:
    job = queue(workspace, "lily")
    worker, _ = worker_with(workspace, [])
    mine = learned(worker)
    worker.tasks.train = lambda *_, **__: iter([Result(mine)])
    worker.take(("train",))
    before = workspace.jobs.get(job.id).outcome
    assert before == {"handle": "<lily>", "file": "lily.safetensors"}
    state = workspace.jobs.folder(job.id) / STATE_FILE

    def train_further_by(train: Any) -> Job:
        state.touch()
        workspace.train_further(job.id, 5)
        worker.tasks.train = train
        worker.take(("train",))
        return workspace.jobs.get(job.id)

    def further(*_: Any, **__: Any) -> Iterator[Event]:
        yield Note("begins")
        workspace.jobs.request_stop(job.id, "discard")
        yield Note("is discarded")

    ended = train_further_by(further)
    assert (ended.status, ended.outcome) == ("done", before) and not state.exists()
    notes = [event.text for event in workspace.jobs.events(job.id) if event.event == "note"]
    assert notes[-1] == "The further training is discarded. <lily> is as it was before."
    assert "is in your Library" in training_card(workspace, ended)

    def failing(*_: Any, **__: Any) -> Iterator[Event]:
        yield Note("begins")
        raise StudioError("The device is full.")

    ended = train_further_by(failing)
    assert (ended.status, ended.outcome) == ("failed", before)
    assert workspace.retry(job.id).status == "queued"
    worker.tasks.train = lambda *_, **__: iter([Result(mine)])  # in the place of its own, without the trash
    worker.take(("train",))
    assert workspace.jobs.get(job.id).status == "done"
    assert list(workspace.concepts.trash.glob("*.safetensors")) == []


def test_an_import_ends_in_the_library_or_in_a_sentence(workspace: Workspace, tmp_path: Path) -> None:
    backbone = tiny.backbone()
    site = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
    out, into = backbone.sites[site].weight.shape
    name = f"lora_{site.replace('.', '_')}"
    for file, width in (("fits", into), ("wide", 999)):
        tensors = {
            f"{name}.lora_down.weight": torch.ones(2, width),
            f"{name}.lora_up.weight": torch.ones(out, 2),
        }
        save_file(tensors, tmp_path / f"{file}.safetensors")
        workspace.import_foreign(tmp_path / f"{file}.safetensors", file, "cat", "a dog")
    worker = Worker(workspace, backbone, METHODS, lambda: iter(()))
    while worker.take(("import",)):
        pass
    wide, fits = workspace.jobs.newest(2, ("import",))
    assert fits.status == "done" and workspace.concepts.find("<fits>").header.method == "imported"
    assert "<fits> is read as: a dog." in workspace.progress(fits).notes
    assert wide.status == "failed" and "wide.safetensors does not fit this base" in wide.error


def test_an_import_does_not_replace_a_concept_that_got_its_name(workspace: Workspace, tmp_path: Path) -> None:
    save_file({"*": torch.randn(1, tiny.WIDTH)}, tmp_path / "ink.safetensors")
    job = workspace.import_foreign(tmp_path / "ink.safetensors", "ink", "painting")
    own = workspace.concepts.path("<ink>")
    tuned(tiny.backbone(), "<ink>").save(own)
    before = own.read_bytes()
    Worker(workspace, tiny.backbone(), METHODS, lambda: iter(())).take(("import",))
    assert "<ink> is the name of another concept by now." in workspace.jobs.get(job.id).error
    assert own.read_bytes() == before


def test_what_is_trained_further_keeps_its_star_and_note(workspace: Workspace) -> None:
    job = queue(workspace, "lily", steps=5)
    events: list[Event] = []
    worker, _ = worker_with(workspace, events)
    mine = learned(worker, steps=5)
    events[:] = [Result(mine)]
    worker.take(("train",))
    first = workspace.concepts.find("<lily>").header
    workspace.marks.change(first, starred=True, note="Best at 0.8.", cover="00001-01.png")
    events[:] = [Result(dataclasses.replace(mine, header=dataclasses.replace(first, steps=9)))]
    workspace.jobs.requeue(job.id)
    worker.take(("train",))
    further = workspace.concepts.find("<lily>").header
    assert further.steps == 9 and len(workspace.marks.content().concepts) == 1
    assert workspace.marks.of(further) == Mark(starred=True, note="Best at 0.8.", cover="00001-01.png")
