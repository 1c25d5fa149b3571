"""A painting: one picture, from its recipe to its latents."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.events import Event, Step
from studio.generation.composing import compose, compose_sum, edits_without_region, layout_steps
from studio.generation.conditions import Conditions, Prompts
from studio.generation.placeholders import noun_words, placeholders, with_placeholder_nouns
from studio.generation.regions import assign_regions, box_masks
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.recipes.recipe import Recipe
from studio.words import tr

STAGE = tr("painting")


@dataclass(frozen=True)
class Started:
    """The state from which sampling goes on.

    Args:
        steps: how many sampling steps are done.
        latents (1, C, h, w): after these steps; None at the start.
    """

    steps: int = 0
    latents: Tensor | None = None


@dataclass(frozen=True)
class Painting:
    """A single picture and everything it is sampled from. Refinements return changed copies.

    Args:
        recipe: of this one picture (`count` is 1).
        prompts: with plain nouns for concepts at strength 0.
        edits: of the concepts, with strengths and knobs.
        nouns: for each of k handles with a region, the noun.
        lent: of the concepts that only texts of refinements name. They do not act by themselves.
        areas (k, h, w): their regions, once they are known.
        started: where sampling goes on.
        stages: what takes the place of this painting in parts of the noise range, each with the share of the
            noise below which it does, the lowest first; None is this painting itself.
    """

    backbone: Backbone
    recipe: Recipe
    prompts: Prompts
    edits: Sequence[ActiveEdit]
    nouns: Mapping[str, str]
    lent: Sequence[ActiveEdit] = ()
    areas: Tensor | None = None
    started: Started = Started()
    stages: Sequence[tuple[float, Painting | None]] = ()

    @property
    def steps_left(self) -> int:
        """Return how many sampling steps are left once the regions are known."""
        return self.recipe.steps - layout_steps(self.recipe, self.nouns)

    def conditions(self) -> Conditions:
        """Return what the picture is sampled from."""
        own = compose(self.backbone, self.recipe.mode, self.prompts, self.edits, self.nouns, self.areas)
        stages = [(below, stage.conditions() if stage else own) for below, stage in self.stages]
        return dataclasses.replace(own, stages=stages)

    def with_regions(self) -> Generator[Event, None, Painting]:
        """Find the region of every concept that the user gave none; yields a Step per sampling step.

        The first steps are sampled with plain nouns, and the attention to each noun shows where it will be.
        A concept whose noun is beyond what of the prompt is read has none. Returns the painting with its
        regions, to go on from the latents of these steps.
        """
        backbone, recipe = self.backbone, self.recipe
        _, height, width = backbone.shape_of(recipe.width, recipe.height)
        areas = box_masks(recipe.regions, list(self.nouns), height, width)
        missing = [number for number, handle in enumerate(self.nouns) if handle not in recipe.regions]
        if not missing:
            return dataclasses.replace(self, areas=areas)
        everywhere = edits_without_region(self.edits, self.nouns)
        texts = with_placeholder_nouns(self.prompts.texts, self.nouns)
        with self.prompts.reading(backbone), noun_words(backbone, self.nouns), attach(backbone, everywhere):
            spans = backbone.text.tokenize(texts[1]).spans
        plain = dataclasses.replace(self.prompts, negative=texts[0], prompt=texts[1])
        conditions = compose_sum(backbone, plain, everywhere, self.nouns)
        words_of = list(placeholders(self.nouns))
        seen = [number for number in missing if spans.get(words_of[number])]
        maps, sampled = [], sample(backbone, recipe, conditions, [recipe.seed])
        steps, latents = layout_steps(recipe, self.nouns), None
        for _ in range(steps):
            with backbone.require_attention().record() as recorded:
                latents = next(sampled)
            cells = recorded.shape(backbone.attention_side, height, width)
            positions = [spans[words_of[number]] for number in seen]
            maps += [torch.stack([recorded.word(each, *cells)[-1] for each in positions])] if seen else []
            yield Step(0, 0, stage=STAGE)
        if seen:
            attention = F.interpolate(torch.stack(maps).mean(0)[None], (height, width), mode="bilinear")[0]
            areas[seen] = assign_regions(attention, areas.amax(0) == 0).to(areas)
        return dataclasses.replace(self, areas=areas, started=Started(steps, latents))

    def sample(self, stage: str = STAGE) -> Generator[Event, None, Tensor]:
        """Sample to the end; yields a Step per sampling step and returns the latents (1, C, h, w)."""
        recipe, latents = self.recipe, self.started.latents
        conditions = self.conditions()
        sampled = sample(self.backbone, recipe, conditions, [recipe.seed], self.started.steps, latents)
        for sampled_latents in sampled:
            latents = sampled_latents
            yield Step(0, 0, stage=stage)
        assert latents is not None  # a recipe has at least one step
        return latents
