"""DreamBooth (Ruiz et al., arXiv 2208.12242), as low-rank edits.

Tunes the denoiser so that "[V] noun" means the subject, while pictures that the untouched base painted of
the plain noun keep the noun from drifting (class-specific prior preservation, section 4.3):

    E || eps - eps_theta(z_t, t, c) ||^2  +  lambda E || eps' - eps_theta(z_pr,t', t', c_pr) ||^2

each term a mean of its own, with its own noise and timestep. Differences from the paper: low-rank edits
of the attention layers (LoRA, as in the diffusers example) instead of every weight, so that a concept is
a small file; their matrices A may be blocks of one shared orthogonal basis, for less crosstalk between
concepts (Orthogonal Adaptation, Po et al., arXiv 2312.02432); class pictures are painted by the studio's DDIM
sampler instead of an ancestral one; [V] may be a learned vector instead of a rare word of the vocabulary; in
photos with a mask of the subject, mostly what it covers counts, as much for a small subject as for a large
one, since the loss of the class pictures is over whole pictures too; on a plain ground the mask is found. A
little of the ground counts as well, for without any the model does not learn where the subject ends. Some
photos with masks may show the subject in front of painted backgrounds (`trainers.kit.backgrounds`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from studio.edits import Edit, LowRank, NewWord
from studio.events import Event
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.method_example import Example, ExamplePicture
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit.backgrounds import Backgrounds, BackgroundSettings
from trainers.kit.batches import draw_denoising, encode_prompts
from trainers.kit.class_pictures import (
    LIGHT,
    ClassPictureSettings,
    PriorBatch,
    losses_with_prior,
    picture_count,
    preservation_weight,
)
from trainers.kit.latents import PhotoLatents
from trainers.kit.photo_settings import (
    MaskedPhotoSettings,
    finding_subjects,
    mirror_images,
    photos_a_step,
    weight_of_ground,
)

PRESERVES_NOUN = marked("How strongly the plain noun is preserved; 0 turns it off.")
MAX_RANK = 128


@dataclass(frozen=True)
class Settings(MaskedPhotoSettings, BackgroundSettings, ClassPictureSettings):
    """The recipe of PEFT's DreamBooth example, low-rank with prior preservation.

    It scales the edits by 27/16, and tunes the text encoder in place of a learned word.
    """

    steps: int = setting(800, "Training steps.", 1, 20000, "steps", source="PEFT's example")
    learning_rate: float = setting(1e-4, "Learning rate of the model.", 1e-7, 0.1, source="PEFT's example")
    batch: int = photos_a_step(1, "paper")
    rank: int = setting(
        16,
        "Capacity of the change to the model; the file grows with it.",
        1,
        MAX_RANK,
        source="PEFT's example",
    )
    class_pictures: int = picture_count(200, "PEFT's example")
    prior_weight: float = preservation_weight("paper: lambda", PRESERVES_NOUN)
    identifier: str = setting(
        "learned",
        "The word before the noun: learned too, or a rare word that stays as it is.",
        choices=("learned", "rare word"),
        group="words",
    )
    rare_word: str = setting(
        "sks", "The rare word, if one is used.", source="diffusers script", group="words"
    )
    word_rate: float = setting(
        5e-4, "Learning rate of the learned word.", 0.0, 1.0, source="diffusers README"
    )
    text_encoder: bool = setting(
        False, "Also tune the text encoder: more faithful to the photos, less to the prompt.", source="paper"
    )
    basis: str = setting(
        "free",
        "Shared: concepts take blocks of one orthogonal basis, so that they disturb each other less.",
        choices=("free", "shared"),
        source="shared: Orthogonal Adaptation",
        group="regularizers",
    )
    block: int = setting(
        -1, "Block of the shared basis; -1 for the first that is free.", -1, 10_000, group="regularizers"
    )
    averaged_share: float = setting(
        0.0,
        "Keep the mean over this last share of the steps, which owes less to chance; 0 for the last one.",
        0.0,
        1.0,
        source="Karras et al. 2024",
    )
    find_subject: bool = finding_subjects(True)
    ground_weight: float = weight_of_ground(0.1)
    flips: bool = mirror_images(False, "diffusers script")

    def backgrounds_of(self, backbone: Backbone, subject: Subject) -> Backgrounds:
        """Return what a subject is put in front of: nothing where masks are not used."""
        share = self.background_share if self.masks else 0.0
        sampling = self.class_steps, self.class_guidance, self.side_on(backbone)
        return Backgrounds(backbone, subject.handle, self.backgrounds, share, *sampling)


class DreamBooth(Method):
    """Learns low-rank edits of the attention layers, and a word before the noun."""

    id = "dreambooth"
    title = "DreamBooth"
    summary = "Teaches the model itself. The closest likeness; a larger file."
    paper = "Ruiz et al. 2022, arXiv 2208.12242"
    needs = Needs(min_photos=1, max_photos=30)
    settings_class = Settings
    quick_settings = {
        "steps": 4,
        "batch": 2,
        "class_pictures": 2,
        "class_steps": 2,
        "learning_rate": 0.02,
        "rank": 4,
        "averaged_share": 0.5,
    }
    light_preparation = {**LIGHT, "backgrounds": 1}
    max_file_bytes = 120_000
    suits = ("thing", "style")
    recommended = 1  # its pictures look best: assets/readme/results.md
    example = Example(
        "amber",
        (
            ExamplePicture("{} on the beach at night"),
            ExamplePicture("{} in the forest"),
            ExamplePicture("{} in a box"),
        ),
    )
    tunes = frozenset({"words", "weights"})
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        noun = backbone.text.embeddings_of(subject.noun)
        if settings.identifier == "learned":
            self.identifier = noun.mean(0, keepdim=True).clone().requires_grad_()
        else:
            self.identifier = backbone.text.embeddings_of(settings.rare_word)
        self.noun = noun
        self.class_pictures = settings.class_pictures_of(backbone, self.class_prompt)
        self.backgrounds = settings.backgrounds_of(backbone, subject)
        sites = backbone.low_rank_sites(settings.text_encoder)
        block = max(0, settings.block) if settings.basis == "shared" else None
        self.low_rank = LowRank.start(subject.handle, subject.noun, sites, settings.rank, generator, block)

    @classmethod
    def resolve_settings(cls, values: dict[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
        """Return the settings with a free block of the shared basis, where they ask for one."""
        if values["basis"] == "shared" and values["block"] < 0:
            rank = values["rank"]
            taken = [_rows_of(other) for other in others if other.get("basis") == "shared"]
            free = (
                block
                for block in itertools.count()
                if not any(_meet(_rows(block, rank), other) for other in taken)
            )
            values = values | {"block": next(free)}
        return values

    @property
    def class_prompt(self) -> str:
        """Return the prompt of the class pictures."""
        return f"a photo of a {self.subject.noun}"

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.latents = PhotoLatents.of_subject(self.backbone, photos, self.subject, self.settings)
        if self.settings.prior_weight:
            yield from self.class_pictures.prepare(cache)
        yield from self.backgrounds.prepare(photos, self.settings.ground_weight, cache)

    def work_ahead(self, photos: PhotoSet, cache: Path) -> int:
        class_pictures = self.class_pictures.work_ahead(cache) if self.settings.prior_weight else 0
        return class_pictures + self.backgrounds.work_ahead(photos, cache)

    def stages(self) -> list[Stage]:
        groups = [(self.low_rank.parameters(), self.settings.learning_rate)]
        if self.identifier.requires_grad:
            groups.append(([self.identifier], self.settings.word_rate))
        share = self.settings.averaged_share
        return [Stage(tr("learning the subject"), self.settings.steps, tuple(groups), averaged_share=share)]

    def draw(self, generator: torch.Generator) -> PriorBatch:
        count = self.settings.batch
        photos = self.backgrounds.mix(self.latents.draw_photos(count, generator), generator)
        prompts = photos.prompts([f"a photo of {self.subject.handle}"])
        own = draw_denoising(self.backbone, photos.latents, prompts, generator, photos.masks)
        prior = self.class_pictures.draw(count, generator) if self.settings.prior_weight else None
        return PriorBatch(**vars(own), prior=prior)

    def loss(self, batch: PriorBatch) -> dict[str, Tensor]:
        words = encode_prompts(self.backbone, batch)
        return losses_with_prior(self.backbone, batch, words, self.settings.prior_weight, by_area=True)

    def edits(self) -> list[Edit]:
        word = NewWord(self.subject.handle, self.subject.noun, torch.cat([self.identifier, self.noun]))
        return [word, self.low_rank]


def _rows(block: int, rank: int) -> range:
    """Return the rows of the shared basis that a block of this rank has, see `shared_rows`."""
    return range(block * rank, (block + 1) * rank)


def _rows_of(settings: Mapping[str, Any]) -> range:
    """Return the rows that a concept with these settings has; they may be those of a stranger's file."""
    block, rank = settings.get("block"), settings.get("rank")
    if not isinstance(block, int) or not isinstance(rank, int):
        return range(0)
    return _rows(block, min(rank, MAX_RANK))


def _meet(one: range, other: range) -> bool:
    """Return whether two ranges have a number in common."""
    return one.start < other.stop and other.start < one.stop
