"""Break-A-Scene (Avrahami et al., arXiv 2305.16311): several subjects out of one photo, each its own word.

At every step a random subset s of the masked subjects is named, "a photo of <a> and <b>" (union sampling),
and only what their masks M_s cover counts. An attention term pulls the cross-attention map A_i of each word,
divided by its maximum, towards its mask M_i at the maps' resolution:

    L = E || M_s (eps - eps_theta(z_t, t, c_s)) ||^2
      + lambda_attn  sum over i in s of  mean (M_i - A_i / max A_i)^2
      + prior preservation on pictures of the base, as in DreamBooth; in the authors' code, not in the paper

The first phase learns the words only, the second the weights too, at lower rates. The background may be one
more subject, whose mask is what the others leave.

Differences: the second phase tunes low-rank edits of the attention layers, so that a scene is a small file,
although the authors found that cheaper forms of tuning did not work for them; `tuning` "full" tunes every
weight as they do, and makes the change small afterwards (trainers/kit/svd_extraction.py). There may be
several photos, and some may lack a subject. Masks are halved by area instead of taking every 8th or 32nd
pixel. The prior is a batch of its own, and only while weights learn, since its gradient at the words is 0. A
word does not move in a step that does not name it, where the code lets its momentum go on. Where paper and
code differ in the optimiser, this is the code's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from studio.edits import Edit, Full, LowRank, NewWord
from studio.errors import StudioError
from studio.events import Event, Insight, Note
from studio.handles import to_handle
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit.batches import draw_denoising, encode_prompts
from trainers.kit.class_pictures import (
    LIGHT,
    ClassPictureSettings,
    PriorBatch,
    losses_with_prior,
    preservation_weight,
)
from trainers.kit.latents import PhotoLatents
from trainers.kit.losses import attention_mask_loss
from trainers.kit.photo_settings import mirror_images, photos_a_step
from trainers.kit.scene import Scene, masked_photos
from trainers.kit.scene_example import TOGETHER
from trainers.kit.tuned_weights import TunedWeights
from trainers.kit.union_sampling import UnionSampling
from trainers.kit.word_attention import WordAttention


@dataclass(frozen=True)
class Settings(ClassPictureSettings):
    """The recipe of the authors' code for Stable Diffusion 2.1; rates of low-rank edits are not in it."""

    steps: int = setting(
        800, "Training steps of both phases together.", 1, 20000, "steps", source="paper: 400 + 400"
    )
    word_share: float = setting(
        0.5,
        "Share of the steps that learn words only; with 1 the model is never tuned.",
        0.0,
        1.0,
        source="paper",
    )
    word_rate: float = setting(
        5e-4, "Learning rate of the words in the first phase.", 1e-7, 1.0, source="paper"
    )
    late_word_rate: float = setting(
        2e-6, "Learning rate of the words while the model is tuned.", 0.0, 1.0, source="paper"
    )
    tuning: str = setting(
        "low-rank",
        "What is tuned of the model. Full: every weight, compressed at the end; it takes 16 GB more memory "
        "on Stable Diffusion 1.x and 20 GB on 2.x.",
        choices=("low-rank", "full"),
        source="paper: full",
    )
    weight_rate: float = setting(
        1e-4, "Learning rate of the model, tuned low-rank.", 1e-7, 0.1, source="diffusers LoRA README"
    )
    full_rate: float = setting(2e-6, "Learning rate of the model, tuned fully.", 1e-9, 0.1, source="paper")
    rank: int = setting(16, "Capacity of the change to the model; the file grows with it.", 1, 128)
    text_encoder: bool = setting(True, "Also tune the text encoder.", source="paper")
    batch: int = photos_a_step(1, "paper")
    together: bool = setting(
        True,
        "Name several subjects in one prompt too, not only one at a time; off is an ablation.",
        source="paper",
        group="photos",
    )
    masked: bool = setting(
        True, "Learn only what the masks cover; off is an ablation.", source="paper", group="photos"
    )
    attention_weight: float = setting(
        0.01,
        "How strongly the attention of each word is pulled to its mask.",
        0.0,
        100.0,
        source="paper: lambda_attn",
        group="regularizers",
    )
    background: bool = setting(
        False, "Also learn the background, as <name-background>.", source="paper, section 4.2", group="photos"
    )
    prior_weight: float = preservation_weight("code")
    prior_prompt: str = setting(
        "a photo at the beach",
        "Prompt of the pictures that preserve the model; empty for each plain noun in turn.",
        source="code",
        group="regularizers",
    )
    flips: bool = mirror_images(True, "code")
    weight_decay: float = setting(
        1e-2,
        "How strongly all that learns is pulled to zero.",
        0.0,
        1.0,
        source="code; paper: 1e-8",
        group="regularizers",
    )


