"""Judge whether a concept was learned, from a few pictures at the end of its training.

The same seeds are painted with the concept and with its plain noun, and compared with the photos in the
features of the base itself, so that every base can judge. `studio.concepts.verdict` has the formulas.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Sequence

import torch
from PIL import Image
from torch import Tensor

from studio.concepts.verdict import Verdict
from studio.edits.concept import Concept
from studio.evaluation.cp_clip import DetectedBox
from studio.evaluation.measures import pairs
from studio.events import Event, Note, Step
from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.generate import active_edits, with_nouns
from studio.generation.sampling import sample
from studio.handles import handles_in
from studio.models.backbone import Backbone
from studio.models.base_features import BaseFeatures
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling

SEEDS = 4
STEPS = 8  # sampling steps: enough to tell subjects apart
STAGE = "judging what was learned"


def judge_concept(
    backbone: Backbone, concept: Concept, photos: PhotoSet, prompts: Sequence[str], sampling: Sampling
) -> Generator[Event, None, dict[str, Verdict]]:
    """Paint and judge a concept; yields Steps and Notes, returns a Verdict for each handle in the photos.

    A handle is painted with the first of `prompts` that names it alone, `sampling.guidance`, and seeds from
    `sampling.seed`: 2 SEEDS pictures of STEPS steps each. Runs with nothing attached.
    """
    encoder = BaseFeatures(backbone)
    crops = {handle: portraits(photos, handle, concept) for handle in concept.header.handles}
    crops = {handle: pictures for handle, pictures in crops.items() if pictures}
    total, done = 2 * STEPS * len(crops), 0
    verdicts: dict[str, Verdict] = {}
    for handle, pictures in crops.items():
        prompt = next((text for text in prompts if handles_in(text) == [handle]), f"a photo of {handle}")
        features = []
        for strength in (1.0, 0.0):
            strengths = dict.fromkeys(concept.header.handles, strength)
            recipe = dataclasses.replace(sampling, steps=STEPS).with_prompt(prompt, strengths=strengths)
            edits = active_edits(recipe, [concept])
            negative, positive = (
                with_nouns(text, recipe, [concept]) for text in (recipe.negative, recipe.prompt)
            )
            conditions = compose_sum(backbone, Prompts(negative, positive), edits)
            seeds = [sampling.seed + number for number in range(SEEDS)]
            sampled = sample(backbone, recipe, conditions, seeds)
            for _ in range(STEPS):
                latents = next(sampled)
                yield Step(done := done + 1, total, stage=STAGE)
            features.append(encoder.encode_latents(latents))
        learned, plain = features
        verdict = compare_features(learned, plain, encoder.encode(pictures), encoder.name)
        name = f"{handle}: " if len(crops) > 1 else ""
        if not math.isfinite(verdict.progress + verdict.noise + verdict.change):
            yield Note(
                f"{name}The closing pictures are broken, so there is no verdict on whether it learned."
            )
            continue
        verdicts[handle] = verdict
        yield Note(f"{name}{verdict.summary(concept.header.settings)}")
    return verdicts


def compare_features(learned: Tensor, plain: Tensor, photos: Tensor, encoder: str) -> Verdict:
    """Return the verdict on features of pictures (`studio.concepts.verdict` has the formulas).

    Args:
        learned, plain (n, d): with the concept and with the plain noun, from the same n >= 2 seeds in order.
        photos (m, d): of the subject.
        encoder: the name of the image encoder.
    """
    axis = photos.mean(0) - plain.mean(0)
    learned_position, plain_position, photo_position = (
        (features - plain.mean(0)) @ axis / axis.square().sum().clamp_min(1e-12)
        for features in (learned, plain, photos)
    )
    sets = [each for each in (learned_position, plain_position, photo_position) if len(each) > 1]
    squares = torch.stack([(each - each.mean()).square().sum() for each in sets]).sum()
    noise = (squares / sum(len(each) - 1 for each in sets)).sqrt()
    change = (1 - (learned * plain).sum(1)).mean() / (1 - pairs(plain)).mean().clamp_min(1e-12)
    progress = (learned_position - plain_position).mean()
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
