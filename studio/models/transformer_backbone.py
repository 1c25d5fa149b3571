"""What families with a transformer share: cells and tokens attend alike; a language model reads prompts."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from studio.errors import StudioError
from studio.models.base_features import pooled_cells
from studio.models.fingerprint import fingerprint
from studio.models.flow import FlowBackbone
from studio.models.joint_attention import JointAttention
from studio.models.language_reader import LanguageReader
from studio.models.latent_pictures import LatentPictures
from studio.models.words import Words

ENCODER_PROJECTIONS = (".q_proj", ".k_proj", ".v_proj", ".o_proj")
FEATURE_NOISE = 0.261  # as for U-Nets (DIFT)


class TransformerBackbone(LatentPictures, FlowBackbone):
    """A model with rectified flow whose denoiser is a transformer over the cells and tokens of a picture.

    No layer of it gives the prompt alone to a picture, as Perfusion needs. A family sets `attention` and
    `feature_layer` itself.

    Attributes:
        projections: how the paths of the denoiser's layers end that are tuned, in its `blocks`.
        blocks: how the paths of its main layers begin.
        feature_layer: the main layer whose output `features` are read from.
    """

    features_title = "transformer features"
    has_text_layers = False
    projections: ClassVar[tuple[str, ...]]
    blocks: ClassVar[tuple[str, ...]]

    text: LanguageReader
    attention: JointAttention
    feature_layer: nn.Module

    def __init__(
        self,
        name: str,
        text: LanguageReader,
        text_encoder: nn.Module,
        transformer: Any,
        vae: Any,
        schedule: Mapping[str, Any],
        device: str | torch.device,
        dtype: torch.dtype,
    ) -> None:
        self.name, self.device, self.dtype = name, torch.device(device), dtype
        self.folder: Path | None = None
        self.text = text
        self.text_encoder, self.transformer, self.vae = text_encoder, transformer, vae
        for part in (text_encoder, transformer, vae):
            part.eval().requires_grad_(False)
        self.use_schedule(schedule)
        self.fingerprint = fingerprint((text_encoder, transformer), "flow")
        for part, precision in ((text_encoder, dtype), (transformer, dtype), (vae, torch.float32)):
            part.to(precision)
            part.to(self.device)
        self.resolution = vae.config.sample_size
        self.key_sites = self.value_sites = ()

    def sole_reading(self, words: Words) -> Words:
        """Return the encodings that all layers read. Raises StudioError where some have their own."""
        if words.by_site:
            hint = "Choose another base."
            raise StudioError("{base} has no layers of its own for the prompt.", hint, base=self.name)
        return words

    # where edits go

    @cached_property
    def sites(self) -> dict[str, nn.Module]:
        """See `Backbone.sites`. Language models that predict tokens have `model.` before paths."""
        parts = {"transformer": self.transformer, "text_encoder": self.text_encoder}
        return {
            f"{part}.{name.removeprefix('model.')}": module
            for part, network in parts.items()
            for name, module in network.named_modules()
            if name
        }

    def low_rank_sites(self, text_encoder: bool) -> dict[str, nn.Linear]:
        """See `Backbone.low_rank_sites`; without layers of the language model that nothing reads."""
        denoiser = self.linear_sites(*self.projections)
        sites = {site: layer for site, layer in denoiser.items() if site.startswith(self.blocks)}
        if text_encoder:
            read = tuple(f"text_encoder.layers.{number}." for number in range(self.text.layers_read))
            encoder = self.linear_sites(*ENCODER_PROJECTIONS)
            sites |= {site: layer for site, layer in encoder.items() if site.startswith(read)}
        return sites

    def mask_rows(
        self, site: str, tokens: Tensor, area: Tensor | None, prompts: int, positions: int
    ) -> Tensor | None:
        """See `Backbone.mask_rows`."""
        return self.attention.mask_rows(tokens, area, positions) if self.reads_both(site) else None

    def in_text_encoder(self, site: str) -> bool:
        """See `Backbone.in_text_encoder`."""
        return site.startswith("text_encoder.")

    @torch.no_grad()
    def cell_features(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """See `Backbone.cell_features`; the features are what `feature_layer` gives for the picture."""
        outputs: list[Tensor] = []
        noise = self.draw(latents.shape[1:], torch.Generator().manual_seed(0)).expand_as(latents)
        timesteps = self.at_noise(FEATURE_NOISE, len(latents))
        words = self.text.read([""]).repeat(len(latents))

        def keep(layer: nn.Module, arguments: tuple[Any, ...], output: Tensor) -> None:
            assert self.attention.layout is not None  # only predictions call the layers
            outputs.append(output[:, self.attention.layout.picture].float())

        hook = self.feature_layer.register_forward_hook(keep)
        try:
            predicted = self.predict(self.add_noise(latents, noise, timesteps), timesteps, words)
        finally:
            hook.remove()
        error = (predicted - self.target(latents, noise, timesteps)).square().mean((1, 2, 3))
        rows = round(math.sqrt(outputs[0].shape[1] * latents.shape[2] / latents.shape[3]))
        cells = outputs[0].transpose(1, 2).unflatten(2, (rows, -1))  # row by row
        return pooled_cells(cells), error
