"""Test-time optimisation of a prompt's words (CoRe, Wu et al., arXiv 2408.15914).

A learned word may suppress the prompt around it. Just before painting, a copy of the word takes a few small
gradient steps on the two terms of `studio.generation.context_loss`, for this one prompt:

    v* <- argmin_v  lambda_emb L_emb + lambda_attn L_attn

It needs no photos and no denoising loss. All other edits of the concepts are attached for both prompts that
are compared, with the word and with its noun, as the paper uses one tuned U-Net for both. It works for the
words of every method; several in one prompt are tuned together.

Differences: the paper adds its noise to the training photos. A concept file has none, so the picture painted
without tuning replaces them. Perfusion's i* and targets stay as they are. While the word is tuned, its key
lock is local, even if the picture uses the global one.

A step of AdamW moves each component of a vector by about the learning rate, whatever the vector's norm. The
paper's 5e-4 is for Stable Diffusion 2.1, whose embeddings have a norm of about 0.4 over 1,024 components
(from memory). Here the rate is the same share of a median component of the base's embeddings, so that ten
steps turn a vector by the same angle.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.errors import StudioError
from studio.events import Event, Step
from studio.generation.conditions import Prompts
from studio.generation.context_loss import context_loss
from studio.generation.painting import Painting
from studio.generation.refinement import Refinement
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader
from studio.settings import setting
from studio.words import tr

STRIDE = 0.04  # 5e-4 / (0.4 / sqrt(1024)): the paper's rate as a share of a component
BATCH = 6
# lambda_emb and lambda_attn of the paper, which belong to the terms of the released code
EMBEDDING_WEIGHT, ATTENTION_WEIGHT = 1.5e-4, 0.05
WEIGHT_DECAY, EPSILON = 1e-2, 1e-8  # of AdamW, from the released scripts
# Half precision loses gradients this small. AdamW divides the factor out again, exactly: a power of two.
SCALE = 2.0**16


@dataclass(frozen=True)
class Settings:
    """The paper's recipe has ten steps."""

    prompt_tuning_steps: int = setting(
        0,
        "Makes concepts leave the rest of the prompt alone: 10 steps do, 0 turns it off.",
        0,
        50,
        "steps",
        source="paper: 10",
    )


class PromptTuning(Refinement):
    """Tunes copies of the learned words on the prompt that is painted."""

    id = "prompt_tuning"
    title = "Make this prompt obey"
    summary = "Moves a copy of each word for this prompt alone (test-time optimisation)."
    paper = "Wu et al. 2024, arXiv 2408.15914"
    action = "Make this prompt obey"
    undo = "Without obeying"
    needs_concept = True
    action_values = {"prompt_tuning_steps": 10}
    settings_class = Settings
    settings: Settings

    def check(self, painting: Painting) -> None:
        """Raise StudioError when the prompt names no learned word that could be tuned."""
        with painting.prompts.reading(painting.backbone):
            learned_words(painting.backbone, painting.prompts.prompt, painting.edits)

    def steps(self, painting: Painting) -> int:
        """Return the steps of the first sampling and of the tuning."""
        return painting.steps_left + self.settings.prompt_tuning_steps

    def refine(self, painting: Painting) -> Generator[Event, None, Painting]:
        """Sample the picture as it is, then tune its words on these latents."""
        latents = yield from painting.sample(tr("painting as it is"))
        edits = yield from tune_words(
            painting.backbone,
            painting.prompts,
            painting.edits,
            latents,
            self.settings.prompt_tuning_steps,
            painting.recipe.seed,
        )
        return dataclasses.replace(painting, edits=edits)


def tune_words(
    backbone: Backbone,
    prompts: Prompts,
    edits: Sequence[ActiveEdit],
    latents: Tensor,
    steps: int,
    seed: int,
) -> Generator[Event, None, list[ActiveEdit]]:
    """Tune the learned words of a prompt; yields a Step for each step, with the two loss terms.

    Args:
        prompts: the words of the prompt among them are tuned.
        edits: of the picture, with strengths and knobs.
        latents (1, C, h, w): the picture without tuning.
        seed: all randomness comes from it.

    Returns copies of `edits` with the words moved. Nothing is attached across a yield. Raises StudioError
    when the prompt names no learned word, or a gradient is not finite.
    """
    with prompts.reading(backbone):
        words = learned_words(backbone, prompts.prompt, edits)
    vectors = [
        active.edit.word_vectors.detach().clone().requires_grad_()
        for active in words
        if active.edit.word_vectors is not None
    ]
    nouns = {active.edit.handle: active.edit.noun for active in words}
    tuned = {
        id(active): active.edit.with_word_vectors(moved) for active, moved in zip(words, vectors, strict=True)
    }
    edits = [dataclasses.replace(each, edit=tuned.get(id(each), each.edit.with_knobs({}))) for each in edits]
    moving = [
        each
        if each.edit.word_vectors is not None
        else dataclasses.replace(each, edit=each.edit.while_tuning_words())
        for each in edits
    ]
    optimizer = torch.optim.AdamW(
        vectors, learning_rate(backbone.text), eps=SCALE * EPSILON, weight_decay=WEIGHT_DECAY
    )
    generator = torch.Generator().manual_seed(seed)
    latents = latents.repeat(BATCH, 1, 1, 1)
    with backbone.text.on_device():
        for step in range(1, steps + 1):
            t = backbone.draw_timesteps(BATCH, generator)
            noisy = backbone.add_noise(latents, backbone.draw(latents.shape, generator), t)
            with torch.enable_grad(), prompts.reading(backbone), attach(backbone, moving):
                embedding, attention = context_loss(backbone, prompts.prompt, nouns, noisy, t, by_paper=False)
                loss = SCALE * (EMBEDDING_WEIGHT * embedding + ATTENTION_WEIGHT * attention)
                gradients = torch.autograd.grad(loss, vectors)
            finite = torch.stack([gradient.isfinite().all() for gradient in gradients]).all()
            embedding_loss, attention_loss, is_finite = torch.stack(
                [embedding.detach(), attention.detach(), finite.to(embedding.dtype)]
            ).tolist()
            if not is_finite:
                raise StudioError(
                    "The words of this prompt cannot be made to obey.", "Paint it without obeying."
                )
            for tensor, gradient in zip(vectors, gradients, strict=True):
                tensor.grad = gradient
            optimizer.step()
            values = {"embedding": embedding_loss, "attention": attention_loss}
            yield Step(step, steps, values, tr("making the prompt obey"))
    for tensor in vectors:
        tensor.requires_grad_(False)
    return edits


def learning_rate(text: TextReader) -> float:
    """Return the learning rate: `STRIDE` times a median component of this encoder's embeddings."""
    return STRIDE * text.median_norm / math.sqrt(text.width)


def learned_words(backbone: Backbone, prompt: str, edits: Sequence[ActiveEdit]) -> list[ActiveEdit]:
    """Return the words among `edits` that the prompt names, by handle. Raises StudioError for none."""
    with attach(backbone, edits):
        spans = backbone.text.tokenize(prompt).spans
    words = [
        active
        for active in edits
        if active.edit.word_vectors is not None and spans.get(active.edit.handle.lower())
    ]
    if not words:
        hint = "Name a concept in it, such as <lily>, with a strength above 0, or paint without obeying."
        raise StudioError("No learned word in this prompt could be made to obey.", hint)
    return sorted(words, key=lambda active: active.edit.handle)
