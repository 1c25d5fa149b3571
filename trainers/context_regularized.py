"""CoRe, context-regularized text embedding learning (Wu et al., arXiv 2408.15914), stage 1.

Textual Inversion tends to learn a word that outweighs the prompt around it. CoRe also asks the word to leave
its neighbours alone: in a prompt that has nothing to do with the photos, every other token is to be encoded
as it would be around the plain noun, and to get as much of the picture's attention:

    L = L_diff + lambda_emb L_emb + lambda_attn L_attn

The last two are the regularizer `trainers.regularizers.context`, which this method turns on. In the middle
fifth of the training the word's length is held, which keeps it from growing. On demand a second stage tunes
the U-Net on L_diff alone, with the word fixed. The paper's test-time optimisation is a refinement of every
method, `studio.generation.refinements.prompt_tuning`.

Differences: the two terms are those of the released code, to which the weights belong; `context_form` has the
paper's. The noun chooses the list of prompts, and a base may bring its own. The second stage is off
by default, and tunes low-rank edits of the attention layers instead of the whole U-Net (the paper's 1,000
steps at 2e-6), so that a concept stays a small file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.edits import Edit, LowRank, NewWord
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
from trainers.kit.photo_settings import CaptionedPhotoSettings, mirror_images, photos_a_step

HELD = (0.4, 0.6)  # shares of the steps


@dataclass(frozen=True)
class Settings(CaptionedPhotoSettings):
    """The paper's recipe for stage 1 on Stable Diffusion 2.1."""

    steps: int = setting(300, "Training steps.", 1, 20000, "steps", source="paper")
    learning_rate: float = setting(5e-3, "Learning rate of the word.", 1e-6, 1.0, source="paper")
    batch: int = photos_a_step(6, "paper")
    hold_length: bool = setting(
        True, "Hold the word's length in the middle fifth of the training.", source="paper", group="words"
    )
    flips: bool = mirror_images(True, "paper")
    tuning_steps: int = setting(
        0,
        "Steps that then tune the model, with the word fixed: closer likeness, a larger file.",
        0,
        20000,
        "steps",
        source="paper, stage 2: 1,000",
    )
    tuning_rate: float = setting(
        1e-4, "Learning rate of the model.", 1e-7, 0.1, source="diffusers LoRA README; paper, full: 2e-6"
    )
    tuning_batch: int = setting(
        4, "Photos in each of these steps.", 1, 64, "photos", source="paper", group="memory"
    )
    rank: int = setting(
        4, "Capacity of the change to the model; the file grows with it.", 1, 128, source="diffusers script"
    )


class ContextRegularized(Method):
    """Learns a word that leaves the rest of a prompt its meaning; low-rank edits on demand."""

    id = "context_regularized"
    title = "CoRe"
    summary = (
        "A word that leaves the rest of the prompt its meaning. Small, and follows prompts unlike the photos."
    )
    paper = "Wu et al. 2024, arXiv 2408.15914"
    settings_class = Settings
    quick_settings = {"steps": 4, "batch": 2, "learning_rate": 0.05}
    max_file_bytes = 10_000
    example = Example(
        "amber",
        (
            ExamplePicture("{} wearing a top hat"),
            ExamplePicture("{} in a teacup"),
            ExamplePicture("{} in the snow"),
        ),
    )
    tunes = frozenset({"words", "weights"})
    regularizer_defaults = {"context_embedding_weight": 1.5e-4, "context_attention_weight": 0.05}
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        start = backbone.text.initial_vectors(subject.noun, 1)
        self.word = NewWord(subject.handle, subject.noun, start.clone().requires_grad_())
        sites = backbone.low_rank_sites(text_encoder=False)
        self.low_rank = LowRank.start(subject.handle, subject.noun, sites, settings.rank, generator)
        self.steps_done = 0
        self.held_length: Tensor | None = None

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        side = self.settings.side_on(self.backbone)
        self.latents = PhotoLatents(self.backbone, photos.pixels(side), self.settings.flips)
        if self.settings.photo_captions:
            self.latents.caption_with(photos, self.subject)
        yield from ()

    def stages(self) -> list[Stage]:
        word = (([self.word.vectors], self.settings.learning_rate),)
        weights = ((self.low_rank.parameters(), self.settings.tuning_rate),)
        first = Stage(tr("learning the word"), self.settings.steps, word, after_step=self.hold_length)
        second = Stage(tr("tuning the model"), self.settings.tuning_steps, weights)
        return [first, second] if self.settings.tuning_steps else [first]

    @torch.no_grad()
    def hold_length(self) -> None:
        """Scale the word to the length that it had after 40 % of the steps, until 60 % are done.

        v <- v |v_held| / |v|, in steps 121 to 180 of 300.
        """
        self.steps_done += 1
        first, last = (round(share * self.settings.steps) for share in HELD)
        length = self.word.vectors.norm()
        if self.steps_done == first:
            self.held_length = length.clone()
        elif self.settings.hold_length and first < self.steps_done <= last and self.held_length is not None:
            self.word.vectors *= self.held_length / length

    def draw(self, generator: torch.Generator) -> DenoisingBatch:
        learns_word = self.word.vectors.requires_grad
        count = self.settings.batch if learns_word else self.settings.tuning_batch
        photos = self.latents.draw_photos(count, generator)
        prompts = photos.prompts([f"a photo of a {self.subject.handle}"])
        return draw_denoising(self.backbone, photos.latents, prompts, generator)

    def loss(self, batch: DenoisingBatch) -> dict[str, Tensor]:
        words = encode_prompts(self.backbone, batch)
        return {"denoising": denoising_loss(self.backbone, batch, words)}

    def state(self) -> dict[str, Any]:
        held = {} if self.held_length is None else {"held_length": self.held_length}
        return {"steps_done": self.steps_done, **held}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.steps_done = state["steps_done"]
        self.held_length = state.get("held_length")

    def edits(self) -> list[Edit]:
        return [self.word, self.low_rank] if self.settings.tuning_steps else [self.word]

    def report(self) -> dict[str, float]:
        """Return `norm` as in Textual Inversion."""
        return {marked("norm"): self.word.vectors.detach().norm().item() / self.backbone.text.median_norm}
