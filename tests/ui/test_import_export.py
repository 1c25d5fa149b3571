"""The Library's doors to other programs: the form for their files, the job that imports, and the exports."""

from __future__ import annotations

import zipfile
from pathlib import Path

import gradio as gr
import pytest
import torch
from safetensors.torch import save_file

from studio.errors import StudioError
from studio.interop.foreign_file import look_at
from studio.ui.concept_cards import concept_card
from studio.ui.export_panel import export_folder, export_menu, exported
from studio.ui.import_form import import_form, keep_upload
from studio.workspace.import_task import ImportTask
from studio.workspace.workspace import Workspace
from tests import tiny
from tests.by_hand import gated
from tests.interop.programs import tuned_concept


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "space")


def uploaded(folder: Path, name: str = "Ink Style v2.safetensors") -> Path:
    folder.mkdir(exist_ok=True)
    layer = "lora_unet_mid_block_attentions_0_proj_in"
    tensors = {f"{layer}.lora_down.weight": torch.zeros(2, 8), f"{layer}.lora_up.weight": torch.zeros(8, 2)}
    save_file(
        tensors, folder / name, {"modelspec.trigger_phrase": "<b>inkish</b>", "ss_sd_model_name": "a<b.ckpt"}
    )
    return folder / name


def test_a_lora_is_named_and_its_trigger_words_are_proposed(workspace: Workspace, tmp_path: Path) -> None:
    file = keep_upload(workspace, uploaded(tmp_path / "up"))
    assert file.path.is_relative_to(workspace.cache) and not (tmp_path / "up" / file.path.name).exists()
    with gr.Blocks():
        form = import_form()
    changes = form.opened_with(file)
    assert "This is a LoRA of 1 layers, made on a&lt;b.ckpt." in changes[form.about]
    assert changes[form.name] == "ink-style-v2" and changes[form.trigger]["value"] == "<b>inkish</b>"
    assert changes[form.file] == str(file.path)


def test_two_visitors_do_not_take_each_others_file(workspace: Workspace, tmp_path: Path) -> None:
    one, other = (keep_upload(workspace, uploaded(tmp_path / str(n))) for n in range(2))
    assert one.path != other.path and look_at(one.path) and look_at(other.path)


def test_an_import_waits_with_its_file_and_its_name_is_taken(workspace: Workspace, tmp_path: Path) -> None:
    job = workspace.import_foreign(uploaded(tmp_path / "up"), "Ink", "painting", " ink ")
    assert job.kind == "import" and job.title == "<ink> from Ink Style v2.safetensors"
    task = ImportTask.of(job)
    assert (task.handle, task.noun, task.trigger) == ("<ink>", "painting", "ink")
    assert (workspace.jobs.folder(job.id) / task.file).is_file()
    with pytest.raises(StudioError, match="already the name of a concept"):
        workspace.import_foreign(uploaded(tmp_path / "up"), "ink", "painting")
    with pytest.raises(StudioError, match="The noun is missing"):
        workspace.import_foreign(uploaded(tmp_path / "up"), "other", "")


def test_a_failed_import_can_be_tried_again_while_its_file_is_there(
    workspace: Workspace, tmp_path: Path
) -> None:
    job = workspace.import_foreign(uploaded(tmp_path / "up"), "ink", "painting")
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", error="It does not fit.", hint="Choose another base.")
    assert workspace.retry(job.id).status == "queued"
    workspace.jobs.claim()
    workspace.jobs.end(job.id, "failed", error="It does not fit.", hint="Choose another base.")
    (workspace.jobs.folder(job.id) / ImportTask.of(job).file).unlink()
    with pytest.raises(StudioError, match="file of this import is gone"):
        workspace.retry(job.id)


def test_a_card_offers_every_program_and_the_files_are_in_one_archive(workspace: Workspace) -> None:
    path = workspace.concepts.path("<lily>")
    tuned_concept(tiny.backbone()).save(path)
    entry = workspace.concepts.find("<lily>")
    assert export_menu("<lily>") in concept_card(workspace, entry)
    for program in ("a1111", "comfyui", "diffusers"):
        assert f'data-id="{program} &lt;lily&gt;"' in export_menu("<lily>")
        card = exported(workspace, entry, program)
        archive = export_folder(workspace) / f"lily-{program}.zip"
        assert "Save the files" in card and archive.name in card
        assert sorted(zipfile.ZipFile(archive).namelist()) == [
            "lily-how-to.txt",
            "lily.safetensors",
            "lily_lora.safetensors",
        ]
    assert "without preview" in exported(workspace, entry, "sharing")
    with pytest.raises(StudioError, match="no such export"):
        exported(workspace, entry, "../word")


def test_what_cannot_go_out_says_why(workspace: Workspace) -> None:
    gated(tiny.backbone(), "<trek>").save(workspace.concepts.path("<trek>"))
    with pytest.raises(StudioError, match="Perfusion's gate"):
        exported(workspace, workspace.concepts.find("<trek>"), "comfyui")
