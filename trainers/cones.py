"""ConES, concept embedding search (Yi et al., arXiv 2305.18993).

Learns rows of the encoded prompt, as the denoiser reads them, and nothing else. No text encoder takes part in
a step, neither forward nor backward:

    c* = argmin_c  E || eps - eps_theta(z_t, t, [E(y)_1 .. E(y)_k-1, c, E(y)_k+n .. E(y)_L]) ||^2

E(y) is the encoding of a neutral sentence about the plain noun, whose n positions from k on the rows c take.
It is made once for each sentence, before the first step. (The method is no relative of Cones, which finds
neurons of a concept.)

Of the paper only the abstract could be read, and no code is public: the recipe is ours, but for the idea.
Every other row is the encoder's: the start token, to which most of the attention goes, and the words around,
which do not see the concept and are not seen by it. A single prompt of 77 learned rows, the other reading of
the paper, could be painted in no other sentence: nothing of it would be left to be written by hand.

Rows start as the encoder's own for the noun, and the learning rate is in units of their root mean square,
since encoders differ in scale. After each step a row is brought back to lengths that the encoder gives to its
tokens.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

from studio.edits import Edit
from studio.edits.kinds.encoded_tokens import EncodedWord, noun_vectors
from studio.events import Event
from studio.method import Method, Stage
from studio.method_card import Needs
from studio.method_example import Example, ExamplePicture
from studio.models.backbone import Backbone
from studio.models.words import Words
from studio.photos.photo_set import PhotoSet
from studio.settings import setting
from studio.subject import Subject
from studio.words import marked, tr
from trainers.kit.batches import DenoisingBatch
from trainers.kit.losses import denoising_loss
from trainers.kit.photo_sentences import PhotoSentences, SentenceSettings
from trainers.kit.photo_settings import photos_a_step

OURS = "ours: the paper's recipe is not public"


@dataclass(frozen=True)
class Settings(SentenceSettings):
    """Our recipe for Stable Diffusion 1.5, whose encoded rows have a root mean square near 1."""

    steps: int = setting(500, "Training steps.", 1, 20000, "steps", source=OURS)
    learning_rate: float = setting(
        1e-2,
        "Learning rate, in units of a number of the encoded noun. High is more faithful to the photos.",
        1e-6,
        1.0,
        source=OURS,
    )
    batch: int = photos_a_step(4, OURS)
    rows: int = setting(
        1,
        "Places in the prompt that the name takes, at least as many as the noun's. More are more faithful to "
        "the photos, less to the prompt.",
        1,
        8,
        "places",
        source=OURS,
        group="words",
    )
    hold_length: bool = setting(
        True,
        "Keep the rows within the lengths that the encoder gives to its words.",
        source=OURS,
        group="words",
    )


@dataclass(frozen=True)
class SentenceBatch(DenoisingBatch):
    """A batch that knows its sentences, whose encodings are made already."""

    sentences: tuple[str, ...] = ()

    def part(self, numbers: slice) -> Self:
        """See `DenoisingBatch.part`."""
        return dataclasses.replace(super().part(numbers), sentences=self.sentences[numbers])


class ConES(Method):
    """Learns n rows of the encoded prompt."""

    id = "cones"
    title = "ConES"
    summary = "Finds the word behind the text encoder. Quick steps, a tiny file; other words do not see it."
    paper = "Yi et al. 2023, arXiv 2305.18993"
    needs = Needs(min_photos=1, max_photos=30)
    settings_class = Settings
    quick_settings = {"steps": 4, "batch": 2, "learning_rate": 0.05}
    max_file_bytes = 10_000
    example = Example(
        "amber",
        (
            ExamplePicture("{} on a blue background", "on blue"),
            ExamplePicture("{} in the forest"),
            ExamplePicture("{} on the beach"),
        ),
    )
    suits = ("thing", "style")
    tunes = frozenset()  # CoRe's terms ask that other words are read as around the noun: here they are
    reads_prompts = False
    settings: Settings

    def __init__(
        self, backbone: Backbone, subject: Subject, settings: Settings, generator: torch.Generator
    ) -> None:
        super().__init__(backbone, subject, settings, generator)
        text = backbone.text
        self.count = max(settings.rows, len(text.embeddings_of(subject.noun)))
        (words,) = self.read([self.preview_prompt]).values()
        start = words.hidden[0, words.tokens[0].spans[subject.handle]].float()
        self.scale, self.noun_length = start.square().mean().sqrt().item(), start.norm(dim=1).mean().item()
        self.word = EncodedWord(subject.handle, subject.noun, start.clone().requires_grad_())

    @torch.no_grad()
    def read(self, sentences: list[str]) -> dict[str, Words]:
        """Return the encoding of each sentence, with the plain noun where it names the subject."""
        text, subject = self.backbone.text, self.subject
        noun = {subject.handle: noun_vectors(text, subject.noun, self.count)}
        with text.on_device(), text.new_words(noun):
            return {sentence: text.read([sentence]) for sentence in dict.fromkeys(sentences)}

    def prepare(self, photos: PhotoSet, cache: Path) -> Iterator[Event]:
        self.photos = PhotoSentences(self.backbone, photos, self.subject, self.settings)
        self.encoded = self.read(self.photos.all)
        written = [words.hidden[0, list(words.tokens[0].written)] for words in self.encoded.values()]
        lengths = torch.cat(written).float().norm(dim=1)
        self.shortest, self.longest = lengths.min().item(), lengths.max().item()
        yield from ()

    def stages(self) -> list[Stage]:
        groups = (([self.word.rows], self.scale * self.settings.learning_rate),)
        return [Stage(tr("learning the rows"), self.settings.steps, groups, 0.0, self.hold_length)]

    @torch.no_grad()
    def hold_length(self) -> None:
        """Bring each row back between the shortest and the longest token of the encoded sentences."""
        if self.settings.hold_length:
            length = self.word.rows.norm(dim=1, keepdim=True)
            self.word.rows *= length.clamp(self.shortest, self.longest) / length

    def draw(self, generator: torch.Generator) -> SentenceBatch:
        drawn, sentences = self.photos.draw(self.settings.batch, generator)
        return SentenceBatch(**vars(drawn), sentences=tuple(sentences))

    def loss(self, batch: SentenceBatch) -> dict[str, Tensor]:
        words = self.word.splice(Words.joined([self.encoded[sentence] for sentence in batch.sentences]))
        return {"denoising": denoising_loss(self.backbone, batch, words)}

    def edits(self) -> list[Edit]:
        return [self.word]

    def report(self) -> dict[str, float]:
        """Return `length`, the mean length of the rows, in lengths of the encoded noun."""
        return {marked("length"): self.word.rows.detach().norm(dim=1).mean().item() / self.noun_length}

    @property
    def preview_prompt(self) -> str:
        return self.settings.preview(self.subject.handle)
