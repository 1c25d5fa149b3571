"""Making a prompt obey: CoRe's test-time optimisation (Wu et al., arXiv 2408.15914).

A learned word may drown the prompt around it. Just before painting, a copy of the word takes a few small
steps down the two context terms of studio/generation/context_loss.py, on the one prompt that is about to be painted:

    v* <- argmin_v  lambda_emb L_emb + lambda_attn L_attn

No photo and no denoising loss take part, and whatever else the concepts bring acts on both sides, as the
paper's tuned U-Net does. It works for every method's words; several in one prompt move together.

Differences: the paper adds its noise to the training photos. A concept file holds none, so here the picture
as the recipe paints it without obeying stands in for them. Perfusion's i* and targets stay where they are,
and its keys are locked locally while the word moves, however they are locked in the painting.

Each step of AdamW moves a number of a word by about the learning rate, however long the word is. The
paper's 5e-4 belongs to Stable Diffusion 2.1, whose words are about 0.4 long over 1,024 numbers (from
memory); here the rate is that share of a usual number of the base's own words, so that ten steps turn a word
equally far.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from studio.edits import ActiveEdit, NewWord, attach
from studio.errors import StudioError
from studio.events import Event, Result, Step
from studio.generation.context_loss import context_loss
from studio.models.backbone import Backbone
from studio.models.text_reader import TextReader

# The paper's recipe for Stable Diffusion 2.1; its ten steps are `studio.recipes.recipe.OBEYING`.
STRIDE = 0.04  # 5e-4 / (0.4 / sqrt(1024))
BATCH = 6
EMBEDDING_WEIGHT, ATTENTION_WEIGHT = 1.5e-4, 0.05  # lambda_emb, lambda_attn
WEIGHT_DECAY, EPSILON = 1e-2, 1e-8  # of AdamW, from the released scripts
# Half precision loses gradients this small. AdamW divides the factor out again, exactly: a power of two.
SCALE = 2.0**16
WHILE_MOVING = {"global_lock": 0.0}  # knobs


def tune_words(
    backbone: Backbone, prompt: str, actives: Sequence[ActiveEdit], latents: Tensor, steps: int, seed: int
) -> Iterator[Event]:
    """Move the learned words of `prompt` for `steps` steps; yields a Step for each, with the two terms, and
    a Result with the actives to paint with.

    `actives` are the edits as the picture wants them, `latents` (1, C, h, w) the picture without obeying.
    The actives of the Result are copies, with the words moved: no concept changes. All randomness comes from
    `seed`. Nothing is attached across a yield. Raises StudioError when no learned word is read in the prompt,
    or the steps lead to no number.
    """
    actives = [dataclasses.replace(active, edit=active.edit.with_knobs({})) for active in actives]
    words = learned_words(backbone, prompt, actives)
    for word in words:
        word.vectors = word.vectors.detach().clone().requires_grad_()
    vectors, nouns = [word.vectors for word in words], {word.handle: word.noun for word in words}
    moving = [dataclasses.replace(active, edit=active.edit.with_knobs(WHILE_MOVING)) for active in actives]
    optimizer = torch.optim.AdamW(
        vectors, rate(backbone.text), eps=SCALE * EPSILON, weight_decay=WEIGHT_DECAY
    )
    generator = torch.Generator().manual_seed(seed)
    latents = latents.repeat(BATCH, 1, 1, 1)
    for step in range(1, steps + 1):
        t = backbone.draw_timesteps(BATCH, generator)
        noisy = backbone.add_noise(latents, backbone.draw(latents.shape, generator), t)
        with torch.enable_grad(), attach(backbone, moving):
            embedding, attention = context_loss(backbone, prompt, nouns, noisy, t)
            loss = SCALE * (EMBEDDING_WEIGHT * embedding + ATTENTION_WEIGHT * attention)
            gradients = torch.autograd.grad(loss, vectors)
        if not all(gradient.isfinite().all() for gradient in gradients):
            raise StudioError("The words of this prompt cannot be made to obey.", "Paint it without obeying.")
        for tensor, gradient in zip(vectors, gradients, strict=True):
            tensor.grad = gradient
        optimizer.step()
        values = {"embedding": embedding.item(), "attention": attention.item()}
        yield Step(step, steps, values, "making the prompt obey")
    for word in words:
        word.vectors = word.vectors.detach()
    yield Result(actives)


def rate(text: TextReader) -> float:
    """The learning rate: a share of `STRIDE` of a usual number of this encoder's word vectors."""
    return STRIDE * text.median_norm / math.sqrt(text.width)


def learned_words(backbone: Backbone, prompt: str, actives: Sequence[ActiveEdit]) -> list[NewWord]:
    """The words among `actives` that are read in `prompt`, by handle. Raises StudioError when there
    are none."""
    with attach(backbone, actives):
        spans = backbone.text.tokenize(prompt).spans
    words = [active.edit for active in actives if isinstance(active.edit, NewWord)]
    read = sorted((word for word in words if spans.get(word.handle)), key=lambda word: word.handle)
    if not read:
        hint = "Name a concept in it, such as <lily>, with a strength above 0, or paint without obeying."
        raise StudioError("No learned word in this prompt could be made to obey.", hint)
    return read
