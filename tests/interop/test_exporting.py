"""Concepts as files of other programs: loaded by diffusers itself, they predict the same."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

import studio.__main__ as console
from studio.concepts.header import read_header
from studio.edits import LowRank
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.interop import exporting
from studio.interop.exporting import PROGRAMS, export_concept
from studio.interop.module_names import diffusers_name
from studio.interop.sharing import write_without_traces
from studio.models.backbone import Backbone
from tests import tiny, tiny_flux2_klein, tiny_z_image
from tests.by_hand import gated, header
from tests.interop.programs import (
    diffusers_pipeline,
    load_words,
    our_prediction,
    their_prediction,
    tuned_concept,
)

FAMILIES = {
    "sd": functools.partial(tiny.backbone, dtype=torch.float64),
    "sdxl": functools.partial(tiny.backbone_xl, dtype=torch.float64, layers=2),
}


@pytest.fixture(scope="module", params=sorted(FAMILIES))
def backbone(request: pytest.FixtureRequest) -> Backbone:
    return FAMILIES[request.param]()


@pytest.fixture(autouse=True)
def tiny_first_encoder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "FIRST_OF_PAIR", tiny.WIDTH)


def exported(concept: Concept, program: str, folder: Path) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    path = folder / "concept.safetensors"
    concept.save(path)
    return {file.name: file for file in export_concept(path, program).write(folder / program)}


def metadata_of(file: Path) -> dict[str, str]:
    with safe_open(file, framework="pt") as opened:
        return opened.metadata()


@pytest.mark.parametrize("program", ["diffusers", "a1111"])
def test_diffusers_loads_word_and_lora_and_predicts_the_same(
    backbone: Backbone, program: str, tmp_path: Path
) -> None:
    concept = tuned_concept(backbone)
    files = exported(concept, program, tmp_path)
    pipeline = diffusers_pipeline(backbone, tmp_path)
    plain = their_prediction(pipeline, backbone, "cat")
    load_words(pipeline, files["lily.safetensors"], "<lily>")
    pipeline.load_lora_weights(str(tmp_path / program), weight_name="lily_lora.safetensors")
    ours, theirs = our_prediction(backbone, concept), their_prediction(pipeline, backbone, "<lily>")
    assert (ours - plain).abs().max() > 0.01
    assert (ours - theirs).abs().max() < 1e-5 * ours.abs().max()


def test_a_name_that_is_a_piece_of_the_vocabulary_is_loaded_as_the_text_says(
    backbone: Backbone, tmp_path: Path
) -> None:
    pipeline = diffusers_pipeline(backbone, tmp_path)
    assert "a" in pipeline.tokenizer.get_vocab()
    files = exported(tuned_concept(backbone, "<a>"), "diffusers", tmp_path)
    text = files["a-how-to.txt"].read_text()
    (token,) = set(re.findall(r'token="(.*?)"', text))
    assert f'pipe("a photo of {token}")' in text
    load_words(pipeline, files["a.safetensors"], token)
    assert token in pipeline.tokenizer.tokenize(f"a photo of {token}")


def test_layers_of_a_file_for_diffusers_have_one_rank(tmp_path: Path) -> None:
    """Releases before August 2026 scale the others wrongly (huggingface/diffusers#14409)."""
    backbone = tiny.backbone()
    sites = [site for site in backbone.sites if site.endswith(("attn2.to_q", "conv1", "self_attn.q_proj"))]
    A, B = {}, {}
    for rank, site in enumerate(sites[:4] + sites[-1:], start=2):
        shape = backbone.sites[site].weight.shape
        A[site] = torch.randn(rank, *shape[1:])
        B[site] = torch.randn(shape[0], rank, *(1 for _ in shape[2:]))
    concept = Concept(header(backbone, {"<lily>": "cat"}), (LowRank("<lily>", "cat", A, B),)).round_to_file()
    tensors = load_file(exported(concept, "diffusers", tmp_path)["lily_lora.safetensors"])
    downs = {name: tensor for name, tensor in tensors.items() if ".lora_A." in name}
    assert {len(tensor) for tensor in downs.values()} == {len(A) + 1}
    (edit,) = concept.edits
    for site in A:
        down, up = (tensors[f"{diffusers_name(site)}.lora_{part}.weight"].float() for part in "AB")
        expected = edit.B[site].flatten(1) @ edit.A[site].flatten(1)
        torch.testing.assert_close(up.flatten(1) @ down.flatten(1), expected)


def test_kohya_names_have_complete_modules_with_alpha_equal_to_rank(tmp_path: Path) -> None:
    files = exported(tuned_concept(tiny.backbone()), "a1111", tmp_path)
    tensors = load_file(files["lily_lora.safetensors"])
    assert all(re.match(r"lora_(unet|te)_", name) for name in tensors)
    assert all("text_model_" in name for name in tensors if name.startswith("lora_te_"))
    layers = {name.split(".")[0] for name in tensors}
    for layer in layers:
        down = tensors[f"{layer}.lora_down.weight"]
        assert tensors[f"{layer}.alpha"].ndim == 0 and tensors[f"{layer}.alpha"] == len(down)
    assert len(tensors) == 3 * len(layers)


def test_the_two_text_encoders_of_sdxl_are_told_apart(tmp_path: Path) -> None:
    files = exported(tuned_concept(tiny.backbone_xl()), "comfyui", tmp_path)
    starts = {name.split("_")[1] for name in load_file(files["lily_lora.safetensors"])}
    assert starts == {"unet", "te1", "te2"}
    assert set(load_file(files["lily.safetensors"])) == {"clip_l", "clip_g"}


@pytest.mark.parametrize(
    ("kind", "version", "v2", "architecture"),
    [
        ("stable_diffusion 768", "sd_v1", "False", "stable-diffusion-v1/lora"),
        ("stable_diffusion 1024", "sd_v2", "True", "stable-diffusion-v2-512/lora"),
        ("stable_diffusion_xl 2048", "sdxl_base_v1-0", "False", "stable-diffusion-xl-v1-base/lora"),
    ],
)
def test_the_metadata_is_what_other_programs_tell_families_by(
    kind: str, version: str, v2: str, architecture: str, tmp_path: Path
) -> None:
    concept = tuned_concept(tiny.backbone())
    concept = dataclasses.replace(concept, header=dataclasses.replace(concept.header, base_kind=kind))
    about = metadata_of(exported(concept, "a1111", tmp_path)["lily_lora.safetensors"])
    assert all(isinstance(value, str) for value in about.values())
    assert about["ss_base_model_version"] == version and about["ss_v2"] == v2
    assert about["modelspec.architecture"] == architecture
    assert about["ss_network_dim"] == about["ss_network_alpha"] == "3"
    assert json.loads(about["ss_tag_frequency"]) == {"1_lily_lora": {"lily": 1}}


def test_the_hash_is_that_of_the_tensors(tmp_path: Path) -> None:
    file = exported(tuned_concept(tiny.backbone()), "a1111", tmp_path)["lily_lora.safetensors"]
    content = file.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    assert metadata_of(file)["modelspec.hash_sha256"] == f"0x{hashlib.sha256(content[start:]).hexdigest()}"


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_file_too_old_to_name_its_kind_is_told_by_its_width(program: str, tmp_path: Path) -> None:
    concept = tuned_concept(tiny.backbone())
    old = dataclasses.replace(concept, header=dataclasses.replace(concept.header, base_kind=""))
    named, unnamed = (
        load_file(exported(one, program, tmp_path / str(n))["lily_lora.safetensors"])
        for n, one in enumerate((concept, old))
    )
    assert named.keys() == unnamed.keys()


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_a_text_says_where_the_files_go_and_what_to_type(program: str, tmp_path: Path) -> None:
    files = exported(tuned_concept(tiny.backbone()), program, tmp_path)
    text = files["lily-how-to.txt"].read_text()
    said = {
        "a1111": "Then write: a photo of lily <lora:lily_lora:1>",
        "comfyui": "Then write: a photo of embedding:lily, with the LoRA loaded at strength 1",
        "diffusers": 'pipe.load_textual_inversion("lily.safetensors", token="<lily>")',
    }
    assert said[program] in text and "lily_lora.safetensors" in text
    assert str(tmp_path) not in text


def test_what_no_other_program_has_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = tmp_path / "trek.safetensors"
    gated(tiny.backbone(), "<trek>").save(path)
    with pytest.raises(StudioError, match="<trek> cannot be exported: Perfusion's gate"):
        export_concept(path, "a1111")
    with pytest.raises(StudioError, match="no export for 'word'"):
        export_concept(path, "word")


def test_a_shared_file_paints_the_same_and_tells_nothing_more(tmp_path: Path) -> None:
    backbone = tiny.backbone()
    concept = tuned_concept(backbone)
    settings = {"steps": 500, "basis": "free", "prior_prompt": "Street", "note": "my street"}
    header = dataclasses.replace(concept.header, preview=b"PNG", photos=7, settings=settings)
    path = tmp_path / "own.safetensors"
    dataclasses.replace(concept, header=header).save(path)
    shared = tmp_path / "shared.safetensors"
    write_without_traces(path, shared)
    opened = Concept.open(shared)
    assert opened.header.settings == {"steps": 500, "basis": "free"}
    assert opened.header.preview == b"" and opened.header.photos == 0
    assert b"treet" not in shared.read_bytes() and read_header(path).photos == 7
    assert torch.equal(our_prediction(backbone, opened), our_prediction(backbone, concept))


def test_the_command_writes_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "lily.safetensors"
    tuned_concept(tiny.backbone()).save(path)
    place = ["--workspace", str(tmp_path / "space"), "--out", str(tmp_path / "out")]
    assert console.main(["export", str(path), "--for", "a1111", *place]) == 0
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == [
        "lily-how-to.txt",
        "lily.safetensors",
        "lily_lora.safetensors",
    ]
    assert "<lora:lily_lora:1>" in capsys.readouterr().out
    assert console.main(["export", "nobody", "--for", "a1111", *place]) == 2
    assert "There is no concept called <nobody>" in capsys.readouterr().err


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An embedding is called as the concept's own file is."""
    path = tmp_path / "lily.safetensors"
    tuned_concept(tiny.backbone()).save(path)
    before = path.read_bytes()
    for program in ("a1111", "sharing"):
        place = ["--workspace", str(tmp_path / "space"), "--out", str(tmp_path)]
        assert console.main(["export", str(path), "--for", program, *place]) == 2
        assert "is there already. Name another folder with --out." in capsys.readouterr().err
    assert path.read_bytes() == before and len(list(tmp_path.glob("*.safetensors"))) == 1


@pytest.mark.parametrize(
    ("base", "program", "start"),
    [
        (tiny_z_image.backbone, "comfyui", "diffusion_model.layers."),
        (tiny_z_image.backbone, "diffusers", "transformer.layers."),
        (tiny_flux2_klein.backbone, "comfyui", "transformer."),
    ],
)
def test_a_language_model_stays_behind_and_that_is_said(
    base: Callable[[], Backbone], program: str, start: str, tmp_path: Path
) -> None:
    backbone = base()
    sites = backbone.low_rank_sites(text_encoder=True)
    assert any(site.startswith("text_encoder.") for site in sites)
    edit = LowRank.start("<lily>", "cat", sites, 2, torch.Generator())
    concept = tuned_concept(backbone)
    files = exported(dataclasses.replace(concept, edits=(concept.edits[0], edit)), program, tmp_path)
    assert set(files) == {"lily_lora.safetensors", "lily-how-to.txt"}
    assert all(name.startswith(start) for name in load_file(files["lily_lora.safetensors"]))
    assert (
        "Not in these files: what was learned of the language model" in files["lily-how-to.txt"].read_text()
    )


def test_a_word_of_a_language_model_alone_is_refused(tmp_path: Path) -> None:
    concept = tuned_concept(tiny_z_image.backbone())
    dataclasses.replace(concept, edits=concept.edits[:1]).save(tmp_path / "a.safetensors")
    with pytest.raises(StudioError, match="language model"):
        export_concept(tmp_path / "a.safetensors", "diffusers")
