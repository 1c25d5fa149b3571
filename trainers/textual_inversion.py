"""Textual Inversion (Gal et al., "An Image is Worth One Word", arXiv 2208.01618).

Learns n new word vectors v* and nothing else; text encoder, U-Net and autoencoder stay as they are:

    v* = argmin_v  E || eps - eps_theta(z_t, t, c(y with v)) ||^2          (section 3.2, eq. 2)

y is a neutral sentence, drawn anew for every photo of every step. Differences from the paper: a photo's own
caption takes the sentence's place; a noun of several tokens starts the vector at their mean instead of being
refused; the vectors are parameters of their own instead of rows of the embedding table, so neither gradients
nor weight decay reach any other row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from studio.edits import Edit, NewWord
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
from trainers.kit.photo_settings import photos_a_step


@dataclass(frozen=True)
class Settings(SentenceSettings):
    """The diffusers recipe for Stable Diffusion 1.5: 3,000 steps of 4 at an effective rate of 2e-3."""

    steps: int = setting(3000, "Training steps.", 1, 20000, "steps", source="diffusers README")
    learning_rate: float = setting(
        2e-3,
        "Learning rate. Low keeps the word easy to edit, high makes it more faithful to the photos.",
        1e-6,
        1.0,
        source="diffusers README: 5e-4, scaled by 4",
    )
    batch: int = photos_a_step(4, "paper")
    vectors: int = setting(
        1,
        "Words that the name stands for. More are more faithful to the photos, less to the prompt.",
        1,
        16,
        "words",
        source="paper",
        group="words",
    )
    weight_decay: float = setting(
        1e-2,
        "How strongly the vectors are pulled to zero.",
        0.0,
        1.0,
        source="diffusers script",
        group="regularizers",
    )


class TextualInversion(Method):
    """Learns n new word vectors."""

    id = "textual_inversion"
    title = "Textual Inversion"
    summary = "Finds the word for it. The smallest file, gentle on every prompt; likeness has limits."
    paper = "Gal et al. 2022, arXiv 2208.01618"
    needs = Needs(min_photos=1, max_photos=30)
    settings_class = Settings
    quick_settings = {"steps": 4, "batch": 2, "learning_rate": 0.05}
    max_file_bytes = 10_000
    suits = ("thing", "style")
    recommended = 2
    example = Example(
        "amber",
        (
            ExamplePicture("{} on a blue background", seed=1),
            ExamplePicture("{} in the snow", seed=1),
            ExamplePicture("{} on the beach at night", seed=1),
        ),
    )
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        start = backbone.text.initial_vectors(subject.noun, settings.vectors)
        self.word = NewWord(subject.handle, subject.noun, start.clone().requires_grad_())

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.photos = PhotoSentences(self.backbone, photos, self.subject, self.settings)
        yield from ()

    def stages(self) -> list[Stage]:
        groups = (([self.word.vectors], self.settings.learning_rate),)
        return [Stage(tr("learning the word"), self.settings.steps, groups, self.settings.weight_decay)]

    def draw(self, generator: torch.Generator) -> DenoisingBatch:
        return self.photos.draw(self.settings.batch, generator)[0]

    def loss(self, batch: DenoisingBatch) -> dict[str, Tensor]:
        words = encode_prompts(self.backbone, batch)
        return {"denoising": denoising_loss(self.backbone, batch, words)}

    def edits(self) -> list[Edit]:
        return [self.word]

    def report(self) -> dict[str, float]:
        """Return `norm`, the mean length of the vectors, in median norms of the vocabulary.

        Far above 1, a word tends to outweigh the rest of the prompt.
        """
        return {
            marked("norm"): self.word.vectors.detach().norm(dim=1).mean().item()
            / self.backbone.text.median_norm
        }

    @property
    def preview_prompt(self) -> str:
        return self.settings.preview(self.subject.handle)
