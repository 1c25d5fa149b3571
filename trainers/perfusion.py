"""Perfusion, key-locked rank-one editing (Tewel et al., arXiv 2305.01644).

Learns the appearance of a concept and leaves its attention to the noun: in every layer that reads text, the
value projection learns a target output for the concept's direction, the key projection's target is locked to
the noun's ("key-locking"), and a gate decides token by token how far the edit acts. Learned are a word vector
v and the value targets o*_V; the target input i* follows the encoder's output for the word as a running mean

    i* <- 0.99 i* + 0.01 mean over the batch of e_concept          (section 4.4)

with the gradient of the current output straight through it. The denoising loss is weighted by a soft mask
of the subject.

A known flaw of eq. 3: the gate scales what a token gains, not what it loses. Every token whose encoding has a
share r of i* loses r W i*, whether it is the concept or not. The insight shows r and the gate word by word,
the report has the mean over words that are not the concept, and a concept that no prompt names is not
attached.

Differences: no official code exists, so optimiser and rates are those of the one public port that trains;
the mask is the base's own attention to the noun instead of another model's; the loss is weighted by the mask
once, where that port weights both sides of the square. The sentences can be bare words, for a base that knows
no photos; on the starter, which knows none, the public port's sentences are better all the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.edits import Edit, NewWord, RankOne
from studio.events import Event, Insight
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.method_example import Example, ExamplePicture
from studio.models.attention import noun_masks
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit import templates
from trainers.kit import text_moments as moments
from trainers.kit.batches import DenoisingBatch, draw_denoising, encode_prompts
from trainers.kit.found_subjects import FOUND
from trainers.kit.gate_report import gate_and_leak, gate_chart
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import denoising_loss
from trainers.kit.mask_preview import mask_preview
from trainers.kit.photo_settings import MaskedPhotoSettings, mirror_images, photos_a_step

SENTENCES = {"photo": templates.PHOTO, "bare": templates.BARE}


@dataclass(frozen=True)
class Settings(MaskedPhotoSettings):
    """The recipe of the public port for Stable Diffusion 1.5; gate and running mean are the paper's."""

    steps: int = setting(400, "Training steps.", 1, 20000, "steps", source="public port")
    batch: int = photos_a_step(16, "public port")
    word_rate: float = setting(6e-3, "Learning rate of the word.", 0.0, 1.0, source="public port")
    value_rate: float = setting(3e-2, "Learning rate of the appearance.", 1e-6, 10.0, source="public port")
    train_bias: float = setting(
        0.75, "Similarity at which the gate is half open, in training.", 0.0, 1.0, source="paper"
    )
    train_temperature: float = setting(
        0.1, "How gradually the gate opens, in training.", 0.01, 1.0, source="paper"
    )
    sentences: str = setting(
        "photo",
        "What the word is learned in: sentences about a photo, or the bare word, for a base that knows no "
        "photos.",
        choices=tuple(SENTENCES),
        source="public port",
        group="words",
    )
    bias: float = setting(
        0.6,
        "Similarity at which the gate is half open, when painting. Lower is stronger.",
        0.0,
        1.0,
        source="paper",
    )
    temperature: float = setting(
        0.15, "How gradually the gate opens, when painting.", 0.01, 1.0, source="paper"
    )
    lock_keys: bool = setting(
        True,
        "Keep the attention of the plain noun; off is an ablation.",
        source="paper",
        group="regularizers",
    )
    masks: bool = setting(
        True, "Learn mostly where the base finds the noun in the photo.", source="paper", group="photos"
    )
    flips: bool = mirror_images(True, "public port")
    captions: int = setting(
        20_000,
        "Captions that are read once per base, for its text statistics, unless it brings its own.",
        100,
        200_000,
        "captions",
        source="paper: 100,000",
        group="words",
    )


