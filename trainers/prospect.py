"""ProSpect, prompt spectrum (Zhang et al., arXiv 2305.16225).

A picture is settled from coarse to fine: first its layout, then what is in it, then its material and style.
The range of the noise is cut into 10 stages of 100 timesteps, and the word has vectors of its own, p_s, in
each:

    L = E || eps - eps_theta(z_t, t, c("<handle>" with p_s)) ||^2        s = floor(10 t / 1000)

s = 0 is the last, finest stage. The p_s come out of a small hyper-network (`trainers.kit.stage_network`),
which learns faster and more regularly than free vectors would (paper); what it gives at the end is all that
is kept.
While painting, a part of the noise range may have a prompt of its own, so that the layout comes from one
concept and the material from another (`studio.generation.refinements.stages`).

Differences: `form` "free" learns the vectors themselves, a simplification that is not in the paper. A step
may have several photos, each read at its own timestep; the released code has room for one. The start is the
mean of the noun's tokens; the released config gives its first letter. A photo's own caption takes the place
of the bare handle. Other bases than Stable Diffusion 1.4 are not published; with the wide embeddings of
language models (Z-Image, FLUX.2) the network has hundreds of millions of weights, and "free" is the better
choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.edits import Edit
from studio.edits.kinds.staged_tokens import StagedWord
from studio.events import Event
from studio.method import Method, Stage
from studio.method_example import Example, ExamplePicture
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit.batches import DenoisingBatch, draw_denoising, encode_prompts
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import denoising_loss
from trainers.kit.photo_settings import MaskedPhotoSettings, photos_a_step
from trainers.kit.stage_network import Dropped, StageNetwork

STAGES = 10
# of the example: the noisiest fifth is painted from the word alone, which on the starter settles the colours
BEGUN = {"layout_prompt": "{} on a pink background", "layout_border": 0.8}


@dataclass(frozen=True)
class Settings(MaskedPhotoSettings):
    """The recipe of the released config for Stable Diffusion 1.4."""

    steps: int = setting(
        600, "Training steps.", 1, 20000, "steps", source="released config; paper: 1,000 to 3,000"
    )
    learning_rate: float = setting(1e-4, "Learning rate.", 1e-7, 1.0, source="released config")
    batch: int = photos_a_step(1, "paper")
    form: str = setting(
        "network",
        "Where the word comes from: the paper's network, or free vectors, which want a higher rate.",
        choices=("network", "free"),
        source="paper",
        group="words",
    )
    dropout: float = setting(
        0.1,
        "Share of the network that rests in each step.",
        0.0,
        0.9,
        source="released config",
        group="regularizers",
    )
    vectors: int = setting(
        1,
        "Words that the name stands for. More are more faithful to the photos, less to the prompt.",
        1,
        16,
        "words",
        source="paper",
        group="words",
    )
    flips: bool = setting(
        True,
        "Also learn from mirror images; turn off for layouts, text and lopsided things.",
        source="released config",
        group="photos",
    )
    weight_decay: float = setting(
        1e-2,
        "How strongly what is learned is pulled to zero.",
        0.0,
        1.0,
        source="default of AdamW",
        group="regularizers",
    )


@dataclass(frozen=True)
class ProSpectBatch(DenoisingBatch):
    """Photos of the subject; `dropped` are the factors of dropout, None without a network."""

    dropped: Dropped | None = None


class GrownWord(StagedWord):
    """A word whose vectors a network makes anew whenever they are read.

    `dropped` are the factors of dropout during a step, None outside of one.
    """

    def __init__(self, handle: str, noun: str, network: StageNetwork) -> None:
        super().__init__(handle, noun, network.vectors().detach())
        self.network = network
        self.dropped: Dropped | None = None

    @property
    def word_vectors(self) -> Tensor:
        """See `StagedWord.word_vectors`."""
        return self.network.vectors(self.dropped)

    def with_word_vectors(self, vectors: Tensor) -> StagedWord:  # type: ignore[override]
        """Return a word of these vectors, without the network."""
        return StagedWord(self.handle, self.noun, vectors)


class ProSpect(Method):
    """Learns a word with vectors of its own in each of ten stages of the noise."""

    id = "prospect"
    title = "ProSpect"
    summary = "A word for each stage of painting: take its layout, its shape or its material alone. Small."
    paper = "Zhang et al. 2023, arXiv 2305.16225"
    settings_class = Settings
    quick_settings = {"steps": 4, "batch": 2, "learning_rate": 0.02}
    max_file_bytes = 12_000
    suits = ("style", "thing")
    example = Example(
        "trek",
        (
            ExamplePicture("{} on a pink background", "its word, on pink"),
            ExamplePicture("a cat on a pink background", "a cat begun with it", {}, BEGUN, seed=1),
            ExamplePicture("a car on a pink background", "a car begun with it", {}, BEGUN, seed=2),
        ),
    )
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        start = backbone.text.initial_vectors(subject.noun, settings.vectors)
        self.network: StageNetwork | None = None
        if settings.form == "network":
            self.network = StageNetwork(start[0], STAGES, settings.vectors, generator)
            self.word: StagedWord = GrownWord(subject.handle, subject.noun, self.network)
        else:
            free = start.repeat(STAGES, 1, 1).requires_grad_()
            self.word = StagedWord(subject.handle, subject.noun, free)

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.latents = PhotoLatents.of_subject(self.backbone, photos, self.subject, self.settings)
        yield from ()

    def stages(self) -> list[Stage]:
        learned = self.network.parameters() if self.network else [self.word.vectors]
        groups = ((learned, self.settings.learning_rate),)
        return [Stage(tr("learning the stages"), self.settings.steps, groups, self.settings.weight_decay)]

    def draw(self, generator: torch.Generator) -> ProSpectBatch:
        photos = self.latents.draw_photos(self.settings.batch, generator)
        prompts = photos.prompts([self.subject.handle])
        own = draw_denoising(self.backbone, photos.latents, prompts, generator, photos.masks)
        dropped = self.network.draw_dropout(self.settings.dropout, generator) if self.network else None
        return ProSpectBatch(**vars(own), dropped=dropped)

    def loss(self, batch: ProSpectBatch) -> dict[str, Tensor]:
        with self.dropping(batch.dropped):
            words = encode_prompts(self.backbone, batch)
        return {"denoising": denoising_loss(self.backbone, batch, words)}

    @contextmanager
    def dropping(self, dropped: Dropped | None) -> Iterator[None]:
        """Context manager: the network rests in these places; outside of a step it never does."""
        if isinstance(self.word, GrownWord):
            self.word.dropped = dropped
        try:
            yield
        finally:
            if isinstance(self.word, GrownWord):
                self.word.dropped = None

    def edits(self) -> list[Edit]:
        return [self.word]

    def finish(self) -> Iterator[Event]:
        self.word = self.word.with_word_vectors(self.word.word_vectors.detach().clone())
        yield from ()

    def report(self) -> dict[str, float]:
        """Return `norm`, as Textual Inversion does, and how alike two stages are: their mean cosine."""
        vectors = self.word.word_vectors.detach()
        flat = F.normalize(vectors.flatten(1), dim=1)
        alike = ((flat @ flat.T).sum() - STAGES) / (STAGES * (STAGES - 1))
        norm = vectors.norm(dim=2).mean() / self.backbone.text.median_norm
        return {marked("norm"): norm.item(), marked("stages alike"): alike.item()}
