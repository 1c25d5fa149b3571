"""FLUX.2 klein base (Black Forest Labs 2025): a transformer of two streams that become one sequence.

Its prompts are read by Qwen3. The tokens are the first part of every sequence, their padding among them.
Guidance is counted as here: 1 is none. How far its noise levels are shifted depends on the size of a picture
and the number of steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import AutoencoderKLFlux2, Flux2KleinPipeline, Flux2Transformer2DModel
from diffusers.pipelines.flux2.pipeline_flux2_klein import compute_empirical_mu
from torch import Tensor, nn

from studio.bases.base_files import BaseFiles
from studio.models.flow import TIMESTEPS
from studio.models.joint_attention import JointAttention, Layout
from studio.models.language_reader import LanguageReader
from studio.models.loading import load_pipeline
from studio.models.patched_latents import PatchedLatents
from studio.models.transformer_backbone import TransformerBackbone
from studio.models.words import Words
from studio.words import marked

TEXT_TOKENS = 512
TEXT_LAYERS = (9, 18, 27)  # of Qwen3
DOUBLE, SINGLE = "transformer.transformer_blocks.", "transformer.single_transformer_blocks."
OF_TOKENS = ("add", "context")  # in the names of the layers of the first blocks that the tokens go through


class Flux2Klein(PatchedLatents, TransformerBackbone):
    """A model of FLUX.2 klein's classes, of any size."""

    family = "flux2_klein"
    kinds = ("flux2 klein",)
    distilled = marked("it was distilled to few steps; train on FLUX.2 klein base, and paint with this one")
    # Most of its blocks have one layer for queries, keys, values and feed-forward, and one after them.
    # Without these two, tuning learns the class of a subject and little of the subject (diffusers#13011).
    projections = (
        *(".to_q", ".to_k", ".to_v", ".to_out.0", ".add_q_proj", ".add_k_proj", ".add_v_proj", ".to_add_out"),
        *(".linear_in", ".linear_out", ".attn.to_qkv_mlp_proj", ".attn.to_out"),
    )
    blocks = (DOUBLE, SINGLE)

    def __init__(
        self,
        name: str,
        tokenizer: Any,
        text_encoder: nn.Module,
        transformer: Flux2Transformer2DModel,
        vae: AutoencoderKLFlux2,
        schedule: Mapping[str, Any],
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        text_tokens: int = TEXT_TOKENS,
        text_layers: Sequence[int] = TEXT_LAYERS,
    ) -> None:
        text = LanguageReader(
            tokenizer, text_encoder, text_tokens, text_layers, thinking=False, keeps_padding=True
        )
        super().__init__(name, text, text_encoder, transformer, vae, schedule, device, dtype)
        double, single = list(transformer.transformer_blocks), list(transformer.single_transformer_blocks)
        # The first blocks alone are recorded: LoRAShop (Dalva et al. 2025, arXiv 2505.23758) finds objects in
        # such blocks, and maps of all would need five times the memory.
        self.attention = JointAttention(
            {f"{DOUBLE}{number}.attn": block.attn for number, block in enumerate(double)},
            others=[block.attn for block in single],
        )
        self.feature_layer = single[len(single) // 2]
        self.attention_side = self.shape_of()[1]

    @classmethod
    def load(cls, files: BaseFiles, device: torch.device, dtype: torch.dtype) -> Flux2Klein:
        """See `Backbone.load`."""
        pipeline = load_pipeline(files, Flux2KleinPipeline)
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.transformer, pipeline.vae)
        return cls(files.name, *parts, pipeline.scheduler.config, device, dtype)

    def shape_of(self, width: int = 0, height: int = 0) -> tuple[int, int, int]:
        """See `Backbone.shape_of`."""
        scale = self.pixels_per_cell
        sides = (max(1, round((pixels or self.resolution) / scale)) for pixels in (height, width))
        return self.transformer.config.in_channels, *sides

    # diffusion

    def shift_of(self, shape: Sequence[int], steps: int) -> float:
        """See `FlowBackbone.shift_of`: larger for larger pictures, and for fewer steps."""
        if not self.schedule.config.use_dynamic_shifting:
            return super().shift_of(shape, steps)
        _, height, width = shape
        return math.exp(compute_empirical_mu(height * width, steps))

    def predict(self, noisy: Tensor, timesteps: Tensor, words: Words) -> Tensor:
        """See `Backbone.predict`."""
        hidden = self.sole_reading(words).hidden.to(self.dtype)
        height, width = noisy.shape[-2:]
        tokens = hidden.shape[1]
        present = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        rows, columns, numbers = (
            torch.arange(count, device=noisy.device) for count in (height, width, tokens)
        )
        none = torch.zeros(1, dtype=torch.long, device=noisy.device)
        with self.attention.predicting(Layout(height, width, present, first_cell=tokens, first_token=0)):
            velocity = self.transformer(
                hidden_states=noisy.to(self.dtype).flatten(2).transpose(1, 2),
                encoder_hidden_states=hidden,
                timestep=(timesteps / TIMESTEPS).expand(len(noisy)),
                img_ids=torch.cartesian_prod(none, rows, columns, none),
                # the reading of each region is counted anew: no other's stands before it
                txt_ids=torch.cartesian_prod(none, none, none, numbers % self.text.length),
                return_dict=False,
            )[0]
        return velocity.float().transpose(1, 2).unflatten(2, (height, width))

    # where edits go

    def reads_text(self, site: str) -> bool:
        """See `Backbone.reads_text`. The first blocks read tokens and cells by layers of their own."""
        of_tokens = site.startswith(DOUBLE) and any(part in site for part in OF_TOKENS)
        return of_tokens or self.in_text_encoder(site) or site == "transformer.context_embedder"

    def reads_both(self, site: str) -> bool:
        """See `Backbone.reads_both`."""
        return site.startswith(SINGLE)
