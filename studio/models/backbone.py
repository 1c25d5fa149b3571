"""The Backbone: a loaded, frozen base model behind a few verbs. It never knows which concepts exist.

Only this file names a diffusers class; transformers is also in studio/models/segmenter.py. Shapes: n prompts or
pictures, L tokens of a prompt, D text width, (C, h, w) a latent; pictures in -1..1 at `resolution` pixels a
side.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from diffusers.utils import logging as diffusers_logging
from PIL import Image
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer
from transformers.utils import logging as transformers_logging

from studio.errors import StudioError
from studio.models.fingerprint import fingerprint
from studio.models.text_reader import TextReader


class Backbone:
    """A Stable Diffusion model of any size (1.x, 2.x, or the starter), on one device, every weight frozen.

    `resolution` is the side of a picture in pixels, `latent_shape` its (C, h, w); `attention_side` is the
    side of the cross-attention maps that tell objects apart best: 16 for Stable Diffusion at 512 px, the
    finest there is where latents are smaller. `sites` are all modules of U-Net and text encoder by path,
    such as `unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k`.
    """

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
        self.folder: Path | None = None  # where it was opened, if that is a folder
        self.tokenizer = tokenizer
        self.text_encoder, self.unet, self.vae = text_encoder.eval(), unet.eval(), vae.eval()
        for part in (text_encoder, unet, vae):
            part.requires_grad_(False)
        self.schedule = DDIMScheduler.from_config({**schedule, "clip_sample": False})
        self.prediction_type = self.schedule.config.prediction_type
        if self.prediction_type not in ("epsilon", "v_prediction"):
            raise StudioError(
                f"{name} predicts {self.prediction_type}.", "Choose a base that predicts epsilon or v."
            )
        self.fingerprint = fingerprint((text_encoder, unet), self.prediction_type)
        for part, precision in ((text_encoder, dtype), (unet, dtype), (vae, torch.float32)):
            part.to(self.device)
            if part.dtype != precision:
                part.to(precision)
        side = unet.config.sample_size
        self.text = TextReader(tokenizer, text_encoder)
        self.latent_shape = (unet.config.in_channels, side, side)
        self.resolution = side * 2 ** (len(vae.config.block_out_channels) - 1)
        self.attention_side = max(min(16, side), side // 4)

    @classmethod
    def open(cls, place: str | Path, device: str | None = None, dtype: torch.dtype | None = None) -> Backbone:
        """Load a diffusers folder, a single .safetensors checkpoint, or a hub name already on this machine.

        On CUDA the frozen weights are bfloat16 (float16 where the card has none), elsewhere float32.
        Raises StudioError when there is no such model or it is none that this studio can use.
        """
        if "OMP_NUM_THREADS" not in os.environ:
            # torch slows down greatly when its threads outnumber the free cores; one is left to the page
            torch.set_num_threads(max(1, (os.cpu_count() or 2) - 1))
        torch.set_flush_denormal(True)  # many CPUs are slow at numbers that are almost zero
        diffusers_logging.set_verbosity_error()
        diffusers_logging.disable_progress_bar()
        transformers_logging.set_verbosity_error()
        transformers_logging.disable_progress_bar()
        path = Path(place).expanduser()
        options = {"safety_checker": None, "requires_safety_checker": False, "dtype": torch.float32}
        try:
            if path.is_file():
                pipeline = StableDiffusionPipeline.from_single_file(str(path), **options)
            else:
                source = str(path) if path.is_dir() else str(place)
                pipeline = StableDiffusionPipeline.from_pretrained(
                    source, local_files_only=path.is_dir(), **options
                )
        except Exception as error:
            reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
            hint = "Name a diffusers folder of a Stable Diffusion 1.x or 2.x model, or leave --base out."
            raise StudioError(f"The base model {place} cannot be opened: {reason}", hint) from error
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        if dtype is None:
            half = torch.bfloat16 if device == "cuda" and torch.cuda.is_bf16_supported() else torch.float16
            dtype = half if device == "cuda" else torch.float32
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.unet, pipeline.vae)
        backbone = cls(path.name or str(place), *parts, pipeline.scheduler.config, device, dtype)
        backbone.folder = path if path.is_dir() else None
        return backbone

    # pictures and latents

    @torch.no_grad()
    def encode_photos(self, pixels: np.ndarray) -> tuple[Tensor, Tensor]:
        """(n, H, W, 3) uint8 -> mean and standard deviation of the posterior, each (n, C, h, w), scaled.

        A training latent is `mean + std * noise`: fresh noise each time, from one pass of the encoder.
        """
        scaled = torch.from_numpy(pixels.astype(np.float32) / 127.5 - 1).permute(0, 3, 1, 2).to(self.device)
        posteriors = [self.vae.encode(photo[None]).latent_dist for photo in scaled]
        factor = self.vae.config.scaling_factor
        mean = torch.cat([posterior.mean for posterior in posteriors])
        std = torch.cat([posterior.std for posterior in posteriors])
        return mean * factor, std * factor

    @torch.no_grad()
    def decode(self, latents: Tensor) -> list[Image.Image]:
        """(n, C, h, w) -> n pictures."""
        pixels = self.vae.decode(
            latents.to(self.device, torch.float32) / self.vae.config.scaling_factor
        ).sample
        arrays = (
            ((pixels.clamp(-1, 1) + 1) * 127.5).round().to("cpu", torch.uint8).permute(0, 2, 3, 1).numpy()
        )
        return [Image.fromarray(array) for array in arrays]

    # diffusion

    def draw(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Standard normal noise, drawn on the CPU so that a seed means the same on every device."""
        return torch.randn(tuple(shape), generator=generator).to(self.device)

    def draw_timesteps(self, count: int, generator: torch.Generator) -> Tensor:
        """`count` training timesteps, uniform and independent."""
        return torch.randint(self.schedule.config.num_train_timesteps, (count,), generator=generator).to(
            self.device
        )

    def _levels(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """sqrt(alpha-bar) and sqrt(1 - alpha-bar) at `timesteps` (n,), each (n, 1, 1, 1)."""
        level = self.schedule.alphas_cumprod.to(self.device)[timesteps].view(-1, 1, 1, 1)
        return level.sqrt(), (1 - level).sqrt()

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """z_t = sqrt(alpha-bar_t) z + sqrt(1 - alpha-bar_t) eps (DDPM, Ho et al. 2020, eq. 4)."""
        signal, spread = self._levels(timesteps)
        return signal * latents + spread * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What this base was taught to predict: eps, or v = sqrt(alpha-bar) eps - sqrt(1 - alpha-bar) z
        (Salimans and Ho 2022, section 4)."""
        if self.prediction_type == "epsilon":
            return noise
        signal, spread = self._levels(timesteps)
        return signal * noise - spread * latents

    def predict(self, noisy: Tensor, timesteps: Tensor, hidden: Tensor) -> Tensor:
        """The U-Net: (n, C, h, w), (n,) and (n, L, D) -> (n, C, h, w) in float32."""
        return self.unet(noisy.to(self.dtype), timesteps, hidden.to(self.dtype)).sample.float()

    def sampler(self, steps: int) -> DDIMScheduler:
        """A fresh DDIM sampler (Song et al. 2021), deterministic, set to `steps` steps."""
        sampler = DDIMScheduler.from_config(self.schedule.config)
        sampler.set_timesteps(steps, device=self.device)
        return sampler

    # sites

    @cached_property
    def sites(self) -> dict[str, nn.Module]:
        """Every module of U-Net and text encoder by its path; the path is the same in all versions of the
        libraries."""
        text = {
            name.removeprefix("text_model."): module for name, module in self.text_encoder.named_modules()
        }
        sites = {f"unet.{name}": module for name, module in self.unet.named_modules() if name}
        return sites | {f"text_encoder.{name}": module for name, module in text.items() if name}

    def linear_sites(self, *endings: str) -> dict[str, nn.Linear]:
        """The linear layers whose path ends in one of `endings`, such as "attn2.to_k"."""
        linear = {name: module for name, module in self.sites.items() if isinstance(module, nn.Linear)}
        return {name: module for name, module in linear.items() if name.endswith(endings)}
