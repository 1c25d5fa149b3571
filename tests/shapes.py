"""The real Stable Diffusion architectures, with random weights."""

from __future__ import annotations

import json
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from studio.bases.base_files import CONFIGS
from studio.models.clip_tokenizer import clip_tokenizer
from studio.models.families.stable_diffusion import StableDiffusion
from studio.models.families.stable_diffusion_xl import StableDiffusionXL
from studio.models.unet_backbone import UNetBackbone

# folder: of its configs; low_rank: the numbers of a rank-4 change to `sites` layers; weights: of the U-Net
SHAPES = {
    "sd-1.5": {
        "folder": "stable_diffusion_1",
        "sites": 128,
        "low_rank": 797_184,
        "weights": 859_520_964,
    },
    "sd-2.1": {
        "folder": "stable_diffusion_2",
        "sites": 128,
        "low_rank": 829_952,
        "weights": 865_910_724,
        "prediction_type": "v_prediction",
    },
    "sdxl": {
        "folder": "stable_diffusion_xl",
        "sites": 560,
        "low_rank": 5_806_080,
        "weights": 2_567_463_684,
    },
}


def config(name: str, part: str) -> dict[str, Any]:
    """Return the published config of a part of an architecture, such as its U-Net."""
    folder = CONFIGS / SHAPES[name]["folder"] / part
    return json.loads(next(folder.glob("*config.json")).read_text(encoding="utf-8"))


def unet(name: str, side: int) -> UNet2DConditionModel:
    """The U-Net for latents of this side, on whatever device is the default."""
    return UNet2DConditionModel.from_config({**config(name, "unet"), "sample_size": side})


def encoder(name: str, part: str) -> nn.Module:
    """A text encoder, on whatever device is the default."""
    made = CLIPTextConfig(**config(name, part))
    kind = CLIPTextModelWithProjection if "WithProjection" in made.architectures[0] else CLIPTextModel
    return kind(made)


def fill(part: nn.Module, generator: torch.Generator, device: str, dtype: torch.dtype) -> None:
    """Give a module without memory weights of uniform noise."""
    part.to(dtype).to_empty(device=device)
    for tensor in (*part.parameters(), *part.buffers()):
        if tensor.is_floating_point():
            tensor.data.uniform_(-0.02, 0.02, generator=generator)
        else:
            tensor.copy_(torch.arange(tensor.numel()).view_as(tensor))


def real(name: str, side: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> UNetBackbone:
    """A backbone of the real shapes, its weights uniform noise; pictures are of 8 `side` pixels."""
    family = StableDiffusionXL if name == "sdxl" else StableDiffusion
    encoders = ("text_encoder", "text_encoder_2")[: 2 if name == "sdxl" else 1]
    with torch.device("meta"):
        vae = AutoencoderKL.from_config({**config(name, "vae"), "sample_size": 8 * side})
        parts = (*(encoder(name, part) for part in encoders), unet(name, side), vae)
    generator = torch.Generator(device).manual_seed(0)
    for part in parts:
        fill(part, generator, device, dtype)
    schedule = config(name, "scheduler")
    schedule["prediction_type"] = SHAPES[name].get("prediction_type", "epsilon")
    return family(name, clip_tokenizer(), *parts, schedule, device, dtype)
