"""What the families of Stable Diffusion share: a U-Net that reads text through cross-attention.

Latent diffusion (Rombach et al. 2022, arXiv 2112.10752): a U-Net denoises the latents of a VAE and reads a
prompt, encoded by CLIP, through cross-attention.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor, nn

from studio.models.base_features import pooled_cells
from studio.models.ddpm import DdpmBackbone
from studio.models.fingerprint import fingerprint
from studio.models.latent_pictures import LatentPictures
from studio.models.text_reader import TextReader
from studio.models.unet_attention import CROSS, UNetAttention
from studio.models.words import TextBlock, Words

DENOISER_PROJECTIONS = (".to_q", ".to_k", ".to_v", ".to_out.0")
PARTS = ("down_blocks", "mid_block", "up_blocks")  # of a U-Net, in the order in which they run
LAYERS = ".transformer_blocks."  # in the path of an attention layer, after that of its block
ENCODER_PROJECTIONS = (".q_proj", ".k_proj", ".v_proj", ".out_proj")
# Features of a denoising U-Net match parts of objects between pictures (DIFT, Tang et al. 2023,
# arXiv 2306.03881): the latent is noised to timestep 261 of 1000, and the second decoder block is read.
FEATURE_NOISE = 0.261
FEATURE_BLOCK = 1


class UNetBackbone(LatentPictures, DdpmBackbone):
    """A model whose denoiser is a U-Net with cross-attention to one or more CLIP text encoders.

    `sites` are all modules of U-Net and text encoders by path, such as
    `unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k`.
    """

    features_title = "U-Net features"

    attention: UNetAttention

    def __init__(
        self,
        name: str,
        text: TextReader,
        text_encoders: Mapping[str, nn.Module],
        unet: UNet2DConditionModel,
        vae: AutoencoderKL,
        schedule: Mapping[str, Any],
        device: str | torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.name, self.device, self.dtype = name, torch.device(device), dtype
        self.folder: Path | None = None
        self.text = text
        self.text_encoders, self.unet, self.vae = dict(text_encoders), unet, vae
        for part in (*self.text_encoders.values(), unet, vae):
            part.eval().requires_grad_(False)
        self.use_schedule(schedule)
        # Of the numbers as they were stored, before the weights are cast to `dtype`.
        self.fingerprint = fingerprint((*self.text_encoders.values(), unet), self.prediction_type)
        for part in (*self.text_encoders.values(), unet):
            part.to(dtype)  # first: in full precision it might not fit the device
            part.to(self.device)
        vae.to(torch.float32).to(self.device)  # in half precision that of Stable Diffusion XL overflows
        self._side, self._channels = unet.config.sample_size, unet.config.in_channels
        self.resolution = self._side * self.pixels_per_cell
        self.attention = UNetAttention(self)
        self.attention_side = self._attention_side()
        self.key_sites, self.value_sites = (
            tuple(self.linear_sites(f"{CROSS}.{projection}")) for projection in ("to_k", "to_v")
        )
        self.text_blocks = self._text_blocks()

    def _attention_side(self) -> int:
        """Return 16 for Stable Diffusion at 512 px, and the finest side where latents are smaller.

        Stable Diffusion XL has 32 at 1024 px; there is no cross-attention in its first level.
        """
        wanted = max(min(16, self._side), self._side // 4)
        kinds = self.unet.config.down_block_types
        sides = [self._side // 2**level for level, kind in enumerate(kinds) if kind.startswith("CrossAttn")]
        return min((side for side in sides if side >= wanted), default=max(sides, default=wanted))

    def _text_blocks(self) -> tuple[TextBlock, ...]:
        """Return what reads the prompt as 16 blocks of Stable Diffusion, or 11 of Stable Diffusion XL.

        Modules are listed with the middle of the U-Net last, which runs between its halves.
        """
        found: dict[str, tuple[list[str], list[str]]] = {}
        for number, sites in enumerate((self.key_sites, self.value_sites)):
            for site in sites:
                found.setdefault(site.split(LAYERS)[0], ([], []))[number].append(site)
        order = sorted(found, key=lambda name: PARTS.index(name.split(".")[1]))
        return tuple(TextBlock(*map(tuple, found[name])) for name in order)

    @property
    def denoiser(self) -> nn.Module:
        """See `Backbone.denoiser`."""
        return self.unet

    def shape_of(self, width: int = 0, height: int = 0) -> tuple[int, int, int]:
        """See `Backbone.shape_of`."""
        step = 2 ** (len(self.unet.config.block_out_channels) - 1)

        def cells(pixels: int) -> int:
            wanted = pixels * self._side / self.resolution
            return max(step, step * round(wanted / step)) if pixels else self._side

        return self._channels, cells(height), cells(width)

    # diffusion

    def predict(self, noisy: Tensor, timesteps: Tensor, words: Words) -> Tensor:
        """See `Backbone.predict`."""
        words = words.to(self.dtype)
        added = self._added_conditions(noisy, words)
        with self.attention.reading(words.by_site):
            predicted = self.unet(noisy.to(self.dtype), timesteps, words.hidden, added_cond_kwargs=added)
        return predicted.sample.float()

    def _added_conditions(self, noisy: Tensor, words: Words) -> dict[str, Tensor] | None:
        """Return what the U-Net reads beside latents and tokens, by diffusers' names; None for nothing."""
        return None

    # where edits go

    @cached_property
    def sites(self) -> dict[str, nn.Module]:
        """See `Backbone.sites`. Some versions of transformers put `text_model.` before paths, others not."""
        sites = {f"unet.{name}": module for name, module in self.unet.named_modules() if name}
        for part, encoder in self.text_encoders.items():
            paths = {name.removeprefix("text_model."): module for name, module in encoder.named_modules()}
            sites |= {f"{part}.{path}": module for path, module in paths.items() if path}
        return sites

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
        return site.split(".")[0] in self.text_encoders

    @torch.no_grad()
    def cell_features(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """See `Backbone.cell_features`; the features are those of the second decoder block.

        DIFT averages eight noises and compares single cells. Here the noise is the same for all pictures.
        """
        blocks = self.unet.up_blocks
        outputs: list[Tensor] = []
        noise = self.draw(latents.shape[1:], torch.Generator().manual_seed(0)).expand_as(latents)
        timesteps = self.at_noise(FEATURE_NOISE, len(latents))
        words = self.text.read([""]).repeat(len(latents))
        block = blocks[min(FEATURE_BLOCK, len(blocks) - 1)]
        hook = block.register_forward_hook(lambda module, arguments, output: outputs.append(output))
        try:
            predicted = self.predict(self.add_noise(latents, noise, timesteps), timesteps, words)
        finally:
            hook.remove()
        error = (predicted - self.target(latents, noise, timesteps)).square().mean((1, 2, 3))
        return pooled_cells(outputs[0].float()), error
