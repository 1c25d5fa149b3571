"""Opening a base: what it is is seen first, and what cannot be used is refused by what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from studio.errors import StudioError
from studio.models import hub
from studio.models.families import FAMILIES
from studio.models.opening import family_of, find_base, open_backbone, running_dtype
from studio.starter import STARTER

UNET = "model.diffusion_model."
FIRST = f"{UNET}input_blocks.0.0.weight"
KEYS = f"{UNET}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
TEXT, VAE = (
    "cond_stage_model.transformer.text_model.final_layer_norm.weight",
    "first_stage_model.quant_conv.weight",
)
WHOLE = {KEYS: (320, 768), FIRST: (320, 4, 3, 3), TEXT: (8,), VAE: (8, 8)}
KNOWN = "StableDiffusionPipeline"
REFUSED_FILES = {  # by what a file is: the shapes of its tensors, and the sentence without the file's name
    "LoRA of kohya": ({"lora_unet_mid_block.lora_down.weight": (4, 8)}, "is a LoRA, not a base model."),
    "LoRA of PEFT": ({"unet.mid_block.attn1.to_q.lora_A.weight": (4, 8)}, "is a LoRA, not a base model."),
    "LoHa": ({"x.hada_w1_a": (4, 8)}, "is a LoRA, not a base model."),
    "word": ({"emb_params": (2, 768)}, "is a learned word (an embedding), not a base model."),
    "word of XL": (
        {"clip_l": (2, 768), "clip_g": (2, 1280)},
        "is a learned word (an embedding), not a base model.",
    ),
    "word of a script": ({"<cat>": (768,)}, "is a learned word (an embedding), not a base model."),
    "ControlNet": ({"control_model.zero_convs.0.weight": (4, 4)}, "is a ControlNet, not a base model."),
    "VAE": ({"decoder.conv_in.weight": (4, 4)}, "is a VAE alone, not a base model."),
    "VAE of a checkpoint": ({VAE: (4, 4)}, "is a VAE alone, not a base model."),
    "text encoder": (
        {"text_model.final_layer_norm.weight": (8,)},
        "is a text encoder alone, not a base model.",
    ),
    "FLUX": (
        {"double_blocks.0.img_attn.qkv.weight": (4, 4)},
        "is the denoiser of a FLUX model alone, not a base model.",
    ),
    "FLUX.2": (
        {"single_transformer_blocks.0.attn.to_qkv_mlp_proj.weight": (4, 4)},
        "is the denoiser of a FLUX model alone, not a base model.",
    ),
    "Z-Image": (
        {f"{UNET}layers.0.attention.qkv.weight": (4, 4)},
        "is the denoiser of a Z-Image or Lumina model alone, not a base model.",
    ),
    "denoiser alone": (
        {FIRST: (320, 4, 3, 3)},
        "is a checkpoint without its text encoder and VAE, not a base model.",
    ),
    "without a VAE": (
        {name: shape for name, shape in WHOLE.items() if name != VAE},
        "is a checkpoint without its VAE, not a base model.",
    ),
    "refiner": (
        {"conditioner.embedders.0.model.ln_final.weight": (8,), FIRST: (384, 4, 3, 3), VAE: (4, 4)},
        "is the refiner of Stable Diffusion XL, not a base model.",
    ),
    "EDM": (
        WHOLE | {"edm_mean": (4,), "edm_std": (4,)},
        "is a model of another kind of noise (EDM), such as Playground 2.5 or CosXL, not a base model.",
    ),
    "part of a folder": (
        {"down_blocks.0.resnets.0.conv1.weight": (4, 4)},
        "is one part of a diffusers folder, not a base model.",
    ),
    "something else": (
        {"layer.weight": (4, 4), "layer.bias": (4,)},
        "is a file that Likeness does not know, not a base model.",
    ),
    "inpainting": (
        WHOLE | {FIRST: (320, 9, 3, 3)},
        "is an inpainting model: it reads 9 channels where others read 4.",
    ),
    "pix2pix": (
        WHOLE | {FIRST: (320, 8, 3, 3)},
        "is a model that changes given pictures: it reads 8 channels where others read 4.",
    ),
    "another width": (
        WHOLE | {KEYS: (320, 640)},
        "is a checkpoint of a model that reads text 640 wide.",
    ),
}


def write(path: Path, shapes: Mapping[str, tuple[int, ...]], **metadata: str) -> Path:
    save_file({name: torch.zeros(shape) for name, shape in shapes.items()}, path, metadata or None)
    return path


def folder(path: Path, index: object) -> Path:
    (path / "model_index.json").write_text(json.dumps(index), encoding="utf-8")
    return path


def refusal(base: Path) -> StudioError:
    with pytest.raises(StudioError) as refused:
        family_of(find_base(base))
    assert refused.value.hint.endswith((".", "0", "login")) and refused.value.hint[:1].isupper()
    return refused.value


@pytest.mark.parametrize("kind", REFUSED_FILES)
def test_a_file_that_is_no_base_is_refused_by_what_it_is(tmp_path: Path, kind: str) -> None:
    shapes, sentence = REFUSED_FILES[kind]
    path = write(tmp_path / "given.safetensors", shapes)
    assert refusal(path).message == f"given.safetensors {sentence}"


def test_a_concept_of_ours_is_none(tmp_path: Path) -> None:
    path = write(tmp_path / "lily.safetensors", {"tokens/<lily>/vectors": (1, 8)}, likeness="{}")
    error = refusal(path)
    assert error.message == "lily.safetensors is a concept of Likeness, not a base model."
    assert error.hint == "Import it in the Library, with the base that it was made for open."


@pytest.mark.parametrize(
    "width", [(768, "stable_diffusion"), (1024, "stable_diffusion"), (2048, "stable_diffusion_xl")]
)
def test_a_file_is_of_the_family_whose_text_it_reads(tmp_path: Path, width: tuple[int, str]) -> None:
    path = write(tmp_path / "given.safetensors", WHOLE | {KEYS: (320, width[0])})
    assert family_of(find_base(path)) == width[1]


@pytest.mark.parametrize(
    ("said", "expected"),
    [("v", "v_prediction"), ("epsilon", "epsilon"), ("V_prediction", "v_prediction"), ("", "")],
)
def test_what_a_file_says_it_predicts_is_read(tmp_path: Path, said: str, expected: str) -> None:
    path = write(tmp_path / "given.safetensors", WHOLE, **{"modelspec.prediction_type": said})
    assert find_base(path).prediction == expected
    assert find_base(path, "epsilon").prediction == "epsilon"  # the user knows better


@pytest.mark.parametrize("name", ["old.ckpt", "old.pt", "old.bin", "renamed.safetensors"])
def test_pickles_are_never_opened(tmp_path: Path, name: str) -> None:
    torch.save({"state_dict": {}}, tmp_path / name)
    error = refusal(tmp_path / name)
    assert error.message == f"{name} holds pickled weights, which could run code and are never opened."


def test_a_file_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "given.safetensors", WHOLE)
    path.write_bytes(path.read_bytes()[:-10])
    assert "was cut short" in refusal(path).message
    path.write_bytes(b"")
    assert "was cut short" in refusal(path).message


def test_every_family_is_found_by_its_name() -> None:
    assert all(family.family == name for name, family in FAMILIES.items())
    assert family_of(find_base(STARTER)) == "stable_diffusion"


def weights(part: Path, name: str, **shapes: tuple[int, ...]) -> None:
    part.mkdir(exist_ok=True)
    save_file({key: torch.zeros(shape).half() for key, shape in shapes.items()}, part / name)


def whole_folder(
    path: Path, name: str = "model.safetensors", pipeline: str = "StableDiffusionPipeline"
) -> Path:
    """Return a folder that looks like one of diffusers, with a tensor in every part."""
    parts = {"unet": ["diffusers", "UNet2DConditionModel"], "vae": ["diffusers", "AutoencoderKL"]}
    rest = {"tokenizer": ["transformers", "CLIPTokenizer"], "safety_checker": [None, None]}
    for part in parts:
        weights(path / part, name, weight=(2, 2))
    return folder(path, {"_class_name": pipeline, **parts, **rest})


def test_a_family_that_is_not_known_is_refused_by_name(tmp_path: Path) -> None:
    error = refusal(whole_folder(tmp_path, pipeline="FluxPipeline"))
    assert error.message == f"{tmp_path.name} is a FluxPipeline."
    known = "flux2 klein, stable diffusion, stable diffusion xl, z image"
    assert error.hint == f"Likeness works on these families: {known}."


@pytest.mark.parametrize("content", ["not json", "[]", '"text"', "null", "[" * 100_000])
def test_an_index_that_cannot_be_read_is_refused_in_words(tmp_path: Path, content: str) -> None:
    (tmp_path / "model_index.json").write_text(content, encoding="utf-8")
    assert refusal(tmp_path).message == f"The model_index.json of {tmp_path.name} cannot be read."


def test_a_folder_without_an_index_names_the_checkpoints_in_it(tmp_path: Path) -> None:
    assert refusal(tmp_path).message == f"There is no model_index.json in {tmp_path.name}."
    path = write(tmp_path / "dream.safetensors", WHOLE)
    assert refusal(tmp_path).hint == f"Give --base one of its files, such as {path}."


@pytest.mark.parametrize("variant", ["", "fp16"])
def test_a_folder_without_one_of_several_files_of_weights_is_refused(tmp_path: Path, variant: str) -> None:
    dot = f".{variant}" if variant else ""
    shards = [f"model{dot}-0000{number}-of-00002.safetensors" for number in (1, 2)]
    whole_folder(tmp_path, f"model{dot}.safetensors")
    (tmp_path / "unet" / f"model{dot}.safetensors").unlink()
    for number, name in enumerate(shards):
        weights(tmp_path / "unet", name, **{f"weight_{number}": (2, 2)})
    index = tmp_path / "unet" / f"model.safetensors.index{dot}.json"
    index.write_text(json.dumps({"weight_map": {f"weight_{n}": name for n, name in enumerate(shards)}}))
    assert find_base(tmp_path).variant == variant
    (tmp_path / "unet" / shards[1]).unlink()
    assert refusal(tmp_path).message == f"{tmp_path.name} is incomplete: the weights of unet are missing."
    index.write_text("[]")
    assert refusal(tmp_path).message == f"{tmp_path.name} is incomplete: the weights of unet are missing."


def test_of_two_variants_the_whole_one_is_read(tmp_path: Path) -> None:
    whole_folder(tmp_path)
    whole_folder(tmp_path, "model.fp16.safetensors")
    assert find_base(tmp_path).variant == ""
    named = {"weight": "model.safetensors", "more": "gone.safetensors"}
    for part in ("unet", "vae"):
        (tmp_path / part / "model.safetensors.index.json").write_text(json.dumps({"weight_map": named}))
    assert find_base(tmp_path).variant == "fp16"


def test_a_folder_with_a_part_missing_is_refused_by_the_part(tmp_path: Path) -> None:
    made = whole_folder(tmp_path)
    (made / "vae" / "model.safetensors").unlink()
    assert refusal(made).message == f"{made.name} is incomplete: the weights of vae are missing."
    (made / "vae" / "diffusion_pytorch_model.bin").write_bytes(b"PK")
    assert refusal(made).message == (
        f"{made.name}/vae holds pickled weights, which could run code and are never opened."
    )


def test_a_folder_of_half_precision_alone_is_read_as_such(tmp_path: Path) -> None:
    made = whole_folder(tmp_path, "diffusion_pytorch_model.fp16.safetensors")
    files = find_base(made)
    assert files.variant == "fp16" and files.precisions["unet"] == "F16"
    weights(made / "unet", "diffusion_pytorch_model.safetensors", weight=(2, 2))
    assert find_base(made).variant == "fp16"  # which all parts have
    weights(made / "vae", "diffusion_pytorch_model.safetensors", weight=(2, 2))
    assert find_base(made).variant == ""


def test_an_inpainting_folder_is_refused(tmp_path: Path) -> None:
    made = whole_folder(tmp_path)
    (made / "unet" / "config.json").write_text('{"in_channels": 9}')
    (made / "vae" / "config.json").write_text('{"latent_channels": 4}')
    assert refusal(made).message == (
        f"{made.name} is an inpainting model: it reads 9 channels where others read 4."
    )


def test_a_folder_that_diffusers_cannot_load_says_why(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="cannot be opened: ") as refused:
        open_backbone(whole_folder(tmp_path))
    assert len(refused.value.message) < 400 and not refused.value.message.endswith("..")


@pytest.mark.parametrize("base", ["/no/such/base", "./nothing", "~/nothing/here", "some/name.safetensors"])
def test_a_path_without_a_base_is_not_looked_for_on_the_hub(
    base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub, "fetch", lambda name: pytest.fail("the hub was asked"))
    with pytest.raises(StudioError, match="There is no base model at"):
        find_base(base)


def test_a_prediction_that_there_is_not_is_refused() -> None:
    with pytest.raises(StudioError, match="No base predicts 'x0'"):
        find_base(STARTER, "x0")


def test_a_base_that_does_not_fit_the_memory_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20 GiB.")

    monkeypatch.setattr(FAMILIES["stable_diffusion"], "load", too_large)
    with pytest.raises(StudioError, match="starter needs more memory than the device has."):
        open_backbone(STARTER)


def test_whole_numbers_and_marks_do_not_make_a_file_larger(tmp_path: Path) -> None:
    tensors = {name: torch.zeros(shape).half() for name, shape in WHOLE.items()}
    tensors |= {"cond_stage_model.transformer.text_model.embeddings.position_ids": torch.arange(77)[None]}
    save_file({**tensors, "v_pred": torch.zeros(0)}, tmp_path / "given.safetensors")
    assert find_base(tmp_path / "given.safetensors").precisions == {"": "F16"}


def test_a_part_in_both_precisions_does_not_hide_that_the_half_is_whole(tmp_path: Path) -> None:
    made = whole_folder(tmp_path, "diffusion_pytorch_model.fp16.safetensors")
    weights(made / "vae", "diffusion_pytorch_model.safetensors", weight=(2, 2))
    assert find_base(made).variant == "fp16"


def test_weights_on_the_cpu_run_in_full_precision() -> None:
    assert running_dtype("cpu") == torch.float32


def test_weights_are_loaded_in_the_precision_of_their_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """In full precision Stable Diffusion XL would need 14 GB of memory, whatever it runs in."""
    seen: list[torch.dtype] = []
    family = FAMILIES["stable_diffusion"]
    before = family.__init__

    def look(self: object, name: str, *parts: object) -> None:
        seen.extend(part.dtype for part in parts[1:4])  # type: ignore[attr-defined]
        before(self, name, *parts)

    monkeypatch.setattr(family, "__init__", look)
    assert open_backbone(STARTER).unet.dtype == torch.float32
    assert seen == [torch.float16] * 3
