"""The real Stable Diffusion architectures, with random weights."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from studio.models.families.stable_diffusion import StableDiffusion
from tests import tiny

SHAPES = {
    "sd-1.5": {
        "unet": {"cross_attention_dim": 768, "attention_head_dim": 8},
        "text": {
            "hidden_size": 768,
            "intermediate_size": 3072,
            "num_hidden_layers": 12,
            "num_attention_heads": 12,
        },
        "low_rank": 797_184,
        "weights": 859_520_964,
        "prediction_type": "epsilon",
    },
    "sd-2.1": {
        "unet": {
            "cross_attention_dim": 1024,
            "attention_head_dim": [5, 10, 20, 20],
            "use_linear_projection": True,
        },
        "text": {
            "hidden_size": 1024,
            "intermediate_size": 4096,
            "num_hidden_layers": 23,
            "num_attention_heads": 16,
        },
        "low_rank": 829_952,
        "weights": 865_910_724,
        "prediction_type": "v_prediction",
    },
}


def unet(name: str, side: int) -> UNet2DConditionModel:
    """The U-Net for latents of this side, on whatever device is the default."""
    return UNet2DConditionModel(sample_size=side, **SHAPES[name]["unet"])


def real(name: str, side: int) -> StableDiffusion:
    """A backbone of the real shapes, its weights uniform noise; pictures are of 8 `side` pixels."""
    shapes = SHAPES[name]
    words = tiny.tokenizer()
    ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": 0}
    with torch.device("meta"):
        parts = (
            CLIPTextModel(CLIPTextConfig(vocab_size=49408, hidden_act="quick_gelu", **ids, **shapes["text"])),
            unet(name, side),
            AutoencoderKL(
                block_out_channels=(128, 256, 512, 512),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
                sample_size=8 * side,
            ),
        )
    generator = torch.Generator().manual_seed(0)
    for part in parts:
        part.to_empty(device="cpu")
        for tensor in (*part.parameters(), *part.buffers()):
            if tensor.is_floating_point():
                tensor.data.uniform_(-0.02, 0.02, generator=generator)
            else:
                tensor.copy_(torch.arange(tensor.numel()).view_as(tensor))
    schedule = {
        "prediction_type": shapes["prediction_type"],
        "beta_schedule": "scaled_linear",
        "beta_start": 0.00085,
        "beta_end": 0.012,
        "steps_offset": 1,
    }
    return StableDiffusion(name, words, *parts, schedule)
