"""The two context terms of CoRe (Wu et al., arXiv 2408.15914).

A learned word is asked to leave its neighbours alone: in a prompt that has nothing to do with the photos,
every other token is to be encoded as it would be around the plain noun, and to get as much of the picture's
attention (`studio.generation.context_loss`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.errors import StudioError
from studio.generation.context_loss import context_loss
from studio.method import Method
from studio.regularizer import Regularizer
from studio.settings import setting
from trainers.kit.batches import DenoisingBatch
from trainers.kit.context_prompts import BY_NOUN, KINDS, context_prompts


@dataclass(frozen=True)
class Settings:
    """Off by default; CoRe's own weights are the paper's."""

    context_embedding_weight: float = setting(
        0.0,
        "Keeps the other words of a prompt as they are read.",
        0.0,
        100.0,
        source="paper: lambda_emb 1.5e-4",
    )
    context_attention_weight: float = setting(
        0.0, "Keeps the other words' share of the picture.", 0.0, 1e4, source="paper: lambda_attn 0.05"
    )
    context_prompts: str = setting(
        BY_NOUN,
        "Whether it lives: chooses the prompts it is tried in.",
        choices=(BY_NOUN, *KINDS),
        source="paper: the two lists",
    )
    context_form: str = setting(
        "released code",
        "How the two terms are computed. The paper's weights are those of its code; in the form that the "
        "paper writes, attention counts about a tenth as much.",
        choices=("released code", "paper"),
        source="code",
    )


@dataclass(frozen=True)
class ContextBatch:
    """A prompt around the learned words, and what it is tried on.

    Args:
        prompt: names the method's first handle.
        noise (n, C, h, w), timesteps (n,): for the latents of the method's batch.
        share: how much of a step's photos these are, below 1 in one of several processes or parts.
    """

    prompt: str
    noise: Tensor
    timesteps: Tensor
    share: float = 1.0


class Context(Regularizer):
    """L_emb and L_attn of CoRe, for the words of any method."""

    id = "context"
    title = "Context"
    paper = "Wu et al. 2024, arXiv 2408.15914"
    settings_class = Settings
    weights = ("context_embedding_weight", "context_attention_weight")
    tunes = frozenset({"words"})
    settings: Settings

    def __init__(self, method: Method, settings: Settings) -> None:
        super().__init__(method, settings)
        self.nouns = {method.subject.handle: method.subject.noun}

    @cached_property
    def prompts(self) -> list[str]:
        """Return the prompts, each with one {} for the word."""
        kind, noun = self.settings.context_prompts, self.method.subject.noun
        return context_prompts(kind, noun, self.method.backbone.folder)

    def is_active(self) -> bool:
        """Return whether the word learns in the stage that runs."""
        vectors = (edit.word_vectors for edit in self.method.edits())
        return any(each is not None and each.requires_grad for each in vectors)

    def draw(self, batch: DenoisingBatch, generator: torch.Generator) -> ContextBatch:
        """Return a prompt, and noise and timesteps of its own for the batch's latents."""
        backbone = self.method.backbone
        chosen = torch.randint(len(self.prompts), (1,), generator=generator).item()
        t = backbone.draw_timesteps(len(batch), generator, batch.latents.shape[1:])
        noise = backbone.draw(batch.latents.shape, generator)
        return ContextBatch(self.prompts[int(chosen)].format(self.method.subject.handle), noise, t)

    @property
    def is_divisible(self) -> bool:
        """See `Regularizer.is_divisible`: not where `part` would raise."""
        backbone = self.method.backbone
        with attach(backbone, [ActiveEdit(edit) for edit in self.method.edits()]):
            return self.settings.context_form == "paper" or not backbone.text.is_timed

    def part(self, own: ContextBatch, numbers: slice) -> ContextBatch:
        """Return the noise of some of the photos.

        Raises StudioError for a word that changes with the noise, in the form of the released code: its
        cosine runs over the tokens of all photos.
        """
        if self.settings.context_form != "paper" and self.method.backbone.text.is_timed:
            what = "The photos of a step cannot be shared out: Context compares the word in all of them."
            raise StudioError(what, "Choose the paper's form of Context, or train in one process.")
        noise = own.noise[numbers]
        return ContextBatch(
            own.prompt, noise, own.timesteps[numbers], own.share * len(noise) / len(own.noise)
        )

    def terms(self, batch: DenoisingBatch, own: ContextBatch) -> dict[str, Tensor]:
        """Return L_emb and L_attn, weighted."""
        noisy = self.method.backbone.add_noise(batch.latents, own.noise, own.timesteps)
        embedding, attention = self.unweighted(own.prompt, noisy, own.timesteps)
        if self.settings.context_form != "paper":
            attention = attention / own.share  # a sum over the photos, not a mean
        return {
            "embedding": self.settings.context_embedding_weight * embedding,
            "attention": self.settings.context_attention_weight * attention,
        }

    def unweighted(self, prompt: str, noisy: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return L_emb and L_attn of a prompt on noisy latents (n, C, h, w) at timesteps (n,)."""
        by_paper = self.settings.context_form == "paper"
        watched = self.settings.context_attention_weight > 0
        return context_loss(self.method.backbone, prompt, self.nouns, noisy, t, by_paper, watched)

    def report(self) -> dict[str, float]:
        """Return the length of each term's gradient at the word, on one batch after training."""
        moved = [
            edit.with_word_vectors(vectors.detach().clone().requires_grad_())
            for edit in self.method.edits()
            if (vectors := edit.word_vectors) is not None
        ]
        others = [edit for edit in self.method.edits() if edit.word_vectors is None]
        generator = torch.Generator().manual_seed(0)
        backbone, report = self.method.backbone, {}
        with torch.enable_grad(), attach(backbone, [ActiveEdit(edit) for edit in (*moved, *others)]):
            batch: Any = self.method.draw(generator)
            terms = self.method.loss(batch)
            for name, term in self.terms(batch, self.draw(batch, generator)).items():
                terms[name if name not in terms else f"{self.id} {name}"] = term
            for name, term in terms.items():
                vectors = [edit.word_vectors for edit in moved]
                gradients: tuple[Tensor | None, ...] = ()
                if term.requires_grad:  # L_attn does not where its weight is 0
                    gradients = torch.autograd.grad(term, vectors, retain_graph=True, allow_unused=True)
                squares = [gradient.square().sum() for gradient in gradients if gradient is not None]
                length = torch.stack(squares).sum().sqrt().item() if squares else 0.0
                report[f"gradient of {name}"] = length
        return report
