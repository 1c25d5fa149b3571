"""Judge whether a concept was learned, from a few pictures at the end of its training.

The same seeds are painted with the concept and with its plain noun, in the method's own prompt and in a
scene, and compared with the photos in the features of the base itself, so that every base can judge.
`studio.concepts.verdict` has the formulas.

Of a single photo nobody knows how far photos of the subject differ: its mirror image and a closer crop stand
for the others, so that more is asked of the pictures than with several photos.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import Any

from torch import Tensor

from studio.concepts.verdict import Verdict
from studio.edits.concept import Concept
from studio.evaluation.part_matching import as_cells
from studio.events import Event, Note, Step
from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.generate import active_edits, on_device, with_nouns
from studio.generation.sampling import sample
from studio.handles import handles_in
from studio.models.backbone import Backbone
from studio.models.base_features import BaseFeatures
from studio.photos.photo_set import PhotoSet
from studio.recipes.recipe import Sampling
from studio.words import tr
from trainers.kit.looks import Looks, compare_looks
from trainers.kit.portraits import Portrait, portraits, subject_weights, variations

SEEDS = 3
STEPS = 8  # sampling steps: enough to tell subjects apart
SETS = 4  # of SEEDS pictures each: concept and noun, without and with a scene
SCENE = "on the beach at night"  # changes light, colours and ground, and every base knows it
STAGE = tr("judging what was learned")


class Judge:
    """Judges concepts that were learned from the same photos; pictures of the plain noun are painted once.

    Args:
        prompts: a handle is painted with the first of them that names it alone.
        sampling: its guidance, and the seeds from its seed on.

    Attributes:
        painted: the latents (SEEDS, C, h, w) of every set of pictures, by prompt and strength.
    """

    def __init__(
        self, backbone: Backbone, photos: PhotoSet, prompts: Sequence[str], sampling: Sampling
    ) -> None:
        self.backbone, self.photos, self.prompts = backbone, photos, prompts
        self.sampling = dataclasses.replace(sampling, steps=STEPS)
        self.encoder = BaseFeatures(backbone)
        self.painted: dict[tuple[str, float], Tensor] = {}
        self._plain: dict[str, list[Looks]] = {}

    def judge(self, concept: Concept) -> Generator[Event, None, dict[str, Verdict]]:
        """Paint and judge a concept; yields Steps, returns a Verdict for each handle in the photos.

        Runs with nothing attached.
        """
        shown = {handle: portraits(self.photos, handle, concept) for handle in concept.header.handles}
        shown = {handle: seen for handle, seen in shown.items() if seen}
        total = STEPS * sum(SETS // 2 if handle in self._plain else SETS for handle in shown)
        done, verdicts = 0, {}
        for handle, seen in shown.items():
            own = (text for text in self.prompts if handles_in(text) == [handle])
            prompt = next(own, f"a photo of {handle}")
            looks: list[Looks] = []
            for strength in (1.0,) if handle in self._plain else (1.0, 0.0):
                for text in (prompt, f"{prompt} {SCENE}"):
                    for latents in self._sampled(concept, text, strength):
                        self.painted[text, strength] = latents
                        yield Step(done := done + 1, total, stage=STAGE)
                    looks.append(self._looks(self.painted[text, strength]))
            plain = self._plain.setdefault(handle, looks[2:])
            verdicts[handle] = self._compare(looks[:2], plain, seen)
        return verdicts

    def _sampled(self, concept: Concept, prompt: str, strength: float) -> Iterator[Tensor]:
        """Yield the latents (SEEDS, C, h, w) of a prompt's pictures after each sampling step."""
        strengths = dict.fromkeys(concept.header.handles, strength)
        recipe = self.sampling.with_prompt(prompt, strengths=strengths)
        negative, positive = (
            with_nouns(text, recipe, [concept]) for text in (recipe.negative, recipe.prompt)
        )
        edits = on_device(self.backbone, active_edits(recipe, [concept]))  # a checkpoint is on the CPU
        conditions = compose_sum(self.backbone, Prompts(negative, positive), edits)
        seeds = [self.sampling.seed + number for number in range(SEEDS)]
        return sample(self.backbone, recipe, conditions, seeds)

    def _looks(self, latents: Tensor) -> Looks:
        """Return what the base sees in latents (n, C, h, w)."""
        cells, errors = self.encoder.cells_and_errors(latents)
        return Looks(as_cells(cells), errors, latents.flatten(2).std(2).mean(1).cpu())

    def _compare(
        self,
        learned: Sequence[Looks],
        plain: Sequence[Looks],
        seen: Sequence[Portrait],
    ) -> Verdict:
        name, count = self.encoder.name, len(seen)
        pictures = [one.picture for one in seen]
        photos = self._looks(self.encoder.latents(pictures))
        weights = subject_weights(seen, math.isqrt(photos.cells.shape[1]))
        photos = dataclasses.replace(photos, weights=weights)
        if pictures != list(self.photos.squares):  # the base was trained on no squares around masks
            whole = self._looks(self.encoder.latents(self.photos.squares))
            photos = dataclasses.replace(photos, errors=whole.errors)
        others = photos if count > 1 else self._looks(self.encoder.latents(variations(seen[0].picture)))
        if not all(looks.is_finite for looks in (photos, others, *learned, *plain)):
            return Verdict(0.0, 0.0, SEEDS, name, photos=count, is_finite=False)
        figures = compare_looks(learned[0], learned[1], plain[0], plain[1], photos, others)
        return Verdict(**figures, seeds=SEEDS, encoder=name, photos=count)


def judge_concept(judge: Judge, concept: Concept) -> Generator[Event, None, dict[str, Verdict]]:
    """Judge a concept; yields Steps and a Note with each verdict, and returns the verdicts by handle."""
    verdicts = yield from judge.judge(concept)
    yield from notes(verdicts, concept.header.settings)
    return verdicts


def notes(verdicts: Mapping[str, Verdict], settings: Mapping[str, Any]) -> Iterator[Note]:
    """Yield each verdict as a Note; its handle is named where there are several."""
    for handle, verdict in verdicts.items():
        name = f"{handle}: " if len(verdicts) > 1 else ""
        yield Note(f"{name}{verdict.summary(settings)}")
