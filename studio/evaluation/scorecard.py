"""The score card of a concept: every measure beside the plain noun's, with its interval and protocol.

Numbers are comparable only between cards of one protocol, so the protocol is part of the card: the encoders
with hashes of their weights, base, prompts, seeds, sampling, and which photos were held out from training.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from studio.edits import ActiveEdit
from studio.edits.concept import Concept
from studio.evaluation import measures
from studio.evaluation.encoders import Encoders
from studio.evaluation.painted_set import PromptPictures, paint_or_load
from studio.events import Event, Result, Step
from studio.generation.composing import Prompts, compose_sum
from studio.generation.sampling import sample
from studio.intervals import Estimate
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe, Sampling
from studio.recipes.spoken import with_noun

CONTROL = "plain noun"
PATTERNS = ("a photo of {}", "{} on a red background", "{} on a blue background", "{} on a white background")
SEEDS = 4
TITLES = {
    "likeness": "likeness",
    "structure": "structure",
    "agreement": "prompt agreement",
    "copying": "nearest training photo",
    "copied": "copied",
    "diversity": "diversity",
    "bleed": "bleed",
    "drift": "class drift",
}


@dataclass(frozen=True)
class References:
    """Photos to compare with. Likeness is to the unseen ones; without any, to those trained on.

    Args:
        unseen: held out from training.
        trained: trained on.
        absent: of something that no prompt names.
    """

    unseen: tuple[Image.Image, ...]
    trained: tuple[Image.Image, ...] = ()
    absent: tuple[Image.Image, ...] = ()

    @property
    def words(self) -> str:
        """Return what likeness is measured against, in words."""
        count = len(self.unseen or self.trained)
        kind = "held out from training" if self.unseen else "that it was trained on"
        return f"{count} photo{'s' * (count > 1)} {kind}"


@dataclass(frozen=True)
class ScoreCard:
    """The estimates by row and measure, and the protocol by which they were made."""

    rows: dict[str, dict[str, Estimate]]
    protocol: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return a plain dictionary."""
        return dataclasses.asdict(self)

    def table(self) -> str:
        """Return Markdown: a row for the concept, a row for the plain noun, and the protocol in words."""
        kept = [name for name in TITLES if any(name in row for row in self.rows.values())]
        lines = [f"| | {' | '.join(TITLES[name] for name in kept)} |", f"|---|{'---|' * len(kept)}"]
        for title, row in self.rows.items():
            lines.append(f"| {title} | {' | '.join(str(row.get(name, '')) for name in kept)} |")
        asked = self.protocol
        lines += [
            "",
            f"{len(asked['prompts'])} prompts x {len(asked['seeds'])} seeds, {asked['sampling']}, on "
            f"{asked['base']}; likeness to {asked['photos']}; mean and 95 % interval over pictures.",
            *(f"{title.capitalize()} by {name}." for title, name in asked["encoders"].items()),
        ]
        return "\n".join(lines)


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
    seen = [encoders.subject.encode(shots.pictures) for shots in series]
    every = torch.cat(seen)
    likeness_to = references.unseen or references.trained
    taken: dict[str, Estimate | None] = {}
    if likeness_to:
        taken["likeness"] = Estimate.of(measures.likeness(every, encoders.subject.encode(likeness_to)))
        pictures = [picture for shots in series for picture in shots.pictures]
        structure = measures.likeness(
            encoders.structure.encode(pictures), encoders.structure.encode(likeness_to)
        )
        taken["structure"] = Estimate.of(structure)
    if encoders.text:
        if encoders.text is not encoders.subject:
            seen = [encoders.text.encode(each.pictures) for each in series]
        prompts = encoders.text.encode_text([shots.prompt for shots in series]).split(1)
        pairs = zip(seen, prompts, strict=True)
        taken["agreement"] = Estimate.of(torch.cat([measures.agreement(*pair) for pair in pairs]))
    if references.trained:
        trained = encoders.subject.encode(references.trained)
        taken["copying"] = Estimate.of(measures.copying(every, trained))
        taken["copied"] = Estimate.of(measures.copied(every, trained))
    spreads = (measures.diversity(features) for features in seen)
    taken["diversity"] = Estimate.of(spread for spread in spreads if spread is not None)
    if references.absent and control:
        plain = torch.cat([encoders.subject.encode(shots.pictures) for shots in control])
        taken["bleed"] = Estimate.of(measures.bleed(every, plain, encoders.subject.encode(references.absent)))
    return {name: figure for name, figure in taken.items() if figure is not None}


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

    Raises StudioError when the concept was made for another base.
    """
    concept.check(backbone)
    handle = handle or concept.header.handle
    noun = concept.header.handles[handle]
    total, done = 2 * sampling.count * (len(patterns) + 1), 0
    series: dict[str, list[PromptPictures]] = {}
    for row, concepts in ((CONTROL, []), (handle, [concept])):
        series[row] = []
        for number, pattern in enumerate(patterns):
            read = with_noun(pattern, noun)
            hashes = {handle: digest} if concepts and digest else {}
            recipe = sampling.with_prompt(pattern.format(handle) if concepts else read, concepts=hashes)
            pictures = []
            for picture in paint_or_load(
                backbone, recipe, concepts, folder / row.strip("<>"), f"{number:02d}"
            ):
                pictures.append(picture)
                yield Step(done := done + 1, total, stage="painting")
            series[row].append(PromptPictures(read, tuple(pictures)))
    plain = sampling.with_prompt(with_noun("a photo of {}", noun))
    moved = []
    for edits in ((), concept.edits):
        painted = []
        for index in range(sampling.count):
            painted.append(_forced(backbone, plain.single(index), [ActiveEdit(edit) for edit in edits]))
            yield Step(done := done + 1, total, stage="painting")
        moved.append(encoders.subject.encode(painted))
    own = measure(encoders, series[handle], references, series[CONTROL])
    drift = Estimate.of(measures.drift(*moved))
    if drift is not None:
        own["drift"] = drift
    rows = {handle: own, CONTROL: measure(encoders, series[CONTROL], references)}
    yield Result(
        ScoreCard(rows, _protocol(backbone, concept, references, encoders, sampling, patterns, digest))
    )


def _forced(backbone: Backbone, recipe: Recipe, actives: Sequence[ActiveEdit]) -> Image.Image:
    """Paint a picture with edits on though its prompt names no concept: what else they would change.

    Nothing else in the studio paints such a picture.
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
        "sampling": f"DDIM, {sampling.steps} steps, guidance {sampling.guidance:g}",
        "photos": references.words,
        "concept": digest,
        "program": header.program,
    }
