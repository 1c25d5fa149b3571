"""A tiny random-weight FLUX.2 klein: two streams that become one sequence, and Qwen3 that reads for it."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKLFlux2, Flux2Transformer2DModel
from transformers import Qwen3Config, Qwen3ForCausalLM

from studio.models.families.flux2_klein import Flux2Klein
from tests.tiny_z_image import tokenizer

WIDTH = 32
TOKENS = 80
LAYERS = (1, 2, 4)
SCHEDULE = {"num_train_timesteps": 1000, "shift": 3.0, "use_dynamic_shifting": True}


def vae() -> AutoencoderKLFlux2:
    """Return an autoencoder that halves the sides; the channels of its latents differ in mean and spread."""
    made = AutoencoderKLFlux2(
        block_out_channels=(8, 16),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=16,
        mid_block_add_attention=False,
    )
    made.bn.running_mean.normal_()
    made.bn.running_var.uniform_(0.25, 4)
    return made


def backbone(
    dtype: torch.dtype = torch.float32, name: str = "tiny-klein", is_distilled: bool = False
) -> Flux2Klein:
    """Return a backbone with two layers of each kind and 16 px pictures."""
    torch.manual_seed(0)
    words = tokenizer()
    text = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=len(words),
            hidden_size=WIDTH,
            intermediate_size=2 * WIDTH,
            num_hidden_layers=5,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=8,
            max_position_embeddings=2 * TOKENS,
        )
    )
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=2,
        num_single_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=len(LAYERS) * WIDTH,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    parts = (words, text, transformer, vae(), SCHEDULE)
    made = Flux2Klein(name, *parts, dtype=dtype, text_tokens=TOKENS, text_layers=LAYERS)
    made.is_distilled = is_distilled
    return made
