"""Files as other programs write them, made of random factors, and what they should do to a weight."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from studio.edits import LowRank
from studio.importing.foreign_concept import Imported, import_concept
from studio.interop.foreign_file import look_at
from studio.models.backbone import Backbone

QUERY = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_q"
KEY = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k"
OUT = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_out.0"
CONV = "unet.down_blocks.0.resnets.0.conv1"
PROJ = "unet.down_blocks.0.attentions.0.proj_in"
TEXT = "text_encoder.encoder.layers.0.self_attn.q_proj"


def factors(backbone: Backbone, site: str, rank: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return factors (down, up) of a layer, kernels for a convolution."""
    generator, shape = torch.Generator().manual_seed(seed), backbone.sites[site].weight.shape
    down = torch.randn(rank, *shape[1:], generator=generator)
    return down, torch.randn(shape[0], rank, *(1 for _ in shape[2:]), generator=generator)


def kohya(site: str) -> str:
    network, _, path = site.partition(".")
    prefix = "lora_te_text_model_" if network == "text_encoder" else "lora_unet_"
    return prefix + path.replace(".", "_")


def opened(path: Path, backbone: Backbone, **more: Any) -> Imported:
    return import_concept(look_at(path), backbone, "<lily>", "cat", **more)


def edit_of(imported: Imported) -> LowRank:
    (edit,) = (edit for edit in imported.concept.edits if isinstance(edit, LowRank))
    return edit


def change(edit: LowRank, site: str) -> Tensor:
    return edit.B[site].flatten(1) @ edit.A[site].flatten(1)


def saved(path: Path, tensors: Mapping[str, Tensor], **metadata: str) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, metadata or None)
    return path
