"""The bases that a person can choose from, and choosing one."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from studio.bases.known_bases import FILE, MAX_RECENT, Base, KnownBases
from studio.errors import StudioError
from studio.method_card import MethodCard, Needs
from studio.photos.photo import Photo
from studio.recipes.recipe import Recipe
from studio.starter import STARTER
from studio.workspace.job import STATE_FILE
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

UNET = "model.diffusion_model."
CARD = MethodCard("quick", "Quick", "For tests.", "none", Needs(), ())


def checkpoint(path: Path, width: int = 768) -> Path:
    shapes = {
        f"{UNET}input_blocks.0.0.weight": (320, 4, 3, 3),
        f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, width),
        "cond_stage_model.transformer.text_model.final_layer_norm.weight": (8,),
        "first_stage_model.quant_conv.weight": (8, 8),
    }
    save_file({name: torch.zeros(shape).half() for name, shape in shapes.items()}, path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two checkpoints, a LoRA and other things."""
    made = tmp_path / "models"
    made.mkdir()
    checkpoint(made / "dream.safetensors")
    checkpoint(made / "old two.safetensors", 1024)
    save_file({"lora_unet_x.lora_down.weight": torch.zeros(4, 4)}, made / "style.safetensors")
    (made / "notes.txt").write_text("nothing")
    (made / "empty").mkdir()
    return made


@pytest.fixture
def workspace(tmp_path: Path, folder: Path) -> Workspace:
    made = Workspace(tmp_path / "workspace")
    made.bases = KnownBases(made.folder, [folder])
    return made


def test_the_starter_the_recent_ones_and_a_folder_are_listed_once(workspace: Workspace, folder: Path) -> None:
    workspace.bases.remember(Base(str(folder / "old two.safetensors"), "v_prediction"))
    workspace.bases.remember(Base("someone/a-model"))
    listed = workspace.bases.all()
    assert [known.name for known in listed] == [
        "starter",
        "someone/a-model",
        "old two.safetensors",
        "dream.safetensors",
        "style.safetensors",
    ]
    starter, hub, two, dream, lora = listed
    assert starter.files.kind == "stable diffusion" and starter.base.path == str(STARTER)
    assert hub.files is None and not hub.reason
    assert (
        two.files.kind == "stable diffusion 2" and two.needs_prediction
    )  # again, in case the answer was wrong
    assert (starter.files.title, dream.files.title) == ("Stable Diffusion", "Stable Diffusion 1")
    assert dream.files.kind == "stable diffusion 1" and dream.files.bytes > 20_000
    assert lora.reason == "style.safetensors is a LoRA, not a base model."


def test_a_base_that_has_gone_is_named_with_the_reason(workspace: Workspace, folder: Path) -> None:
    workspace.bases.remember(Base(str(folder / "dream.safetensors")))
    (folder / "dream.safetensors").unlink()
    (known,) = (known for known in workspace.bases.all() if known.name == "dream.safetensors")
    assert known.reason == "It is not there any more."
    with pytest.raises(StudioError, match="not there any more"):
        workspace.choose_base(known.base.path)


def test_a_file_is_looked_at_again_when_it_has_changed(workspace: Workspace, folder: Path) -> None:
    (known,) = (known for known in workspace.bases.all() if known.name == "style.safetensors")
    checkpoint(folder / "style.safetensors", 2048)
    (again,) = (known for known in workspace.bases.all() if known.name == "style.safetensors")
    assert known.reason and again.files.kind == "stable diffusion xl"


def test_the_last_few_are_remembered_and_a_damaged_list_is_none(workspace: Workspace) -> None:
    for number in range(MAX_RECENT + 3):
        workspace.bases.remember(Base(f"a/{number}"))
    workspace.bases.remember(Base("a/5", "epsilon"))
    recent = workspace.bases.recent()
    assert len(recent) == MAX_RECENT and recent[0] == Base("a/5", "epsilon")
    assert [base.path for base in recent].count("a/5") == 1
    for content in ("[", '{"bases": 3}', json.dumps({"bases": [{"path": 5}]})):
        (workspace.folder / FILE).write_text(content)
        assert workspace.bases.recent() == ()
        assert workspace.bases.all()[0].name == "starter"


def test_the_last_one_is_known_with_the_reason_if_it_cannot_be_used(
    workspace: Workspace, folder: Path
) -> None:
    dream = Base(str(folder / "dream.safetensors"))
    assert workspace.bases.last().base == Base(str(STARTER))
    for base in (dream, Base("someone/a-model"), Base(str(folder / "old two.safetensors"), "epsilon")):
        workspace.bases.remember(base)
        assert workspace.bases.last().base == base and not workspace.bases.last().reason
    workspace.bases.remember(Base(str(folder / "style.safetensors")))  # a LoRA by now
    assert "is a LoRA" in workspace.bases.last().reason
    workspace.bases.remember(dream)
    (folder / "dream.safetensors").unlink()
    assert workspace.bases.last().reason == "It is not there any more."


