"""Writes a tiny base as one checkpoint file, with the names that the first latent diffusion models gave.

The names are those that published checkpoints have; a test reads the file back with diffusers' own converter.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from studio.models.unet_backbone import UNetBackbone

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTER = {
    "conv_in": "input_blocks.0.0",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
OPEN_CLIP = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "self_attn.out_proj": "attn.out_proj",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
}


def write_checkpoint(
    made: UNetBackbone, path: Path, dtype: torch.dtype = torch.float16, **more: Tensor
) -> None:
    """Write a base as one file; `more` are extra tensors, such as the marker `v_pred`."""
    tensors = {f"model.diffusion_model.{name}": weight for name, weight in unet_names(made).items()}
    tensors |= {f"first_stage_model.{name}": weight for name, weight in vae_names(made).items()}
    encoders = {part: encoder.state_dict() for part, encoder in made.text_encoders.items()}
    if len(encoders) > 1:
        first, second = encoders["text_encoder"], encoders["text_encoder_2"]
        tensors |= clip_names(first, "conditioner.embedders.0.transformer.text_model.")
        tensors |= open_clip_names(second, "conditioner.embedders.1.model.")
    elif made.text.width == 48:  # stands for Stable Diffusion 2
        tensors |= open_clip_names(encoders["text_encoder"], "cond_stage_model.model.")
    else:
        tensors |= clip_names(encoders["text_encoder"], "cond_stage_model.transformer.text_model.")
    stored = {name: weight.detach().to(dtype).contiguous().clone() for name, weight in tensors.items()}
    save_file({**stored, **more}, path)


def unet_names(made: UNetBackbone) -> dict[str, Tensor]:
    """Return the weights of the U-Net under their old names."""
    config = made.unet.config
    places = dict(OUTER)
    number = 1
    for level, kind in enumerate(config.down_block_types):
        for layer in range(config.layers_per_block):
            places[f"down_blocks.{level}.resnets.{layer}"] = f"input_blocks.{number}.0"
            if "CrossAttn" in kind:
                places[f"down_blocks.{level}.attentions.{layer}"] = f"input_blocks.{number}.1"
            number += 1
        if level + 1 < len(config.down_block_types):
            places[f"down_blocks.{level}.downsamplers.0.conv"] = f"input_blocks.{number}.0.op"
            number += 1
    number = 0
    for level, kind in enumerate(config.up_block_types):
        for layer in range(config.layers_per_block + 1):
            places[f"up_blocks.{level}.resnets.{layer}"] = f"output_blocks.{number}.0"
            if "CrossAttn" in kind:
                places[f"up_blocks.{level}.attentions.{layer}"] = f"output_blocks.{number}.1"
            number += 1
        if level + 1 < len(config.up_block_types):
            after = 2 if "CrossAttn" in kind else 1
            places[f"up_blocks.{level}.upsamplers.0.conv"] = f"output_blocks.{number - 1}.{after}.conv"
    named = {}
    for name, weight in made.unet.state_dict().items():
        place = max((place for place in places if name.startswith(f"{place}.")), key=len)
        rest = name.removeprefix(f"{place}.")
        if ".resnets." in f".{place}":
            part, _, end = rest.rpartition(".")
            rest = f"{RESNET[part]}.{end}"
        named[f"{places[place]}.{rest}"] = weight
    return named


def vae_names(made: UNetBackbone) -> dict[str, Tensor]:
    """Return the weights of the autoencoder under their old names."""
    levels = len(made.vae.config.block_out_channels)
    named = {}
    for name, weight in made.vae.state_dict().items():
        old = re.sub(r"down_blocks\.(\d+)\.resnets\.(\d+)", r"down.\1.block.\2", name)
        old = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", old)
        for up in range(levels):
            old = old.replace(f"up_blocks.{up}.resnets", f"up.{levels - 1 - up}.block")
            old = old.replace(f"up_blocks.{up}.upsamplers.0", f"up.{levels - 1 - up}.upsample")
        for number in (0, 1):
            old = old.replace(f"mid_block.resnets.{number}", f"mid.block_{number + 1}")
        old = old.replace("conv_norm_out", "norm_out").replace("conv_shortcut", "nin_shortcut")
        if "mid_block.attentions.0" in old:
            for new, first in VAE_ATTENTION.items():
                old = old.replace(f"mid_block.attentions.0.{new}", f"mid.attn_1.{first}")
            if weight.ndim == 2:
                weight = weight[..., None, None]  # they were convolutions
        named[old] = weight
    return named


def clip_names(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the weights of CLIP's text encoder with a prefix, as transformers called them of old."""
    return {prefix + name.removeprefix("text_model."): weight for name, weight in weights.items()}


def open_clip_names(weights: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """Return the weights of a text encoder under open_clip's names."""
    plain = {name.removeprefix("text_model."): weight for name, weight in weights.items()}
    outer = {
        "embeddings.token_embedding.weight": "token_embedding.weight",
        "embeddings.position_embedding.weight": "positional_embedding",
        "final_layer_norm.weight": "ln_final.weight",
        "final_layer_norm.bias": "ln_final.bias",
    }
    named = {prefix + old: plain.pop(new) for new, old in outer.items()}
    width = named[f"{prefix}positional_embedding"].shape[1]
    projection = plain.pop("text_projection.weight", torch.eye(width))
    named[f"{prefix}text_projection"] = projection.T
    for name, weight in plain.items():
        layer, _, rest = name.removeprefix("encoder.layers.").partition(".")
        block = f"{prefix}transformer.resblocks.{layer}."
        part, _, end = rest.rpartition(".")
        if part in OPEN_CLIP:
            named[f"{block}{OPEN_CLIP[part]}.{end}"] = weight
        elif part == "self_attn.q_proj":
            stem = f"encoder.layers.{layer}.self_attn."
            together = [plain[f"{stem}{which}_proj.{end}"] for which in "qkv"]
            named[f"{block}attn.in_proj_{end}"] = torch.cat(together)
    return named
