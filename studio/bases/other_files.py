"""Recognises safetensors files that are no base model, by the names of their tensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studio.words import tr

IN_THE_LIBRARY = tr("Import it in the Library, with the base that it was made for open.")
ITS_BASE = tr("Choose the checkpoint that it was made for.")
WHOLE = tr("Choose the whole checkpoint, or the diffusers folder.")
FOLDER = tr("Give --base the diffusers folder of the model, which has the text encoder and the VAE too.")
CONCEPTS = ("lora_", ".lora_A.", ".lora_B.", ".lora.down.", ".lora.up.", ".hada_", ".lokr_", "bundle_emb.")
WORD = tr("a learned word (an embedding)")
EMBEDDINGS = {"emb_params", "clip_l", "clip_g", "qwen3_4b"}
EDM = ("edm_mean", "edm_vpred.sigma_max")  # the noise of Karras et al. (2022, arXiv 2206.00364)
TRANSFORMERS = {  # a name that no other network has, with what it is
    "double_blocks.0.": tr("the denoiser of a FLUX model alone"),
    "single_transformer_blocks.0.": tr("the denoiser of a FLUX model alone"),
    "layers.0.attention.": tr("the denoiser of a Z-Image or Lumina model alone"),
    "joint_blocks.0.": tr("the denoiser of a Stable Diffusion 3 model alone"),
    "blocks.0.cross_attn.": tr("the denoiser of a video or Cosmos model alone"),
}


@dataclass(frozen=True)
class OtherFile:
    """What a file is, with an article, and what to do with it."""

    kind: str
    hint: str


def kind_of_other_file(
    shapes: Mapping[str, tuple[int, ...]], metadata: Mapping[str, str]
) -> OtherFile | None:
    """Return what a file is if it holds no base model; None if it may be a checkpoint.

    Args:
        shapes: by name, the shape of every tensor.
        metadata: that of the file.
    """
    if "likeness" in metadata:
        return OtherFile(tr("a concept of Likeness"), IN_THE_LIBRARY)
    if any(part in name for name in shapes for part in CONCEPTS):
        return OtherFile(tr("a LoRA"), ITS_BASE)
    if shapes and set(shapes) <= EMBEDDINGS:
        return OtherFile(WORD, ITS_BASE)
    if any(name.startswith(("control_model.", "controlnet_", "input_hint_block.")) for name in shapes):
        return OtherFile(tr("a ControlNet"), WHOLE)
    if any(name in shapes for name in EDM):
        hint = tr("Choose one that predicts noise or v, such as Stable Diffusion XL itself.")
        return OtherFile(tr("a model of another kind of noise (EDM), such as Playground 2.5 or CosXL"), hint)
    for start, kind in TRANSFORMERS.items():
        if any(name.removeprefix("model.diffusion_model.").startswith(start) for name in shapes):
            return OtherFile(kind, FOLDER)
    return _part_of_a_checkpoint(shapes)


def _is_one_word(shapes: Mapping[str, tuple[int, ...]]) -> bool:
    """Return whether a file holds nothing but the vectors of a word."""
    return len(shapes) == 1 and all(len(shape) in (1, 2) and shape[-1] <= 4096 for shape in shapes.values())


def _part_of_a_checkpoint(shapes: Mapping[str, tuple[int, ...]]) -> OtherFile | None:
    """Return which part of a Stable Diffusion checkpoint a file is; None if it has all that is needed."""
    has_denoiser = any(name.startswith("model.diffusion_model.") for name in shapes)
    has_text = any(name.startswith(("cond_stage_model.", "conditioner.")) for name in shapes)
    has_vae = any(name.startswith("first_stage_model.") for name in shapes)
    if any(name.startswith("conditioner.embedders.0.model.") for name in shapes):
        return OtherFile(tr("the refiner of Stable Diffusion XL"), tr("Choose Stable Diffusion XL itself."))
    if has_denoiser and has_text and has_vae:
        return None
    if has_denoiser:
        if has_vae:
            return OtherFile(tr("a checkpoint without its text encoder"), WHOLE)
        if has_text:
            return OtherFile(tr("a checkpoint without its VAE"), WHOLE)
        return OtherFile(tr("a checkpoint without its text encoder and VAE"), WHOLE)
    starts = {name.split(".")[0] for name in shapes}
    if has_vae or starts & {"decoder", "post_quant_conv"}:
        return OtherFile(tr("a VAE alone"), WHOLE)
    if has_text or starts & {"text_model", "token_embedding"}:
        return OtherFile(tr("a text encoder alone"), WHOLE)
    if starts & {"down_blocks", "transformer_blocks", "mid_block"}:
        return OtherFile(tr("one part of a diffusers folder"), FOLDER)
    if _is_one_word(shapes):
        return OtherFile(WORD, ITS_BASE)
    return OtherFile(tr("a file that Likeness does not know"), WHOLE)
