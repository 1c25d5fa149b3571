"""DisenDiff (Zhang et al., arXiv 2403.18551): several subjects out of one photo, without masks.

A subject is named by a learned word before its noun, "V1 cat and V2 dog", and a handle stands for both:
<lily> is read as "V1 cat". The words are learned with K and V of all layers that read text, on

    L = E || eps - eps_theta(z_t, t, c) ||^2 + prior preservation + w (L_bind + L_s&s)

where L_bind draws the attention of each word to that of its noun and L_s&s keeps the nouns apart
(`trainers/kit/attention_calibration.py`), on maps of a quarter of the latents' side, 16 x 16 at 512 pixels.
The start token's K and V get no gradient, as in the code.

Differences: K and V are tuned fully and cut to a low rank at the end, so that a concept is a small file
(trainers/kit/svd_extraction.py); `tuning` "low-rank" trains the factors themselves, with less memory. The
prior is learned from pictures that the base painted, where the authors retrieve photos from a data set that
is gone. Of their augmentations there are mirror images, but no shrunk, enlarged and pasted photos with
captions such as "far away". A noun may be several tokens, whose maps are averaged; the code knows one. With
three subjects the code forgets to start the second word; here each starts from a rare piece of a word. One
subject works too: there is nothing to keep it apart from. The code's batch of 2, accumulated 4 times, is one
of 8. Two subjects of the same noun cannot be told apart, since nothing but their noun does it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from studio.edits import ActiveEdit, Edit, Full, LowRank, NewWord, attach
from studio.edits.attaching import hooks_on
from studio.errors import StudioError
from studio.events import Event, Insight, Note
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.models.attention import word_attention_maps
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit.attention_calibration import binding_loss, calibrated, separation_loss, soft_iou, stretched
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
from trainers.kit.mask_preview import mask_preview
from trainers.kit.photo_settings import mirror_images, photos_a_step
from trainers.kit.scene_example import EACH_ALONE
from trainers.kit.tuned_weights import TunedWeights

# Pieces of CLIP's vocabulary, with whether they end a word; two subjects take the last two
RARE_PIECES = (("ucd", True), ("pll", False), ("ktn", False))


@dataclass(frozen=True)
class Settings(ClassPictureSettings):
    """The recipe of the authors' code for Stable Diffusion 1.5; rank and low-rank rate are not in it."""

    steps: int = setting(250, "Training steps.", 1, 20000, "steps", source="code")
    batch: int = photos_a_step(8, "code: 2, accumulated 4 times")
    word_rate: float = setting(8e-5, "Learning rate of the words.", 0.0, 1.0, source="paper")
    tuning: str = setting(
        "full",
        "How keys and values are tuned. Full: every number, compressed at the end.",
        choices=("full", "low-rank"),
        source="paper",
    )
    full_rate: float = setting(8e-5, "Learning rate of the model, tuned fully.", 1e-9, 0.1, source="paper")
    weight_rate: float = setting(
        1e-4, "Learning rate of the model, tuned low-rank.", 1e-7, 0.1, source="diffusers LoRA README"
    )
    rank: int = setting(16, "Capacity of the change to the model; the file grows with it.", 1, 128)
    attention_weight: float = setting(
        0.01,
        "How strongly words are bound to their nouns, and nouns kept apart.",
        0.0,
        100.0,
        source="code; paper: 1",
        group="regularizers",
    )
    bind: bool = setting(
        True, "Bind each word to its noun; off is an ablation.", source="paper: L_bind", group="regularizers"
    )
    separate: bool = setting(
        True, "Keep the nouns apart; off is an ablation.", source="paper: L_s&s", group="regularizers"
    )
    suppress: bool = setting(
        True,
        "Let nouns forget where they look a little; off is an ablation.",
        source="paper, section 3.3",
        group="regularizers",
    )
    start: str = setting(
        "rare pieces",
        "What the words start from: rare pieces of words, or their nouns.",
        choices=("rare pieces", "noun"),
        source="code",
        group="words",
    )
    opening: str = setting(
        "",
        'What stands before the names while they are learned, such as "a photo of".',
        source="code",
        group="words",
    )
    class_pictures: int = picture_count(200, "code")
    prior_weight: float = preservation_weight("code")
    flips: bool = mirror_images(True, "code")


