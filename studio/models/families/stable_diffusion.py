"""Stable Diffusion 1.x and 2.x, and any model of the same classes, such as the starter.

Latent diffusion (Rombach et al. 2022, arXiv 2112.10752): a U-Net denoises the latents of a VAE and reads a
prompt, encoded by CLIP, through cross-attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline, UNet2DConditionModel
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from studio.errors import StudioError
from studio.models.ddpm import DdpmBackbone
from studio.models.fingerprint import fingerprint
from studio.models.text_reader import TextReader
from studio.models.unet_attention import CROSS, UNetAttention
from studio.models.words import Words

DENOISER_PROJECTIONS = (".to_q", ".to_k", ".to_v", ".to_out.0")
ENCODER_PROJECTIONS = (".q_proj", ".k_proj", ".v_proj", ".out_proj")
# Features of a denoising U-Net match parts of objects between pictures (DIFT, Tang et al. 2023,
# arXiv 2306.03881): the latent is noised to timestep 261 of 1000, and the second decoder block is read.
FEATURE_NOISE = 0.261
FEATURE_BLOCK = 1


class StableDiffusion(DdpmBackbone):
    """A Stable Diffusion model of any size.

    `sites` are all modules of U-Net and text encoder by path, such as
    `unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k`.
    """

    family = "stable_diffusion"
    features_title = "U-Net features"

    attention: UNetAttention

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
    ) -> None:
        self.name, self.device, self.dtype = name, torch.device(device), dtype
        self.folder: Path | None = None
        self.tokenizer = tokenizer
        self.text_encoder, self.unet, self.vae = text_encoder.eval(), unet.eval(), vae.eval()
        for part in (text_encoder, unet, vae):
            part.requires_grad_(False)
        self.use_schedule(schedule)
        # Both hashes are of the numbers as they were stored, before the weights are cast to `dtype`.
        self.fingerprint = fingerprint((text_encoder, unet), self.prediction_type)
        self.text = TextReader(tokenizer, text_encoder)
        for part, precision in ((text_encoder, dtype), (unet, dtype), (vae, torch.float32)):
            part.to(precision)  # first: in full precision it might not fit the device
            part.to(self.device)
        side = unet.config.sample_size
        self._side, self._channels = side, unet.config.in_channels
        self.resolution = side * 2 ** (len(vae.config.block_out_channels) - 1)
        self.attention = UNetAttention(self)
        # 16 for Stable Diffusion at 512 px, the finest there is where latents are smaller
        self.attention_side = max(min(16, side), side // 4)
        self.key_sites, self.value_sites = (
            tuple(self.linear_sites(f"{CROSS}.{projection}")) for projection in ("to_k", "to_v")
        )

    @classmethod
    def recognises(cls, model_index: Mapping[str, Any]) -> bool:
        """Return whether a folder is of the pipeline that Stable Diffusion 1.x and 2.x come in."""
        return model_index.get("_class_name") == StableDiffusionPipeline.__name__

    @classmethod
    def load(cls, path: Path | str, device: torch.device, dtype: torch.dtype) -> StableDiffusion:
        """Load a folder, a single file or a hub name. Raises StudioError with the reason if it cannot be."""
        options = {"safety_checker": None, "requires_safety_checker": False, "dtype": torch.float32}
        try:
            if isinstance(path, Path) and path.is_file():
                pipeline = StableDiffusionPipeline.from_single_file(str(path), **options)
            else:
                is_local = isinstance(path, Path)
                pipeline = StableDiffusionPipeline.from_pretrained(
                    str(path), local_files_only=is_local, **options
                )
        except Exception as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            hint = "Name a diffusers folder of a Stable Diffusion 1.x or 2.x model, or leave --base out."
            raise StudioError(f"The base model {path} cannot be opened: {reason}", hint) from error
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
        return cls(Path(path).name or str(path), *parts, pipeline.scheduler.config, device, dtype)

    # pictures and latents

    @torch.no_grad()
    def encode_photos(self, pixels: np.ndarray) -> tuple[Tensor, Tensor]:
        """See `Backbone.encode_photos`. Photos are encoded one at a time: several need memory for each."""
        scaled = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2).to(self.device)
        posteriors = [self.vae.encode(photo[None]).latent_dist for photo in scaled]
        factor = self.vae.config.scaling_factor
        mean = torch.cat([posterior.mean for posterior in posteriors])
        std = torch.cat([posterior.std for posterior in posteriors])
        return mean * factor, std * factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> list[Image.Image]:
        """See `Backbone.decode`. Latents are decoded one at a time: eight of 512 px need 6 GB in float32."""
        scaled = latents.to(self.device, torch.float32) / self.vae.config.scaling_factor
        pictures = []
        for latent in scaled:
            pixels = self.vae.decode(latent[None]).sample[0]
            levels = ((pixels.clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8)
            pictures.append(Image.fromarray(levels.permute(1, 2, 0).numpy()))
        return pictures

    def shape_of(self, size: int = 0) -> tuple[int, int, int]:
        """See `Backbone.shape_of`."""
        side = max(1, round(size * self._side / self.resolution)) if size else self._side
        return self._channels, side, side

    # diffusion

    def predict(self, noisy: Tensor, timesteps: Tensor, words: Words | Mapping[str, Words]) -> Tensor:
        """See `Backbone.predict`."""
        by_site = words if isinstance(words, Mapping) else {"": words}
        hidden = {site: each.hidden.to(self.dtype) for site, each in by_site.items()}
        default = hidden.pop("")
        with self.attention.reading(hidden):
            return self.unet(noisy.to(self.dtype), timesteps, default).sample.float()

    # where edits go

    @cached_property
    def sites(self) -> dict[str, nn.Module]:
        """See `Backbone.sites`. Some versions of transformers put `text_model.` before paths, others not."""
        text = {
            name.removeprefix("text_model."): module for name, module in self.text_encoder.named_modules()
        }
        sites = {f"unet.{name}": module for name, module in self.unet.named_modules() if name}
        return sites | {f"text_encoder.{name}": module for name, module in text.items() if name}

    def low_rank_sites(self, text_encoder: bool) -> dict[str, nn.Linear]:
        """See `Backbone.low_rank_sites`."""
        denoiser, encoder = (self.linear_sites(*ends) for ends in (DENOISER_PROJECTIONS, ENCODER_PROJECTIONS))
        sites = {site: layer for site, layer in denoiser.items() if not self.in_text_encoder(site)}
        if text_encoder:
            sites |= {site: layer for site, layer in encoder.items() if self.in_text_encoder(site)}
        return sites

    def reads_text(self, site: str) -> bool:
        """See `Backbone.reads_text`."""
        return self.in_text_encoder(site) or site.endswith((f"{CROSS}.to_k", f"{CROSS}.to_v"))

    def in_text_encoder(self, site: str) -> bool:
        """See `Backbone.in_text_encoder`."""
        return site.startswith("text_encoder.")

    @torch.no_grad()
    def features(self, latents: Tensor) -> Tensor:
        """Return features (n, d) of latents (n, C, h, w): the second decoder block, averaged over its cells.

        DIFT compares cells and averages eight noises. Here the prompt is empty and the noise is the same for
        all pictures.
        """
        blocks = self.unet.up_blocks
        outputs: list[Tensor] = []
        noise = self.draw(latents.shape[1:], torch.Generator().manual_seed(0))
        timesteps = self.at_noise(FEATURE_NOISE, len(latents))
        words = self.text.read([""]).repeat(len(latents))
        block = blocks[min(FEATURE_BLOCK, len(blocks) - 1)]
        hook = block.register_forward_hook(lambda module, arguments, output: outputs.append(output))
        try:
            self.predict(self.add_noise(latents, noise.expand_as(latents), timesteps), timesteps, words)
        finally:
            hook.remove()
        return outputs[0].float().mean((2, 3))
