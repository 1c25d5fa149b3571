"""Z-Image (Cai et al. 2025, arXiv 2511.22699): a transformer that reads picture and prompt in one sequence.

Its prompts are read by a language model. What it calls a guidance of g is ours of g + 1: it adds g times the
difference to what the prompt predicts, we to what the negative prompt predicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, ZImagePipeline, ZImageTransformer2DModel
from torch import Tensor, nn

from studio.bases.base_files import BaseFiles
from studio.models.flow import TIMESTEPS
from studio.models.joint_attention import JointAttention, Layout
from studio.models.language_reader import LanguageReader
from studio.models.loading import load_pipeline
from studio.models.transformer_backbone import TransformerBackbone
from studio.models.words import Words
from studio.words import marked

TEXT_TOKENS = 512
PATCH = 2  # cells of a latent that make a token, along each side
CONTEXT_REFINER, NOISE_REFINER = "transformer.context_refiner.", "transformer.noise_refiner."
MULTIPLE = 32  # to which the cells of a picture, and the tokens of a prompt, are filled up


class ZImage(TransformerBackbone):
    """A model of Z-Image's classes, of any size."""

    family = "z_image"
    kinds = ("zimage",)
    distilled = marked("it was distilled to few steps; train on Z-Image itself, and paint with this one")
    # What trainers of it tune: attention and feed-forward of the main layers, without the refiners.
    projections = (".to_q", ".to_k", ".to_v", ".to_out.0", ".w1", ".w2", ".w3")
    blocks = ("transformer.layers.",)

    def __init__(
        self,
        name: str,
        tokenizer: Any,
        text_encoder: nn.Module,
        transformer: ZImageTransformer2DModel,
        vae: AutoencoderKL,
        schedule: Mapping[str, Any],
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        text_tokens: int = TEXT_TOKENS,
    ) -> None:
        text = LanguageReader(tokenizer, text_encoder, text_tokens)
        super().__init__(name, text, text_encoder, transformer, vae, schedule, device, dtype)
        layers = list(transformer.layers)
        self.attention = JointAttention(
            {
                f"transformer.layers.{number}.attention": layer.attention
                for number, layer in enumerate(layers)
            },
            readers=[layer.attention for layer in transformer.context_refiner],
            refiners=[layer.attention for layer in transformer.noise_refiner],
        )
        self.feature_layer = layers[len(layers) // 2]
        self.attention_side = self.shape_of()[1] // PATCH

    @classmethod
    def load(cls, files: BaseFiles, device: torch.device, dtype: torch.dtype) -> ZImage:
        """See `Backbone.load`."""
        pipeline = load_pipeline(files, ZImagePipeline)
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.transformer, pipeline.vae)
        return cls(files.name, *parts, pipeline.scheduler.config, device, dtype)

    def shape_of(self, width: int = 0, height: int = 0) -> tuple[int, int, int]:
        """See `Backbone.shape_of`."""
        scale = PATCH * self.pixels_per_cell
        sides = (PATCH * max(1, round((pixels or self.resolution) / scale)) for pixels in (height, width))
        return self.transformer.config.in_channels, *sides

    def predict(self, noisy: Tensor, timesteps: Tensor, words: Words) -> Tensor:
        """See `Backbone.predict`. Its time runs backwards, and so does the velocity that it predicts."""
        words = self.sole_reading(words)
        assert words.present is not None  # `LanguageReader` gives it unless it keeps padding
        hidden = words.hidden.to(self.dtype)
        prompts = [row[present] for row, present in zip(hidden, words.present, strict=True)]
        time = ((TIMESTEPS - timesteps) / TIMESTEPS).expand(len(noisy))
        pictures = list(noisy.to(self.dtype)[:, :, None])
        height, width = (side // PATCH for side in noisy.shape[-2:])
        first_token = -(-height * width // MULTIPLE) * MULTIPLE
        with self.attention.predicting(Layout(height, width, words.present, 0, first_token)):
            velocity = self.transformer(pictures, time, prompts, return_dict=False)[0]
        return -torch.stack(velocity).squeeze(2).float()

    def reads_text(self, site: str) -> bool:
        """See `Backbone.reads_text`. The main layers read both."""
        return self.in_text_encoder(site) or site.startswith(("transformer.cap_", "transformer.context_"))

    def reads_both(self, site: str) -> bool:
        """See `Backbone.reads_both`."""
        return site.startswith(self.blocks)

    def mask_rows(
        self, site: str, tokens: Tensor, area: Tensor | None, prompts: int, positions: int
    ) -> Tensor | None:
        """See `Backbone.mask_rows`. The refiners' sequences are filled up to a multiple as well."""
        if site.startswith(CONTEXT_REFINER):
            return self.attention.token_rows(tokens, positions)
        if site.startswith(NOISE_REFINER) and area is not None:
            return self.attention.cell_rows(area, positions)
        return super().mask_rows(site, tokens, area, prompts, positions)