def test_the_starter_is_remembered_as_such_and_not_by_its_folder(workspace: Workspace) -> None:
    """A later version of the program lies elsewhere, and has a starter of its own."""
    workspace.bases.remember(Base(str(STARTER)))
    assert str(STARTER) not in (workspace.folder / FILE).read_text()
    assert workspace.bases.last().base == workspace.bases.recent()[0] == Base(str(STARTER))


def test_only_what_is_listed_can_be_chosen(workspace: Workspace, tmp_path: Path) -> None:
    elsewhere = checkpoint(tmp_path / "elsewhere.safetensors")
    for path in (str(elsewhere), "/etc/passwd", "some/name", ""):
        with pytest.raises(StudioError, match="not in the list"):
            workspace.choose_base(path)
    assert workspace.base == str(STARTER)


def test_choosing_one_changes_the_base_and_asks_what_it_predicts(workspace: Workspace, folder: Path) -> None:
    two = str(folder / "old two.safetensors")
    with pytest.raises(StudioError, match="does not say what it predicts"):
        workspace.choose_base(two)
    workspace.choose_base(two, "v_prediction")
    assert (workspace.base, workspace.prediction) == (two, "v_prediction")
    assert workspace.bases.recent()[0] == Base(two, "v_prediction")
    assert workspace.base_defaults().steps == 30  # those of the starter are its own
    workspace.choose_base(str(STARTER))
    assert (workspace.base, workspace.prediction) == (str(STARTER), "")
    workspace.choose_base(two)  # it was said before
    assert workspace.prediction == "v_prediction"


def test_a_folder_that_was_incomplete_is_looked_at_again(workspace: Workspace, folder: Path) -> None:
    made = folder / "whole"
    (made / "unet").mkdir(parents=True)
    (made / "model_index.json").write_text(
        json.dumps({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]})
    )
    (known,) = (known for known in workspace.bases.all() if known.name == "whole")
    assert "the weights of unet are missing" in known.reason
    save_file({"weight": torch.zeros(2)}, made / "unet" / "model.safetensors")
    (known,) = (known for known in workspace.bases.all() if known.name == "whole")
    assert not known.reason


def test_a_file_that_may_not_be_read_hides_no_other(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(path: Path, *more: object, **options: object) -> object:
        if path.name == "dream.safetensors":
            raise PermissionError(13, "Permission denied")
        return opened(path, *more, **options)

    monkeypatch.setattr(Path, "open", refuse)
    reasons = {known.name: known.reason for known in workspace.bases.all()}
    assert reasons["dream.safetensors"] == "dream.safetensors cannot be read."
    assert reasons["old two.safetensors"] == ""


def test_a_training_is_continued_on_its_own_base_only(workspace: Workspace) -> None:
    photo = Photo("a.png", Image.new("RGB", (64, 64), "red"))
    job = workspace.train([photo], CARD, "lily", "cat", {}, 0)
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "done", {"handle": "<lily>", "file": "lily.safetensors"})
    (workspace.jobs.folder(job.id) / STATE_FILE).touch()
    header = header_of("<lily>", "cat", 0, 1, 3, "of another base")
    made = dataclasses.replace(header, method=CARD.id, settings=job.task["settings"])
    save_concept(workspace.concepts.path("<lily>"), made)
    workspace.write_worker_state(WorkerState("ready", {"fingerprint": "of this base"}))
    with pytest.raises(StudioError, match="<lily> was trained on some other base"):
        workspace.train_further(job.id, 10)
    workspace.write_worker_state(WorkerState("ready", {"fingerprint": "of another base"}))
    assert workspace.train_further(job.id, 10).status == "queued"


def test_a_size_that_was_read_and_is_too_much_is_left_out(workspace: Workspace) -> None:
    workspace.write_worker_state(WorkerState("ready", {"resolution": 128}))
    recipe, notes = workspace.as_read(Recipe("a cat", width=512, height=768))
    assert (recipe.width, recipe.height, len(notes)) == (0, 0, 1)
    assert workspace.as_read(Recipe("a cat", width=512)) == (Recipe("a cat", width=512), [])


def test_jobs_under_way_keep_their_base(workspace: Workspace, folder: Path) -> None:
    job = workspace.create(Recipe("a cat"))
    with pytest.raises(StudioError) as refused:
        workspace.choose_base(str(folder / "dream.safetensors"))
    assert refused.value.message == "A job is under way, for the present base."
    assert workspace.base == str(STARTER)
    workspace.jobs.request_stop(job.id, "discard")
    workspace.choose_base(str(folder / "dream.safetensors"))
