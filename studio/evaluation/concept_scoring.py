"""Measure a concept: paint prompts with it and with its plain noun, and compare both with photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from studio.edits import ActiveEdit
from studio.edits.concept import Concept
from studio.evaluation import measures
from studio.evaluation.encoders import Encoders
from studio.evaluation.painted_set import PromptPictures, paint_or_load
from studio.evaluation.scorecard import References, ScoreCard
from studio.events import Event, Result, Step
from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.sampling import sample
from studio.intervals import Estimate
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.recipes.spoken import with_noun
from studio.words import marked, tr

CONTROL = marked("plain noun")
PATTERNS = ("a photo of {}", "{} on a red background", "{} on a blue background", "{} on a white background")
SEEDS = 4


def measure(
    encoders: Encoders,
    series: Sequence[PromptPictures],
    references: References,
    control: Sequence[PromptPictures] = (),
) -> dict[str, Estimate]:
    """Return the measures of pictures by name; those that cannot be taken are left out.

    `control` are pictures of the plain noun with the same prompts and seeds, in the same order: bleed needs
    them.
    """
    by_prompt = [encoders.subject.encode(each.pictures) for each in series]
    pictures = [picture for each in series for picture in each.pictures]
    features = torch.cat(by_prompt)
    seen = encoders.judge.see(pictures) if encoders.judge else None
    photos = references.unseen or references.trained
    measured: dict[str, Estimate | None] = {}
    if photos:
        measured["likeness"] = Estimate.of(measures.likeness(features, encoders.subject.encode(photos)))
        if encoders.judge and seen:
            measured["subject"] = Estimate.of(seen.subject_of(encoders.judge.see(photos)).mean(1))
        structure = measures.likeness(encoders.structure.encode(pictures), encoders.structure.encode(photos))
        measured["structure"] = Estimate.of(structure)
    if seen:
        measured["cleanliness"] = Estimate.of(seen.clean)
    if encoders.text:
        same = encoders.text is encoders.subject
        beside_text = by_prompt if same else [encoders.text.encode(each.pictures) for each in series]
        prompts = encoders.text.encode_text([each.prompt for each in series]).split(1)
        pairs = zip(beside_text, prompts, strict=True)
        measured["agreement"] = Estimate.of(torch.cat([measures.agreement(*pair) for pair in pairs]))
    if references.trained:
        trained = encoders.subject.encode(references.trained)
        measured["copying"] = Estimate.of(measures.copying(features, trained))
        measured["copied"] = Estimate.of(measures.copied(features, trained))
    spreads = (measures.diversity(each) for each in by_prompt)
    measured["diversity"] = Estimate.of(spread for spread in spreads if spread is not None)
    if references.absent and control:
        plain = torch.cat([encoders.subject.encode(each.pictures) for each in control])
        measured["bleed"] = Estimate.of(
            measures.bleed(features, plain, encoders.subject.encode(references.absent))
        )
    return {name: estimate for name, estimate in measured.items() if estimate is not None}


def score_concept(
    backbone: Backbone,
    concept: Concept,
    references: References,
    encoders: Encoders,
    sampling: Sampling,
    folder: Path,
    handle: str = "",
    patterns: Sequence[str] = PATTERNS,
    digest: str = "",
) -> Iterator[Event]:
    """Paint every pattern with every seed, for a concept and for its plain noun, and compare.

    Yields Steps; the last event is a Result with the ScoreCard. Pictures are saved in `folder` and painted
    once.

    Args:
        encoders: the image encoders.
        sampling: the first seed, the number of seeds (`count`), sampling steps and guidance.
        handle: of the concept; empty for its first.
        patterns: prompts with "{}" in place of the subject.
        digest: the SHA-256 of the concept's file, for the protocol.

    Raises StudioError when the concept does not fit the base.
    """
    concept.check(backbone)
    handle = handle or concept.header.handle
    noun = concept.header.handles[handle]
    total, done = 2 * sampling.count * (len(patterns) + 1), 0
    series: dict[str, list[PromptPictures]] = {}
    for row, concepts in ((CONTROL, []), (handle, [concept])):
        series[row] = []
        for number, pattern in enumerate(patterns):
            spoken = with_noun(pattern, noun)
            hashes = {handle: digest} if concepts and digest else {}
            prompt = pattern.replace("{}", handle) if concepts else spoken  # other braces stay
            recipe = sampling.with_prompt(prompt, concepts=hashes)
            pictures = []
            for picture in paint_or_load(
                backbone, recipe, concepts, folder / row.strip("<>"), f"{number:02d}"
            ):
                pictures.append(picture)
                yield Step(done := done + 1, total, stage=tr("painting"))
            series[row].append(PromptPictures(spoken, tuple(pictures)))
    plain = sampling.with_prompt(with_noun("a photo of {}", noun))
    with_and_without = []
    for edits in ((), concept.edits):
        painted = []
        for index in range(sampling.count):
            painted.append(_with_edits(backbone, plain.single(index), [ActiveEdit(edit) for edit in edits]))
            yield Step(done := done + 1, total, stage=tr("painting"))
        with_and_without.append(encoders.subject.encode(painted))
    scores = measure(encoders, series[handle], references, series[CONTROL])
    drift = Estimate.of(measures.drift(*with_and_without))
    if drift is not None:
        scores["drift"] = drift
    rows = {handle: scores, CONTROL: measure(encoders, series[CONTROL], references)}
    yield Result(
        ScoreCard(rows, _protocol(backbone, concept, references, encoders, sampling, patterns, digest))
    )


def _with_edits(backbone: Backbone, recipe: Recipe, actives: Sequence[ActiveEdit]) -> Image.Image:
    """Return the picture of a recipe with edits on though its prompt names no concept.

    It shows what else in a picture the edits change. Nothing else in the studio paints such a picture.
    """
    for active in actives:
        active.edit.to(backbone)
    conditions = compose_sum(backbone, Prompts(recipe.negative, recipe.prompt), actives)
    *_, latents = sample(backbone, recipe, conditions, [recipe.seed])
    return backbone.decode(latents)[0]


def _protocol(
    backbone: Backbone,
    concept: Concept,
    references: References,
    encoders: Encoders,
    sampling: Sampling,
    patterns: Sequence[str],
    digest: str,
) -> dict[str, Any]:
    """Return everything that the numbers depend on."""
    header = concept.header
    return {
        "base": f"{backbone.name} [{backbone.fingerprint[:8]}]",
        "method": header.method,
        "trained": {"steps": header.steps, "seed": header.seed, "settings": header.settings},
        "encoders": encoders.names,
        "prompts": list(patterns),
        "seeds": [sampling.seed + index for index in range(sampling.count)],
        "sampling": tr(
            "{sampler}, {steps} steps, guidance {guidance:g}",
            sampler=sampling.sampler,
            steps=sampling.steps,
            guidance=sampling.guidance,
        ),
        "photos": references.words,
        "concept": digest,
        "program": header.program,
    }