class Perfusion(Method):
    """Learns a word, and value targets behind a gate; keys stay the noun's."""

    id = "perfusion"
    title = "Perfusion"
    summary = "Learns the appearance, keeps how the noun behaves. Small; its strength can still be changed."
    paper = "Tewel et al. 2023, arXiv 2305.01644"
    needs = Needs(min_photos=1, max_photos=30)
    indivisible = "where its edit acts is the mean over all photos of a step"
    settings_class = Settings
    settings: Settings
    quick_settings = {"steps": 4, "batch": 2, "captions": 200}
    light_preparation = {"captions": 1000}
    max_file_bytes = 20_000
    example = Example(
        "amber",
        (
            ExamplePicture("{} on the beach at night", seed=2),
            ExamplePicture("{} in the forest", seed=2),
            ExamplePicture("{} in the snow", seed=2),
        ),
    )

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        self.sentences = SENTENCES[settings.sentences]
        start = backbone.text.initial_vectors(subject.noun, 1)
        self.word = NewWord(subject.handle, subject.noun, start.clone().requires_grad_())

    @classmethod
    def works_on(cls, family: type[Backbone]) -> str:
        """Return why it does not work: it edits projections that read nothing but text."""
        return "" if family.has_text_layers else marked("no layer of it reads the prompt alone")

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.metric = yield from moments.load_or_estimate(self.backbone, cache, self.settings.captions)
        side = self.settings.side_on(self.backbone)
        self.latents = PhotoLatents(self.backbone, photos.pixels(side), self.settings.flips)
        if self.settings.photo_captions:
            self.latents.caption_with(photos, self.subject)
        if self.settings.masks:
            if all(photos.masks.get(self.subject.handle, (None,))):
                self.latents.mask_with(photos, self.subject.handle, self.settings.ground_weight)
            else:
                found = noun_masks(self.backbone, self.latents.mean, self.subject.noun)
                masks = self.latents.masks_of(photos, self.subject.handle, found)
                self.latents.masks = masks.clamp_min(self.settings.ground_weight)
                yield Insight(mask_preview(photos.squares, masks[:, 0]), tr(FOUND))
        super_category = self._noun_encoding()
        text_sites = {*self.backbone.key_sites, *self.backbone.value_sites}
        sites = {site: layer for site, layer in self.backbone.linear_sites("").items() if site in text_sites}
        with torch.no_grad():
            targets = {site: layer.weight.float() @ super_category for site, layer in sites.items()}
        self.learned = [
            targets[site].requires_grad_()
            for site in sites
            if site in self.backbone.value_sites or not self.settings.lock_keys
        ]
        self.rank_one = RankOne(
            self.subject.handle,
            self.subject.noun,
            super_category,
            self.metric.solve(super_category),
            targets,
            self.settings.bias,
            self.settings.temperature,
        )

    def work_ahead(self, photos: PhotoSet, cache: Path) -> int:
        moments_known, _ = moments.known(self.backbone, cache, self.settings.captions)
        return 0 if moments_known else self.settings.captions

    @torch.no_grad()
    def _noun_encoding(self) -> Tensor:
        """Return the encoding of the noun (D), where i* starts and what the keys are locked to.

        It is the mean over the sentences and over the noun's tokens.
        """
        text = self.backbone.text
        with text.new_words({self.subject.handle: text.embeddings_of(self.subject.noun)}):
            words = text.read([sentence.format(self.subject.handle) for sentence in self.sentences])
        return self._concept_encoding(
            words.hidden, [prompt.spans[self.subject.handle] for prompt in words.tokens]
        )

    def _concept_encoding(self, hidden: Tensor, spans: list[list[int]]) -> Tensor:
        """Return e_concept (D): the mean of the encodings (n, L, D) at the handle's positions."""
        rows = [hidden[row, span].mean(0) for row, span in enumerate(spans)]
        return torch.stack(rows).mean(0).float()

    @property
    def preview_prompt(self) -> str:
        """Return the handle alone if it is learned alone: the base may know no "photo of"."""
        return self.subject.handle if self.settings.sentences == "bare" else super().preview_prompt

    def stages(self) -> list[Stage]:
        groups = (([self.word.vectors], self.settings.word_rate), (self.learned, self.settings.value_rate))
        return [Stage(tr("learning the appearance"), self.settings.steps, groups, after_step=self.move)]

    def draw(self, generator: torch.Generator) -> DenoisingBatch:
        count = self.settings.batch
        chosen = torch.randint(len(self.sentences), (count,), generator=generator).tolist()
        prompts = [self.sentences[index].format(self.subject.handle) for index in chosen]
        photos = self.latents.draw_photos(count, generator)
        prompts = photos.prompts(prompts)
        return draw_denoising(self.backbone, photos.latents, prompts, generator, photos.masks)

    def loss(self, batch: DenoisingBatch) -> dict[str, Tensor]:
        words = encode_prompts(self.backbone, batch)
        spans = [prompt.spans[self.subject.handle] for prompt in words.tokens]
        edit, e_concept = self.rank_one, self._concept_encoding(words.hidden, spans)
        before = edit.i_star, edit.dual
        mean = running_mean(edit.i_star, e_concept.detach())
        edit.i_star = mean + e_concept - e_concept.detach()  # value of the mean, gradient of e_concept
        edit.dual = self.metric.solve(edit.i_star)
        self.moved = mean, edit.dual.detach()
        try:
            with edit.gated(self.settings.train_bias, self.settings.train_temperature):
                return {"denoising": denoising_loss(self.backbone, batch, words)}
        finally:
            edit.i_star, edit.dual = before

    def move(self) -> None:
        """Move the target input to where the loss of this step had it.

        Not the loss itself: that is also asked for to measure what was learned.
        """
        self.rank_one.i_star, self.rank_one.dual = self.moved

    def state(self) -> dict[str, Any]:
        return {"i_star": self.rank_one.i_star, "dual": self.rank_one.dual}

    def load_state(self, state: Mapping[str, Any]) -> None:
        self.rank_one.i_star = state["i_star"].to(self.backbone.device)
        self.rank_one.dual = state["dual"].to(self.backbone.device)

    def edits(self) -> list[Edit]:
        return [self.word, self.rank_one]

    def insights(self) -> list[Insight]:
        return [gate_chart(self.backbone, self.word, self.rank_one)]

    def report(self) -> dict[str, float]:
        """Return `gate` and `leak`, see `trainers.kit.gate_report`."""
        return gate_and_leak(self.backbone, self.word, self.rank_one)

    def dependencies(self) -> dict[str, str]:
        return {marked("text moments"): self.metric.hash}


def running_mean(i_star: Tensor, e_concept: Tensor) -> Tensor:
    """Return 0.99 i* + 0.01 e_concept (section 4.4)."""
    return 0.99 * i_star + 0.01 * e_concept