@dataclass(frozen=True)
class SceneBatch(PriorBatch):
    """Photos of the scene, and class pictures while weights learn.

    Args:
        named: for each photo, its number and the numbers of the subjects that its prompt names.
    """

    named: tuple[tuple[int, list[int]], ...] = ()

    def part(self, numbers: slice) -> Self:
        """See `DenoisingBatch.part`."""
        return dataclasses.replace(super().part(numbers), named=self.named[numbers])


class BreakAScene(Method):
    """Learns a word for each masked subject, and one edit of the model for all of them."""

    id = "break_a_scene"
    title = "Break-A-Scene"
    summary = "Takes one photo apart: up to four masked subjects, each its own word."
    paper = "Avrahami et al. 2023, arXiv 2305.16311"
    needs = Needs(min_photos=1, max_photos=5, max_subjects=4, masks=True)
    settings_class = Settings
    settings: Settings
    quick_settings = {
        "steps": 4,
        "batch": 2,
        "class_pictures": 2,
        "class_steps": 2,
        "word_rate": 0.05,
        "weight_rate": 0.02,
        "rank": 4,
    }
    light_preparation = LIGHT
    max_file_bytes = 120_000
    suits = ("scene",)
    recommended = 3
    example = TOGETHER
    tunes = frozenset({"words", "weights"})

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        self.masked_handles = tuple(subject.handles)  # all but the background's
        background = to_handle(f"{subject.handle.strip('<>')}-background") if settings.background else ""
        if background in self.masked_handles:
            raise StudioError("Two things are called {handle}.", "Give each its own name.", handle=background)
        if background:
            beside = (*subject.beside, Subject(background, "background"))
            subject = dataclasses.replace(subject, beside=beside)
        super().__init__(backbone, subject, settings, generator)
        self.sampling = UnionSampling(list(subject.handles), background, settings.together)
        self.word_steps = round(settings.word_share * settings.steps)
        self.tunes_weights = self.word_steps < settings.steps
        self.words = [
            NewWord(handle, noun, backbone.text.initial_vectors(noun, 1).clone().requires_grad_())
            for handle, noun in subject.handles.items()
        ]
        change: LowRank | Full
        if settings.tuning == "full":
            change = Full.start(subject.handle, subject.noun, backbone, settings.text_encoder)
        else:
            sites = backbone.low_rank_sites(settings.text_encoder)
            change = LowRank.start(subject.handle, subject.noun, sites, settings.rank, generator)
        self.weights = TunedWeights(backbone, change, settings.rank)
        nouns = dict.fromkeys(subject.handles[handle] for handle in self.masked_handles)
        prompts = [f"a photo of a {noun}" for noun in nouns]
        chosen = [settings.prior_prompt] if settings.prior_prompt else prompts
        self.class_pictures = settings.class_pictures_in_turn(backbone, chosen)

    @property
    def change(self) -> LowRank | Full:
        """Return the change of the model."""
        return self.weights.change

    @classmethod
    def works_on(cls, family: type[Backbone]) -> str:
        """Return why it does not work: its loss needs the attention of each word."""
        return "" if family.records_attention else marked("its attention cannot be recorded")

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        """Encode the scene and paint class pictures.

        Raises StudioError when a subject has no mask, or one that nothing can be learned from.
        """
        if photos.captions:
            yield Note(tr("Captions are not used: each step names other subjects in a sentence of its own."))
        side = self.settings.side_on(self.backbone)
        cells = self.backbone.shape_of(side, side)[-1]
        photos = yield from masked_photos(photos, self.masked_handles, self.backbone.attention_side_of(cells))
        latents = PhotoLatents(self.backbone, photos.pixels(side), self.settings.flips)
        self.scene = Scene(latents, photos, self.masked_handles, self.settings.background)
        if self.settings.prior_weight and self.tunes_weights:
            yield from self.class_pictures.prepare(cache)
        self.attention = WordAttention(self.backbone, self.scene, photos, self.sampling)
        self.overlaps_before = self.attention.overlaps(self.edits())

    def work_ahead(self, photos: PhotoSet, cache: Path) -> int:
        is_needed = self.settings.prior_weight and self.tunes_weights
        return self.class_pictures.work_ahead(cache) if is_needed else 0

    def stages(self) -> list[Stage]:
        words, weights = [word.vectors for word in self.words], self.change.parameters()
        rate = self.settings.full_rate if self.settings.tuning == "full" else self.settings.weight_rate
        both = ((words, self.settings.late_word_rate), (weights, rate))
        late, decay = self.settings.steps - self.word_steps, self.settings.weight_decay
        return [
            Stage(tr("learning the words"), self.word_steps, ((words, self.settings.word_rate),), decay),
            Stage(tr("tuning the model"), late, both, decay),
        ]

    def draw(self, generator: torch.Generator) -> SceneBatch:
        scene = self.scene
        numbers = scene.latents.choose(self.settings.batch, generator)
        named = [
            (number, self.sampling.draw(scene.present[number], generator)) for number in numbers.tolist()
        ]
        masks = torch.stack([scene.masks[number, subset].amax(0, keepdim=True) for number, subset in named])
        latents = scene.latents.at(numbers, generator)
        prompts = [self.sampling.prompt(subset) for _, subset in named]
        counted = masks if self.settings.masked else None
        own = draw_denoising(self.backbone, latents, prompts, generator, counted)
        # without a second phase the change never learns, although its parameters could
        tunes_now = self.tunes_weights and self.change.parameters()[0].requires_grad
        has_prior = self.settings.prior_weight and tunes_now
        prior = self.class_pictures.draw(self.settings.batch, generator) if has_prior else None
        return SceneBatch(**vars(own), named=tuple(named), prior=prior)

    def loss(self, batch: SceneBatch) -> dict[str, Tensor]:
        side = self.scene.latents.attention_side
        words = encode_prompts(self.backbone, batch)
        with self.backbone.require_attention().record(side) as recorded:
            terms = losses_with_prior(self.backbone, batch, words, self.settings.prior_weight)
        if self.settings.attention_weight:
            losses = []
            for row, (number, subset) in enumerate(batch.named):
                spans = [words.tokens[row].spans[self.words[index].handle] for index in subset]
                maps = torch.stack([recorded.word(span, side)[row] for span in spans])
                losses.append(attention_mask_loss(maps, self.scene.attention_masks[number, subset]))
            terms["attention"] = self.settings.attention_weight * torch.stack(losses).mean()
        return terms

    def edits(self) -> list[Edit]:
        return [*self.words, self.change] if self.tunes_weights else [*self.words]

    def finish(self) -> Iterator[Event]:
        """Turn full tuning into a low-rank edit; yields Notes of what that costs."""
        if self.tunes_weights:
            latents, prompt = self.scene.latents.mean[:1], self.sampling.prompt(self.scene.present[0])
            yield from self.weights.finish(latents, prompt, self.words)

    def insights(self) -> list[Insight]:
        return [*self.attention.insights(self.edits()), *self.weights.insights()]

    def report(self) -> dict[str, float]:
        """Return `map IoU of ...`, of each word's attention with its mask, and `norm of ...`.

        The IoU is 0..1, before training and now; the norm is that of the vector, in median norms of the
        vocabulary. After full tuning also what the compression lost.
        """
        report, now = {}, self.attention.overlaps(self.edits())
        for index, word in enumerate(self.words):
            report[f"map IoU of {word.handle} before"] = self.overlaps_before[index, index].item()
            report[f"map IoU of {word.handle}"] = now[index, index].item()
            length = word.vectors.detach().norm().item()
            report[f"norm of {word.handle}"] = length / self.backbone.text.median_norm
        return report | self.weights.report()

    @property
    def closing_prompts(self) -> list[str]:
        alone = [self.sampling.prompt([index]) for index in range(len(self.words))]
        return alone if len(alone) > 1 else []

    @property
    def preview_prompt(self) -> str:
        return self.sampling.prompt(range(len(self.masked_handles)))
