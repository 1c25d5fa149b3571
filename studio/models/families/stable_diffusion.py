"""Stable Diffusion 1.x and 2.x, and any model of the same classes, such as the starter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from studio.bases.base_files import CONFIGS, BaseFiles
from studio.errors import StudioError
from studio.models.clip_tokenizer import clip_tokenizer
from studio.models.loading import load_pipeline
from studio.models.text_reader import TextReader
from studio.models.unet_backbone import UNetBackbone

SINGLE_FILES = {  # by the width of the text that the U-Net reads, the configs of a model in a single file
    768: CONFIGS / "stable_diffusion_1",
    1024: CONFIGS / "stable_diffusion_2",
}
SIDE_OF_EPSILON = 64  # of the latents of Stable Diffusion 2 "base", which predicts epsilon
OPEN_CLIP_PADDING = 0  # with which Stable Diffusion 2 was trained


class StableDiffusion(UNetBackbone):
    """A Stable Diffusion model of any size, with one text encoder."""

    family = "stable_diffusion"
    kinds = ("stable diffusion", "stable diffusion 1", "stable diffusion 2")

    def __init__(
        self,
        name: str,
        tokenizer: CLIPTokenizer,
        text_encoder: CLIPTextModel,
        unet: UNet2DConditionModel,
        vae: AutoencoderKL,
        schedule: Mapping[str, Any],
        device: str | torch.device = "cpu",
        dtype: torch.dtype = torch.float32,
        pad_id: int | None = None,
    ) -> None:
        self.tokenizer, self.text_encoder = tokenizer, text_encoder
        text = TextReader(tokenizer, text_encoder, pad_id)
        encoders = {"text_encoder": text_encoder}
        super().__init__(name, text, encoders, unet, vae, schedule, device, dtype)

    @classmethod
    def load(cls, files: BaseFiles, device: torch.device, dtype: torch.dtype) -> StableDiffusion:
        """See `Backbone.load`."""
        width = files.text_width
        if not width:
            pipeline = load_pipeline(files, StableDiffusionPipeline)
            schedule = files.schedule(pipeline.scheduler.config)
            return cls._of(files, pipeline, schedule, device, dtype)
        if files.needs_prediction:
            hint = "Add --prediction v_prediction for one of 768 pixels, --prediction epsilon for one of 512."
            raise StudioError(
                "{base} does not say whether it predicts noise (epsilon) or v.", hint, base=files.name
            )
        pipeline = load_pipeline(
            files, StableDiffusionPipeline, SINGLE_FILES[width], tokenizer=clip_tokenizer()
        )
        schedule = files.schedule(pipeline.scheduler.config)
        if files.is_stable_diffusion_2 and schedule["prediction_type"] == "epsilon":
            pipeline.unet.register_to_config(sample_size=SIDE_OF_EPSILON)
        pad_id = OPEN_CLIP_PADDING if files.is_stable_diffusion_2 else None
        return cls._of(files, pipeline, schedule, device, dtype, pad_id)

    @classmethod
    def _of(cls, files: BaseFiles, pipeline: Any, schedule: Mapping[str, Any], *rest: Any) -> StableDiffusion:
        """Return the backbone of a loaded pipeline."""
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
        return cls(files.name, *parts, schedule, *rest)
