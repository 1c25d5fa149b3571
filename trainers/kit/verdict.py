"""Judge whether a concept was learned, from a few pictures at the end of its training.

The same seeds are painted with the concept and with its plain noun, and compared with the photos in the
features of the base itself, so that every base can judge. `studio.library.verdict` has the formulas.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Sequence

import torch
from PIL import Image
from torch import Tensor

from studio.edits.concept import Concept
from studio.evaluation.cp_clip import DetectedBox
from studio.evaluation.measures import pairs
from studio.events import Event, Note, Step
from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.generate import active_edits, with_nouns
from studio.generation.sampling import sample
from studio.handles import handles_in
from studio.library.verdict import Verdict
from studio.models.backbone import Backbone
from studio.models.base_features import BaseFeatures
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling

SEEDS = 4
STEPS = 8  # sampling steps: enough to tell subjects apart
STAGE = "looking at what was learned"


def judge_concept(
    backbone: Backbone, concept: Concept, photos: PhotoSet, prompts: Sequence[str], sampling: Sampling
) -> Generator[Event, None, dict[str, Verdict]]:
    """Paint and judge a concept; yields Steps and Notes, returns a Verdict for each handle in the photos.

    A handle is painted with the first of `prompts` that names it alone, `sampling.guidance`, and seeds from
    `sampling.seed`: 2 SEEDS pictures of STEPS steps each. Runs with nothing attached.
    """
    encoder = BaseFeatures(backbone)
    shown = {handle: portraits(photos, handle, concept) for handle in concept.header.handles}
    shown = {handle: pictures for handle, pictures in shown.items() if pictures}
    total, done = 2 * STEPS * len(shown), 0
    given: dict[str, Verdict] = {}
    for handle, pictures in shown.items():
        prompt = next((text for text in prompts if handles_in(text) == [handle]), f"a photo of {handle}")
        rows = []
        for strength in (1.0, 0.0):
            strengths = dict.fromkeys(concept.header.handles, strength)
            recipe = dataclasses.replace(sampling, steps=STEPS).with_prompt(prompt, strengths=strengths)
            actives = active_edits(recipe, [concept])
            negative, asked = (
                with_nouns(text, recipe, [concept]) for text in (recipe.negative, recipe.prompt)
            )
            conditions = compose_sum(backbone, Prompts(negative, asked), actives)
            seeds = [sampling.seed + number for number in range(SEEDS)]
            sampled = sample(backbone, recipe, conditions, seeds)
            for _ in range(STEPS):
                latents = next(sampled)
                yield Step(done := done + 1, total, stage=STAGE)
            rows.append(encoder.encode_latents(latents))
        learned, plain = rows
        verdict = compare_features(learned, plain, encoder.encode(pictures), encoder.name)
        name = f"{handle}: " if len(shown) > 1 else ""
        if not math.isfinite(verdict.progress + verdict.noise + verdict.change):
            yield Note(f"{name}The closing pictures are broken, so nobody can tell whether it learned.")
            continue
        given[handle] = verdict
        yield Note(f"{name}{verdict.summary(concept.header.settings)}")
    return given


def compare_features(learned: Tensor, plain: Tensor, photos: Tensor, encoder: str) -> Verdict:
    """Return the verdict on features of pictures (`studio.library.verdict` has the formulas).

    Args:
        learned, plain (n, d): with the concept and with the plain noun, from the same n >= 2 seeds in one
        order. photos (m, d).
        encoder: the name of the image encoder.
    """
    towards = photos.mean(0) - plain.mean(0)
    learned_at, plain_at, photos_at = (
        (features - plain.mean(0)) @ towards / towards.square().sum().clamp_min(1e-12)
        for features in (learned, plain, photos)
    )
    groups = [at for at in (learned_at, plain_at, photos_at) if len(at) > 1]
    squares = torch.stack([(at - at.mean()).square().sum() for at in groups]).sum()
    noise = (squares / sum(len(at) - 1 for at in groups)).sqrt()
    change = (1 - (learned * plain).sum(1)).mean() / (1 - pairs(plain)).mean().clamp_min(1e-12)
    progress = (learned_at - plain_at).mean()
    figures = [round(value.item(), 4) for value in (progress, noise, change)]
    return Verdict(figures[0], figures[1], figures[2], len(plain), encoder)


def portraits(photos: PhotoSet, handle: str, concept: Concept) -> list[Image.Image]:
    """Return what the photos show of a handle.

    The square around its mask where it has masks, the whole photo where it is the only handle, else nothing.
    """
    if handle not in photos.masks:
        return list(photos.squares) if len(concept.header.handles) == 1 else []
    boxes = [DetectedBox.around(handle, mask) if mask else None for mask in photos.masks[handle]]
    return [_square(photo, box) for photo, box in zip(photos.squares, boxes, strict=True) if box is not None]


def _square(photo: Image.Image, box: DetectedBox) -> Image.Image:
    """Return the smallest square of a photo around a box, moved where it would leave the photo."""
    side = min(max(box.right - box.left, box.bottom - box.top), *photo.size)
    left, top = (
        min(max((low + high - side) // 2, 0), length - side)
        for low, high, length in zip((box.left, box.top), (box.right, box.bottom), photo.size, strict=True)
    )
    return photo.crop((left, top, left + side, top + side))