class DisenDiff(Method):
    """Learns a word before each noun, and keys and values for all of them."""

    id = "disendiff"
    title = "DisenDiff"
    summary = "Tells two or three different things in one photo apart by their nouns. No masks needed."
    paper = "Zhang et al. 2024, arXiv 2403.18551"
    needs = Needs(min_photos=1, max_photos=5, max_subjects=3)
    settings_class = Settings
    settings: Settings
    quick_settings = {
        "steps": 4,
        "batch": 2,
        "class_pictures": 2,
        "class_steps": 2,
        "word_rate": 0.05,
        "full_rate": 0.005,
        "weight_rate": 0.02,
        "rank": 4,
    }
    light_preparation = LIGHT
    max_file_bytes = 60_000
    suits = ("scene",)
    example = EACH_ALONE
    tunes = frozenset({"words", "weights"})

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        self.nouns = {handle: backbone.text.embeddings_of(noun) for handle, noun in subject.handles.items()}
        self.identifiers = dict(zip(self.nouns, self._starts(), strict=True))
        for vector in self.identifiers.values():
            vector.requires_grad_()
        self.sites = (*backbone.key_sites, *backbone.value_sites)
        change: LowRank | Full
        if settings.tuning == "full":
            change = Full.start(subject.handle, subject.noun, backbone, False, self.sites)
        else:
            layers = {site: layer for site, layer in backbone.linear_sites("").items() if site in self.sites}
            change = LowRank.start(subject.handle, subject.noun, layers, settings.rank, generator)
        self.weights = TunedWeights(backbone, change, settings.rank)
        plain = " and ".join(f"a {noun}" for noun in subject.handles.values())
        self.class_pictures = settings.class_pictures_of(backbone, f"a photo of {plain}")

    def _starts(self) -> list[Tensor]:
        """Return what each word starts from, J of (1, D)."""
        if self.settings.start == "noun":
            return [noun.mean(0, keepdim=True) for noun in self.nouns.values()]
        text = self.backbone.text
        found = [(piece, text.embedding_of_piece(piece, ends)) for piece, ends in RARE_PIECES]
        starts = [text.initial_vectors(piece, 1) if one is None else one for piece, one in found]
        return starts[-len(self.nouns) :]

    @classmethod
    def works_on(cls, family: type[Backbone]) -> str:
        """Return why it does not work: it tunes projections that read text alone, and needs attention."""
        if not family.has_text_layers:
            return marked("no layer of it reads the prompt alone")
        return "" if family.records_attention else marked("its attention cannot be recorded")

    @property
    def prompt(self) -> str:
        """Return what the photo is learned with: "<lily> and <tom>"."""
        return f"{self.settings.opening} {' and '.join(self.nouns)}".strip()

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        """Encode the photos and paint class pictures.

        Raises StudioError when two subjects have the same noun, or not all names fit into the prompt.
        """
        if len(set(self.subject.handles.values())) < len(self.nouns):
            hint = "Give them different nouns, or take Break-A-Scene, which goes by masks."
            raise StudioError(
                "{method} tells things apart by their nouns; two have the same.", hint, method=self.title
            )
        with attach(self.backbone, [ActiveEdit(word) for word in self._words()]):
            spans = self.backbone.text.tokenize(self.prompt).spans
        if any(len(spans[word.handle]) != len(word.vectors) for word in self._words()):
            raise StudioError("The names do not fit after the opening.", "Make it shorter, without names.")
        if photos.captions:
            yield Note(tr("Captions are not used: one sentence names all that is learned."))
        side = self.settings.side_on(self.backbone)
        self.latents = PhotoLatents(self.backbone, photos.pixels(side), self.settings.flips)
        self.square = photos.squares[0]
        if self.settings.prior_weight:
            yield from self.class_pictures.prepare(cache)

    def work_ahead(self, photos: PhotoSet, cache: Path) -> int:
        return self.class_pictures.work_ahead(cache) if self.settings.prior_weight else 0

    def stages(self) -> list[Stage]:
        rate = self.settings.full_rate if self.settings.tuning == "full" else self.settings.weight_rate
        words, weights = list(self.identifiers.values()), self.weights.parameters()
        groups = ((words, self.settings.word_rate), (weights, rate))
        return [Stage(tr("learning the subjects"), self.settings.steps, groups)]

    def draw(self, generator: torch.Generator) -> PriorBatch:
        count = self.settings.batch
        own = draw_denoising(self.backbone, self.latents.draw(count, generator), [self.prompt], generator)
        prior = self.class_pictures.draw(count, generator) if self.settings.prior_weight else None
        return PriorBatch(**vars(own), prior=prior)

    def loss(self, batch: PriorBatch) -> dict[str, Tensor]:
        side = self.latents.attention_side
        with hooks_on(self.backbone, dict.fromkeys(self.sites, without_start_gradient)):
            words = encode_prompts(self.backbone, batch)
            with self.backbone.require_attention().record(side) as recorded:
                terms = losses_with_prior(self.backbone, batch, words, self.settings.prior_weight)
            if self.settings.attention_weight:
                positions = self._positions(words.tokens[0].spans)
                maps = [torch.stack([recorded.word(p, side) for p in each], dim=1) for each in positions]
                photos = (each[: len(batch)] for each in maps)  # those of class pictures come after them
                terms["attention"] = self.settings.attention_weight * self.attention_loss(*photos).mean()
        return terms

    def attention_loss(self, words: Tensor, nouns: Tensor) -> Tensor:
        """Return L_bind + L_s&s (n,) of the attention (n, J, s, s) to the words and to their nouns."""
        words, nouns = calibrated(words, nouns, self.settings.suppress)
        loss = words.new_zeros(len(words))
        if self.settings.bind:
            loss = loss + binding_loss(words, nouns)
        return loss + separation_loss(nouns) if self.settings.separate else loss

    def _positions(self, spans: dict[str, list[int]]) -> tuple[list[list[int]], list[list[int]]]:
        """Return the positions of each word's token, and of each noun's tokens."""
        own = [spans[handle] for handle in self.nouns]
        return [span[:1] for span in own], [span[1:] for span in own]

    def _words(self) -> list[NewWord]:
        """Return, for each handle, its learned word with the noun after it."""
        return [
            NewWord(handle, self.subject.handles[handle], torch.cat([identifier, self.nouns[handle]]))
            for handle, identifier in self.identifiers.items()
        ]

    def edits(self) -> list[Edit]:
        return [*self._words(), self.weights.change]

    def finish(self) -> Iterator[Event]:
        """Turn full tuning into a low-rank edit; yields Notes of what that costs."""
        yield from self.weights.finish(self.latents.mean[:1], self.prompt, self._words())

    def _maps(self) -> tuple[Tensor, Tensor]:
        """Return the attention in the first photo to the words and to their nouns, (J, s, s) each."""
        with attach(self.backbone, [ActiveEdit(edit) for edit in self.edits()]):
            words, nouns = self._positions(self.backbone.text.tokenize(self.prompt).spans)
            maps = word_attention_maps(self.backbone, self.latents.mean[:1], self.prompt, words + nouns)[:, 0]
        return maps[: len(words)], maps[len(words) :]

    def overlaps(self) -> Tensor:
        """Return the soft IoU of each word's attention with each noun's, (J, J)."""
        words, nouns = (maps[0] for maps in calibrated(*(maps[None] for maps in self._maps())))
        return soft_iou(words[:, None], nouns[None])

    def insights(self) -> list[Insight]:
        words, nouns = self._maps()
        pictures = [
            mask_preview([self.square] * 2, stretched(torch.stack(pair)))
            for pair in zip(words, nouns, strict=True)
        ]
        text = "Attention of {handle}: of its word, and of its noun"
        captions = [tr(text, handle=handle) for handle in self.nouns]
        return [*map(Insight, pictures, captions), *self.weights.insights()]

    def report(self) -> dict[str, float]:
        """Return how far each word attends where its noun does, and where others do: soft IoU, 0..1.

        After full tuning also what the compression lost.
        """
        report = {}
        for row, (handle, overlaps) in enumerate(zip(self.nouns, self.overlaps().tolist(), strict=True)):
            others = [overlap for column, overlap in enumerate(overlaps) if column != row]
            report[f"{handle} with its noun"] = overlaps[row]
            if others:
                report[f"{handle} with other nouns"] = sum(others) / len(others)
        return report | self.weights.report()

    @property
    def closing_prompts(self) -> list[str]:
        return [f"a photo of {handle}" for handle in self.nouns] if len(self.nouns) > 1 else []

    @property
    def preview_prompt(self) -> str:
        return f"a photo of {' and '.join(self.nouns)}"


def without_start_gradient(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
    """Return keys or values (n, L, d) through which no gradient passes at the start token."""
    return torch.cat([output[:, :1].detach(), output[:, 1:]], dim=1)
