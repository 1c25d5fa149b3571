"""The contract of a base model: a loaded, frozen network.

A family (`studio.models.families`) implements it. Nothing above `studio.models` names a network's class, its
layers or its noise schedule, and a backbone does not know which concepts exist.

Shapes: n prompts or pictures, L tokens of a prompt, D text width, (C, h, w) a latent; pictures in -1..1.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from studio.bases.base_files import BaseFiles
from studio.bases.file_hash import FileHash
from studio.errors import StudioError
from studio.models.memory_plan import MemoryPlan
from studio.models.placement import Placement
from studio.models.text_reader import TextReader
from studio.models.words import TextBlock, Words
from studio.words import tr

if TYPE_CHECKING:
    from studio.models.attention import AttentionAccess


class Sampler(Protocol):
    """A solver that turns noise into latents in a fixed number of steps.

    `timesteps` (steps,) are on the device, from the noisiest on. Steps are taken in their order, each by
    `scaled` and then `step`. After its regions are found, a picture goes on with a fresh sampler: one that
    learns from earlier steps begins anew there.
    """

    timesteps: Tensor

    def start(self, noise: Tensor) -> Tensor:
        """Return the first latents, made of standard normal noise."""

    def scaled(self, latents: Tensor, number: int) -> Tensor:
        """Return the latents as the network expects them at step `number`, counted from 0."""

    def step(self, prediction: Tensor, number: int, latents: Tensor) -> Tensor:
        """Return the latents after step `number`."""


class Backbone(ABC):
    """A base model on one device, every weight frozen.

    Attributes:
        kinds: what `BaseFiles.kind` says of the files of its members.
        distilled: why nothing may be learned on its distilled members, which paint in few steps and would
            unlearn that; English, and empty if all may learn.
        records_attention: whether `attention` is there.
        has_text_layers: whether some layers read nothing but text: `key_sites` and `value_sites`.
        name: what the base is called.
        is_distilled: whether it was distilled to few steps.
        folder: the folder it was loaded from; None for a file or a hub name.
        fingerprint: a hash of what concepts depend on, the same in every precision.
        text: reads prompts.
        sites: every module that an edit may change, by its path.
        attention: records and masks attention; None where the family cannot.
        attention_side: side of the cross-attention maps that tell objects apart best, at its resolution.
        key_sites, value_sites: paths of the projections that read nothing but text, if there are any.
        text_blocks: the blocks that these projections are in, in the order in which a prediction runs them.
        features_title: what `features` are, in words.
        file_hash: of the checkpoint that it was loaded from; None for a folder, or where nobody asked for it.
        memory_plan: how it fits the device (`studio.models.settling`).
        autoencoder_placement: held by whoever encodes or decodes pictures.
        is_plain: whether everything is computed as it is written down, without what makes it faster.
    """

    family: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    distilled: ClassVar[str] = ""
    records_attention: ClassVar[bool] = True
    has_text_layers: ClassVar[bool] = True
    features_title: ClassVar[str]

    name: str
    is_distilled: bool = False
    folder: Path | None
    device: torch.device
    dtype: torch.dtype
    fingerprint: str
    text: TextReader
    resolution: int
    attention: AttentionAccess | None
    attention_side: int
    key_sites: tuple[str, ...]
    value_sites: tuple[str, ...]
    file_hash: FileHash | None = None
    text_blocks: tuple[TextBlock, ...] = ()
    memory_plan = MemoryPlan()
    autoencoder_placement = Placement()
    is_plain: bool = False

    @classmethod
    @abstractmethod
    def load(cls, files: BaseFiles, device: torch.device, dtype: torch.dtype) -> Backbone:
        """Load a folder or a single file. Raises StudioError when the studio cannot use it."""

    @property
    def kind(self) -> str:
        """Return the family and the width of its text; concepts made for one kind fit all bases of it."""
        return f"{self.family} {self.text.width}"

    @property
    def base_hash(self) -> str:
        """Return the first digits of the hash of its checkpoint's file; empty where it has none."""
        return self.file_hash.short() if self.file_hash else ""

    @property
    def untrainable(self) -> str:
        """Return why nothing may be learned on this base; empty if it may."""
        return tr(self.distilled) if self.is_distilled else ""

    # parts

    @property
    def denoiser(self) -> nn.Module:
        """Return the network that predicts. Diffusers calls it `transformer` where it is no U-Net."""
        return vars(self)["transformer"]

    @property
    def autoencoder(self) -> nn.Module:
        """Return the network between pictures and latents."""
        return vars(self)["vae"]

    # pictures and latents

    @abstractmethod
    def encode_photos(self, pixels: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of the posterior of photos (n, H, W, 3) uint8.

        Both are (n, C, h, w) and scaled. A training latent is mean + std * noise: fresh noise each time, from
        one pass of the encoder.
        """

    @abstractmethod
    def decode(self, latents: Tensor) -> list[Image.Image]:
        """Return the pictures of latents (n, C, h, w).

        Raises BrokenPictureError where one's pixels are no numbers.
        """

    @abstractmethod
    def shape_of(self, width: int = 0, height: int = 0) -> tuple[int, int, int]:
        """Return (C, h, w) of the latents of a picture of so many pixels; 0 means the base's resolution.

        Sides are rounded to what the network can halve as often as it does.
        """

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """Return (C, h, w) of the latents of a picture of the base's resolution."""
        return self.shape_of()

    def side_of(self, pixels: int = 0) -> int:
        """Return the side, nearest to `pixels`, of a square that the network can paint; 0 for its own."""
        return self.resolution * self.shape_of(pixels, pixels)[1] // self.latent_shape[1]

    def attention_side_of(self, cells: int) -> int:
        """Return `attention_side` for latents of cells x cells."""
        return self.attention_side * cells // self.latent_shape[-1]

    # diffusion

    def draw(self, shape: Sequence[int], generator: torch.Generator) -> Tensor:
        """Return standard normal noise, drawn on the CPU so that a seed means the same on every device."""
        return torch.randn(tuple(shape), generator=generator).to(self.device)

    @abstractmethod
    def draw_timesteps(self, count: int, generator: torch.Generator, shape: Sequence[int] = ()) -> Tensor:
        """Return training timesteps (count,), each distributed as the base was trained.

        They come from `spread_evenly`, so that every batch has little noise and much.

        Args:
            shape: (C, h, w) of the latents, where the noise depends on it; empty for the base's own.
        """

    @abstractmethod
    def at_noise(self, share: float, count: int) -> Tensor:
        """Return timesteps (count,), all at this share (0..1) of the noise range."""

    @abstractmethod
    def noise_share(self, timesteps: Tensor) -> Tensor:
        """Return where timesteps lie in the noise range, 0..1: the inverse of `at_noise`."""

    @abstractmethod
    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return latents (n, C, h, w) noised to timesteps (n,)."""

    @abstractmethod
    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return what the base was taught to predict from `add_noise` of the same arguments."""

    @abstractmethod
    def predict(self, noisy: Tensor, timesteps: Tensor, words: Words) -> Tensor:
        """Return the network's prediction (n, C, h, w), float32.

        Args:
            noisy (n, C, h, w); timesteps (n,) or ().
            words: encodings of n prompts; every projection reads those of its own site.

        Raises StudioError for words that differ by site where no projection reads the prompt alone.
        """

    @abstractmethod
    def sampler(
        self, steps: int, name: str = "", seeds: Sequence[int] = (), shape: Sequence[int] = ()
    ) -> Sampler:
        """Return a fresh sampler for `steps` steps.

        Args:
            name: as other programs call it; empty for the family's own.
            seeds: of the n pictures, for a sampler that adds noise.
            shape: (C, h, w) of the latents, for a base whose noise levels depend on it; empty for
                `latent_shape`.

        Raises StudioError for one that the family does not have.
        """

    # where edits go

    @cached_property
    @abstractmethod
    def sites(self) -> dict[str, nn.Module]:
        """Return every module that an edit may change, by a path that is the same in all library versions."""

    @abstractmethod
    def low_rank_sites(self, text_encoder: bool) -> dict[str, nn.Linear]:
        """Return the query, key, value and output projections of the denoiser, and of the text encoder."""

    @abstractmethod
    def reads_text(self, site: str) -> bool:
        """Return whether the layer at a site is fed by tokens; all others are fed by the picture."""

    def reads_both(self, site: str) -> bool:
        """Return whether the layer at a site is fed by cells and tokens in one sequence."""
        return False

    def mask_rows(
        self, site: str, tokens: Tensor, area: Tensor | None, prompts: int, positions: int
    ) -> Tensor | None:
        """Return the weights of an edit's mask in a layer's own sequence; None for those of `EditMask`.

        Override it where a layer reads cells and tokens in one sequence.

        Args:
            tokens (2, L), area (h, w): of the mask.
            prompts, positions: of the layer's input.
        """
        return None

    @abstractmethod
    def in_text_encoder(self, site: str) -> bool:
        """Return whether a site is part of the text encoder."""

    def require_attention(self) -> AttentionAccess:
        """Return `attention`. Raises StudioError where the family cannot record it."""
        if self.attention is None:
            hint = "Choose another base, or a method that works without it."
            raise StudioError("The attention of {base} cannot be recorded.", hint, base=self.name)
        return self.attention

    def linear_sites(self, *endings: str) -> dict[str, nn.Linear]:
        """Return the linear layers whose path ends in one of `endings`."""
        linear = {site: module for site, module in self.sites.items() if isinstance(module, nn.Linear)}
        return {site: module for site, module in linear.items() if site.endswith(endings)}

    @abstractmethod
    def cell_features(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return features (n, d, k, k) of latents (n, C, h, w), and how wrong the base is about each (n,).

        Both come from one prediction of the noised latents with an empty prompt: what one of its layers gives
        in k x k cells, few enough to be compared (`pooled_cells`), and the mean squared error of the
        prediction, which is low for pictures of the kind that the base was trained on. Call it while no edit
        is attached.
        """

    def features(self, latents: Tensor) -> Tensor:
        """Return features (n, d) of latents (n, C, h, w), to compare pictures: the mean over the cells.

        Call it while no edit is attached.
        """
        return self.cell_features(latents)[0].mean((2, 3))
