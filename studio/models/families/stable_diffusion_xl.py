"""Stable Diffusion XL and its descendants (Podell et al. 2023, arXiv 2307.01952).

Beside the tokens of two text encoders, the U-Net reads a pooled encoding of the whole prompt and the size of
the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionXLPipeline, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer

from studio.bases.base_files import CONFIGS, BaseFiles
from studio.models.clip_tokenizer import clip_tokenizer
from studio.models.loading import load_pipeline
from studio.models.paired_text_reader import PairedTextReader
from studio.models.unet_backbone import UNetBackbone
from studio.models.words import Words

CONFIG = CONFIGS / "stable_diffusion_xl"


class StableDiffusionXL(UNetBackbone):
    """A model of Stable Diffusion XL's classes, of any size."""

    family = "stable_diffusion_xl"
    kinds = ("stable diffusion xl",)

    def __init__(
        self,
        name: str,
        tokenizer: CLIPTokenizer,
        text_encoder: CLIPTextModel,
        text_encoder_2: CLIPTextModelWithProjection,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL,
        schedule: Mapping[str, Any],
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        second_pad_id: int = 0,
    ) -> None:
        self.tokenizer = tokenizer
        text = PairedTextReader(tokenizer, text_encoder, text_encoder_2, second_pad_id)
        encoders = {"text_encoder": text_encoder, "text_encoder_2": text_encoder_2}
        super().__init__(name, text, encoders, unet, vae, schedule, device, dtype)

    @classmethod
    def load(cls, files: BaseFiles, device: torch.device, dtype: torch.dtype) -> StableDiffusionXL:
        """See `Backbone.load`. A file brings no tokenizer; both encoders read CLIP's."""
        own = {}
        if files.text_width:
            own = {"tokenizer": clip_tokenizer(), "tokenizer_2": clip_tokenizer()}
        pipeline = load_pipeline(files, StableDiffusionXLPipeline, CONFIG, **own)
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.text_encoder_2)
        pad_id = 0 if own else pipeline.tokenizer_2.pad_token_id
        schedule = files.schedule(pipeline.scheduler.config)
        return cls(files.name, *parts, pipeline.unet, pipeline.vae, schedule, device, dtype, pad_id)

    def low_rank_sites(self, text_encoder: bool) -> dict[str, nn.Linear]:
        """See `Backbone.low_rank_sites`; without the first encoder's last layer, whose output is not read."""
        last = self.text_encoders["text_encoder"].config.num_hidden_layers - 1
        unread = f"text_encoder.encoder.layers.{last}."
        sites = super().low_rank_sites(text_encoder)
        return {site: layer for site, layer in sites.items() if not site.startswith(unread)}

    def _added_conditions(self, noisy: Tensor, words: Words) -> dict[str, Tensor]:
        """Return the pooled prompt, and the sizes of a picture that was neither scaled nor cropped.

        In training too: photos are squares that a person has cropped, and what they showed before does not
        matter.
        """
        pixels = self.resolution // self._side
        height, width = (pixels * side for side in noisy.shape[-2:])
        sizes = torch.tensor([height, width, 0, 0, height, width], device=noisy.device, dtype=self.dtype)
        assert words.pooled is not None  # `PairedTextReader` always gives it
        return {"text_embeds": words.pooled.to(self.dtype), "time_ids": sizes.expand(len(noisy), -1)}
