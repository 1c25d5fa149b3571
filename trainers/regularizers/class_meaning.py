"""The semantic preservation loss of ClassDiffusion (Huang et al., arXiv 2405.17532).

Tuning lets "a [V] dog" drift away from "a dog" in the space of the text encoder, and what a dog can wear or
do is lost on the way. The loss holds the word to its class:

    L_sp = mean_i [ 1 - cos(e("a photo of a <V_i>"), e("a photo of a <noun_i>")) ]

with e the encoding of the first end token, as the denoiser reads it (in Stable Diffusion 1.x after the final
layer norm). It reaches the text side alone: words, and the text encoder where it is tuned; e of the noun is
always that of the untouched base.

Differences: what a handle stands for is up to the method. DreamBooth's is [V] and the noun, as in the paper;
Textual Inversion's word takes the noun's place. The released code reads the phrase with [V] at the largest
token id, which is [V] itself instead of the end (`class_meaning_pool` "argmax"); the published weights were
learned so. There it replaces the prior preservation; here both may be on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.errors import StudioError
from studio.method import Method
from studio.models.words import TokenBatch, Tokens, Words
from studio.regularizer import Regularizer
from studio.settings import setting
from studio.words import marked
from trainers.kit.batches import DenoisingBatch

PHRASE = "a photo of a {}"


@dataclass(frozen=True)
class Settings:
    """Off by default; 1 is the paper's weight."""

    class_meaning_weight: float = setting(
        0.0,
        "Keeps the word close to its noun, so that it can wear, hold and do what the noun can.",
        0.0,
        100.0,
        source="released script: 1.0",
    )
    class_meaning_pool: str = setting(
        "eos",
        "Where the meaning is read: at the end of the sentence, or as the released code does.",
        choices=("eos", "argmax"),
        source="paper",
    )


class ClassMeaning(Regularizer):
    """L_sp of ClassDiffusion, for the words of any method."""

    id = "class_meaning"
    title = "Class meaning"
    paper = "Huang et al. 2024, arXiv 2405.17532"
    settings_class = Settings
    weights = ("class_meaning_weight",)
    tunes = frozenset({"words"})
    settings: Settings

    def __init__(self, method: Method, settings: Settings) -> None:
        super().__init__(method, settings)
        self.nouns = {edit.handle: edit.noun for edit in method.edits() if edit.word_vectors is not None}
        if not self.nouns or not self.is_active():
            raise StudioError(
                "No word is learned whose class meaning could be kept.",
                "Let the method learn a word, or set the class meaning weight to 0.",
            )
        text = method.backbone.text
        with torch.no_grad(), text.on_device():
            words = text.read([PHRASE.format(noun) for noun in self.nouns.values()])
        self.classes = self._read(words, [tokens.end for tokens in words.tokens])  # (k, D)

    def is_active(self) -> bool:
        """Return whether a word, or the text encoder that reads it, learns in the stage that runs."""
        edits, in_encoder = self.method.edits(), self.method.backbone.in_text_encoder
        words = (edit.word_vectors for edit in edits)
        if any(vectors is not None and vectors.requires_grad for vectors in words):
            return True
        named = (item for edit in edits for item in edit.tensors().items())
        return any(tensor.requires_grad for name, tensor in named if in_encoder(name))

    def draw(self, batch: DenoisingBatch, generator: torch.Generator) -> TokenBatch:
        """Return the phrase of every word, tokenized."""
        return self._phrases()

    def terms(self, batch: DenoisingBatch, own: TokenBatch) -> dict[str, Tensor]:
        """Return L_sp, weighted."""
        loss = 1 - self.closeness(own, batch.timesteps)
        return {"class meaning": self.settings.class_meaning_weight * loss}

    def closeness(self, phrases: TokenBatch, timesteps: Tensor) -> Tensor:
        """Return the mean cosine between k phrases and those of their nouns.

        Words that depend on the timestep are read at each of `timesteps` (n,).
        """
        text, classes = self.method.backbone.text, self.classes
        if text.is_timed:
            count, k = len(timesteps), len(phrases)
            words = text.encode(phrases.repeat(count), timesteps.repeat_interleave(k))
            classes = classes.repeat(count, 1)
        else:
            words = text.encode(phrases)
        read = self._read(words, [self._position(tokens) for tokens in words.tokens])
        return torch.cosine_similarity(read, classes, dim=1).mean()

    def report(self) -> dict[str, float]:
        """Return the closeness after training; of words that depend on the timestep, at half the noise."""
        backbone = self.method.backbone
        with torch.no_grad(), attach(backbone, [ActiveEdit(edit) for edit in self.method.edits()]):
            phrases = self._phrases()
            return {marked("class meaning"): self.closeness(phrases, backbone.at_noise(0.5, 1)).item()}

    def _phrases(self) -> TokenBatch:
        return self.method.backbone.text.tokenize_all([PHRASE.format(handle) for handle in self.nouns])

    def _position(self, tokens: Tokens) -> int:
        """Return the position at which a phrase is read."""
        if self.settings.class_meaning_pool == "argmax":
            (span,) = tokens.spans.values()
            return span[0]
        return tokens.end

    @staticmethod
    def _read(words: Words, positions: list[int]) -> Tensor:
        """Return the encoding (n, D) at one position of each of n prompts, float32."""
        return words.hidden[list(range(len(words))), positions].float()
