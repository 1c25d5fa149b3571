"""Z-Image (Cai et al. 2025, arXiv 2511.22699): a transformer that reads picture and prompt in one sequence.

Its prompts are read by a language model. What it calls a guidance of g is ours of g + 1: it adds g times the
difference to what the prompt predicts, we to what the negative prompt predicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, ZImagePipeline, ZImageTransformer2DModel
from torch import Tensor, nn

from studio.bases.base_files import BaseFiles
from studio.errors import StudioError
from studio.models.fingerprint import fingerprint
from studio.models.flow import TIMESTEPS, FlowBackbone
from studio.models.joint_attention import JointAttention, Layout
from studio.models.language_reader import LanguageReader
from studio.models.latent_pictures import LatentPictures
from studio.models.loading import load_pipeline
from studio.models.words import Words

TEXT_TOKENS = 512
PATCH = 2  # cells of a latent that make a token, along each side
# What trainers of it tune: attention and feed-forward of the main layers, without the refiners.
DENOISER_PROJECTIONS = (".to_q", ".to_k", ".to_v", ".to_out.0", ".w1", ".w2", ".w3")
ENCODER_PROJECTIONS = (".q_proj", ".k_proj", ".v_proj", ".o_proj")
FEATURE_NOISE = 0.261  # as for the other families (DIFT)
DISTILLED = "turbo"  # in the name of a base that paints in few steps and unlearns that when it is tuned


class ZImage(LatentPictures, FlowBackbone):
    """A model of Z-Image's classes, of any size.

    No layer of it gives the prompt alone to a picture, as Perfusion needs.
    """

    family = "z_image"
    features_title = "transformer features"

    attention: JointAttention

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
        self.name, self.device, self.dtype = name, torch.device(device), dtype
        self.folder: Path | None = None
        self.text = LanguageReader(tokenizer, text_encoder, text_tokens)
        self.text_encoder, self.transformer, self.vae = text_encoder, transformer, vae
        for part in (text_encoder, transformer, vae):
            part.eval().requires_grad_(False)
        self.use_schedule(schedule)
        self.fingerprint = fingerprint((text_encoder, transformer), "flow")
        for part, precision in ((text_encoder, dtype), (transformer, dtype), (vae, torch.float32)):
            part.to(precision)
            part.to(self.device)
        self.resolution = vae.config.sample_size
        self.attention = JointAttention(
            self,
            {
                f"transformer.layers.{number}.attention": layer.attention
                for number, layer in enumerate(transformer.layers)
            },
            readers=[layer.attention for layer in transformer.context_refiner],
            refiners=[layer.attention for layer in transformer.noise_refiner],
        )
        self.attention_side = self.shape_of()[1] // PATCH
        self.key_sites = self.value_sites = ()

    @classmethod
    def recognises(cls, files: BaseFiles) -> bool:
        """Return whether a folder is of Z-Image."""
        return files.pipeline == ZImagePipeline.__name__

    @classmethod
    def load(cls, files: BaseFiles, device: torch.device, dtype: torch.dtype) -> ZImage:
        """See `Backbone.load`."""
        pipeline = load_pipeline(files, ZImagePipeline)
        parts = (pipeline.tokenizer, pipeline.text_encoder, pipeline.transformer, pipeline.vae)
        return cls(files.name, *parts, pipeline.scheduler.config, device, dtype)

    @property
    def untrainable(self) -> str:
        """See `Backbone.untrainable`."""
        if DISTILLED in self.name.lower():
            return "it was distilled to few steps; train on Z-Image itself, and paint with this one"
        return ""

    def shape_of(self, width: int = 0, height: int = 0) -> tuple[int, int, int]:
        """See `Backbone.shape_of`."""
        scale = PATCH * self.pixels_per_cell
        sides = (PATCH * max(1, round((pixels or self.resolution) / scale)) for pixels in (height, width))
        return self.transformer.config.in_channels, *sides

    # diffusion

    def predict(self, noisy: Tensor, timesteps: Tensor, words: Words | Mapping[str, Words]) -> Tensor:
        """See `Backbone.predict`. Its time runs backwards, and so does the velocity that it predicts."""
        if isinstance(words, Mapping):
            if set(words) != {""}:
                hint = "Choose another base."
                raise StudioError(f"{self.name} has no layers of its own for the prompt.", hint)
            words = words[""]
        assert words.present is not None  # `LanguageReader` always gives it
        hidden = words.hidden.to(self.dtype)
        prompts = [row[present] for row, present in zip(hidden, words.present, strict=True)]
        time = ((TIMESTEPS - timesteps) / TIMESTEPS).expand(len(noisy))
        pictures = list(noisy.to(self.dtype)[:, :, None])
        height, width = (side // PATCH for side in noisy.shape[-2:])
        with self.attention.predicting(Layout(height, width, words.present)):
            velocity = self.transformer(pictures, time, prompts, return_dict=False)[0]
        return -torch.stack(velocity).squeeze(2).float()

    # where edits go

    @cached_property
    def sites(self) -> dict[str, nn.Module]:
        """See `Backbone.sites`; for example `transformer.layers.0.attention.to_q`."""
        parts = {"transformer": self.transformer, "text_encoder": self.text_encoder}
        return {
            f"{part}.{name.removeprefix('model.')}": module
            for part, network in parts.items()
            for name, module in network.named_modules()
            if name
        }

    def low_rank_sites(self, text_encoder: bool) -> dict[str, nn.Linear]:
        """See `Backbone.low_rank_sites`; without the language model's last layer, which nothing reads."""
        denoiser = self.linear_sites(*DENOISER_PROJECTIONS)
        sites = {site: layer for site, layer in denoiser.items() if site.startswith("transformer.layers.")}
        if text_encoder:
            last = self.text_encoder.config.num_hidden_layers - 1
            encoder = self.linear_sites(*ENCODER_PROJECTIONS)
            sites |= {
                site: layer
                for site, layer in encoder.items()
                if self.in_text_encoder(site) and f".layers.{last}." not in site
            }
        return sites

    def reads_text(self, site: str) -> bool:
        """See `Backbone.reads_text`. The main layers read both."""
        return self.in_text_encoder(site) or site.startswith(("transformer.cap_", "transformer.context_"))

    def reads_both(self, site: str) -> bool:
        """See `Backbone.reads_both`."""
        return site.startswith("transformer.layers.")

    def mask_rows(
        self, site: str, tokens: Tensor, area: Tensor | None, prompts: int, positions: int
    ) -> Tensor | None:
        """See `Backbone.mask_rows`."""
        return self.attention.mask_rows(tokens, area, positions) if self.reads_both(site) else None

    def in_text_encoder(self, site: str) -> bool:
        """See `Backbone.in_text_encoder`."""
        return site.startswith("text_encoder.")

    @torch.no_grad()
    def features(self, latents: Tensor) -> Tensor:
        """Return features (n, d): the output of the middle layer, averaged over the cells of the picture."""
        outputs: list[Tensor] = []
        noise = self.draw(latents.shape[1:], torch.Generator().manual_seed(0))
        timesteps = self.at_noise(FEATURE_NOISE, len(latents))
        words = self.text.read([""]).repeat(len(latents))
        layers = self.transformer.layers
        hook = layers[len(layers) // 2].register_forward_hook(lambda m, i, output: outputs.append(output))
        try:
            self.predict(self.add_noise(latents, noise.expand_as(latents), timesteps), timesteps, words)
        finally:
            hook.remove()
        cells = latents.shape[-2] * latents.shape[-1] // PATCH**2
        return outputs[0][:, :cells].float().mean(1)
