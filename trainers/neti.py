"""NeTI, a neural space-time representation (Alaluf et al., arXiv 2305.15391).

Textual Inversion with a small network in the place of its vector. The network is asked at every timestep and
for every block of the denoiser that reads the prompt; what it answers is in `studio.edits.kinds.space_time`:

    M* = argmin_M  E || eps - eps_theta(z_t, t, [E(y with M(t, 1)) .. E(y with M(t, S))]) ||^2

Text encoder and denoiser stay as they are. With nested dropout, the last units of each answer are left out at
random: once in two the first c of 128 count, c drawn anew for each photo and block from 0 to 127.

Recipe and parity are those of the released code, whose defaults are the paper's: both halves of an answer
together get the length of the noun's embedding (`normalisation` can give it to the word alone). Differences:
a photo's own caption takes the sentence's place, and a name may come several times in it; a noun of several
tokens gives the mean of their lengths; gradients are clipped, as in every training here. What is published
without positional encoding is left out.

For Stable Diffusion XL nothing is published. Here the layers of one transformer block share an answer, 11
instead of 70; the word is that of both text encoders side by side, its bypass moves what they give to the
denoiser, and the pooled prompt is the mean over the blocks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.edits import Edit
from studio.edits.kinds.space_time import SpaceTimeWord
from studio.edits.space_time_mapper import UNITS, Form, SpaceTimeMapper
from studio.events import Event
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.method_example import Example, ExamplePicture
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit.batches import DenoisingBatch, encode_prompts
from trainers.kit.losses import denoising_loss
from trainers.kit.photo_sentences import PhotoSentences, SentenceSettings

CODE = "released code"


@dataclass(frozen=True)
class Settings(SentenceSettings):
    """The released recipe for Stable Diffusion 1.4: 1,000 steps of 8 at an effective rate of 8e-3."""

    steps: int = setting(1000, "Training steps.", 1, 20000, "steps", source=CODE)
    learning_rate: float = setting(
        8e-3, "Learning rate of the network.", 1e-6, 1.0, source="released code: 1e-3, scaled by 8"
    )
    batch: int = setting(2, "Photos in each batch.", 1, 64, "photos", source=CODE, group="memory")
    accumulate: int = setting(4, "Batches in each step.", 1, 64, "batches", source=CODE, group="memory")
    nested_dropout: float = setting(
        0.5,
        "How often only the first part of an answer counts: what the slider for faithfulness needs.",
        0.0,
        1.0,
        source="paper",
        group="regularizers",
    )
    bypass: bool = setting(
        True,
        "Also learn an appearance that does not pass through the text encoder: more faithful.",
        source="paper",
        group="words",
    )
    normalisation: str = setting(
        "word and bypass",
        "What has the length of the noun: the word and its bypass together, or the word alone.",
        choices=("word and bypass", "word"),
        source=CODE,
        group="words",
    )
    time_spread: float = setting(
        0.03, "How freely the word may change with the noise.", 0.0, 10.0, source="paper: sigma_t"
    )
    block_spread: float = setting(
        2.0, "How freely the word may change from block to block.", 0.0, 10.0, source="paper: sigma_l"
    )
    weight_decay: float = setting(
        1e-2, "How strongly the network is pulled to zero.", 0.0, 1.0, source=CODE, group="regularizers"
    )


@dataclass(frozen=True)
class DroppedBatch(DenoisingBatch):
    """A batch with how many units count for each block and photo, `units` (S n,), block by block."""

    units: Tensor | None = None

    def part(self, numbers: slice) -> Self:
        """See `DenoisingBatch.part`."""
        assert self.units is not None
        units = self.units.view(-1, len(self))[:, numbers].flatten()
        return dataclasses.replace(super().part(numbers), units=units)


class NeTI(Method):
    """Learns a network that gives the word at each timestep and for each block."""

    id = "neti"
    title = "NeTI"
    summary = (
        "A word that changes while the picture is painted. Close likeness, a small file, and a slider from "
        "easy to edit to faithful."
    )
    paper = "Alaluf et al. 2023, arXiv 2305.15391"
    needs = Needs(min_photos=1, max_photos=30)
    settings_class = Settings
    quick_settings = {"steps": 4, "accumulate": 1}
    max_file_bytes = 1_000_000
    example = Example(
        "lily",
        (
            ExamplePicture("{} in the forest", "easy to edit", {"faithfulness": 4}, seed=1),
            ExamplePicture("{} in the forest", "between", {"faithfulness": 16}, seed=1),
            ExamplePicture("{} in the forest", "faithful", {"faithfulness": 128}, seed=1),
        ),
    )
    suits = ("thing", "style")
    tunes = frozenset()  # regularizers of words ask for one vector
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        length = backbone.text.embeddings_of(subject.noun).norm(dim=1).mean().item()
        form = Form(length, settings.bypass, settings.normalisation != "word")
        sigmas = settings.time_spread, settings.block_spread
        width, blocks = backbone.text.width, len(backbone.text_blocks)
        mapper = SpaceTimeMapper.start(width, blocks, sigmas, form, generator)
        self.word = SpaceTimeWord(subject.handle, subject.noun, mapper).to(backbone)
        for tensor in self.word.mapper.parameters():
            tensor.requires_grad_()

    @classmethod
    def works_on(cls, family: type[Backbone]) -> str:
        """Return why it does not work: layers that read the prompt alone are given words one by one."""
        return "" if family.has_text_layers else marked("no layer of it reads the prompt alone")

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.photos = PhotoSentences(self.backbone, photos, self.subject, self.settings)
        yield from ()

    def stages(self) -> list[Stage]:
        settings = self.settings
        groups = ((self.word.mapper.parameters(), settings.learning_rate),)
        decay, batches = settings.weight_decay, settings.accumulate
        return [Stage(tr("learning the word"), settings.steps, groups, decay, accumulate=batches)]

    def draw(self, generator: torch.Generator) -> DroppedBatch:
        drawn, _ = self.photos.draw(self.settings.batch, generator)
        return DroppedBatch(**vars(drawn), units=self.draw_units(len(drawn), generator))

    def draw_units(self, count: int, generator: torch.Generator) -> Tensor:
        """Return how many units count for each block and photo (S count,), block by block."""
        blocks = len(self.backbone.text_blocks)
        is_dropped = torch.rand(blocks, 1, generator=generator) < self.settings.nested_dropout
        some = torch.randint(UNITS, (blocks, count), generator=generator)
        return torch.where(is_dropped, some, UNITS).flatten().to(self.backbone.device)

    def loss(self, batch: DroppedBatch) -> dict[str, Tensor]:
        assert batch.units is not None
        with self.word.counting(batch.units):
            words = encode_prompts(self.backbone, batch)
        return {"denoising": denoising_loss(self.backbone, batch, words)}

    def edits(self) -> list[Edit]:
        return [self.word]

    @torch.no_grad()
    def report(self) -> dict[str, float]:
        """Return how much the word changes, as 1 - cosine: with the noise, and from block to block.

        Both compare the ends of the range, averaged over the blocks or over three noise levels.
        """
        blocks = torch.arange(len(self.backbone.text_blocks), device=self.backbone.device)
        levels = torch.tensor([100, 500, 900], device=self.backbone.device)
        pairs = torch.cartesian_prod(levels, blocks)
        units = torch.full((len(pairs),), UNITS, device=self.backbone.device)
        times, numbers = pairs.T
        vectors, _ = self.word.mapper(times, numbers, units)
        vectors = vectors.view(len(levels), len(blocks), -1)
        with_noise = 1 - F.cosine_similarity(vectors[0], vectors[-1], dim=-1).mean().item()
        with_block = 1 - F.cosine_similarity(vectors[:, 0], vectors[:, -1], dim=-1).mean().item()
        return {marked("change with noise"): with_noise, marked("change with block"): with_block}

    @property
    def preview_prompt(self) -> str:
        return self.settings.preview(self.subject.handle)
