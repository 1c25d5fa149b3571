"""A prompt for each part of the noise range (ProSpect, Zhang et al., arXiv 2305.16225).

A picture is settled from coarse to fine. With s in 0..1 the share of the noise range at the timestep of a
step, the step is painted from

    the layout's prompt where s >= u, the content's where v <= s < u, the style's where s < v

so that the layout comes from one text or concept and the material from another. An empty one is the main
prompt. The timestep counts, never the number of a step: all samplers change at the same noise. No learned
word is needed; of a word with vectors of its own for each stage, as the method ProSpect learns, only those of
the part that names it are used.

Each part is composed as if its prompt were the picture's: only the concepts that it names act there. One with
a region in the main prompt keeps it; others act everywhere.

Differences: the paper has a list of ten prompts; here are three, and the borders are those of its recipes
(layout: the noisiest tenth; material and style: the finer half). The negative prompt is the same throughout.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

import torch

from studio.edits import attach
from studio.errors import StudioError
from studio.events import Event
from studio.generation.composing import layout_steps
from studio.generation.painting import Painting
from studio.generation.prompt_length import read_in_chunks, unread_note
from studio.generation.refinement import Refinement
from studio.generation.sampling import noise_shares
from studio.handles import handles_in
from studio.settings import setting
from studio.words import tr

ALL = 2.0  # a share that no timestep reaches
NAMES = {  # what the prompt of a part is called in a sentence
    "style": tr("style prompt"),
    "content": tr("content prompt"),
    "layout": tr("layout prompt"),
}


@dataclass(frozen=True)
class Settings:
    """The main prompt everywhere by default."""

    layout_prompt: str = setting("", "What the first steps paint instead of the prompt: where things are.")
    content_prompt: str = setting("", "What the steps in the middle paint instead: shapes.")
    style_prompt: str = setting("", "What the last steps paint instead: material, colours and style.")
    layout_border: float = setting(
        0.9, "The layout is settled above this share of the noise.", 0.0, 1.0, source="released README"
    )
    style_border: float = setting(
        0.5, "Style is settled below this share of the noise.", 0.0, 1.0, source="released README"
    )


@dataclass(frozen=True)
class Part:
    """A part of the noise range, which ends at the share `below`; its prompt is empty for the main one."""

    name: str
    prompt: str
    below: float


class Stages(Refinement):
    """Paints from up to three prompts, one after the other."""

    id = "stages"
    title = "Prompts by stage"
    summary = "Lets the layout, the shapes and the material come from prompts of their own."
    paper = "Zhang et al. 2023, arXiv 2305.16225"
    settings_class = Settings
    settings: Settings

    @property
    def parts(self) -> list[Part]:
        """Return the three parts, from the finest on."""
        given = self.settings
        return [
            Part("style", given.style_prompt, given.style_border),
            Part("content", given.content_prompt, given.layout_border),
            Part("layout", given.layout_prompt, ALL),
        ]

    def check(self, painting: Painting) -> None:
        """Raise StudioError where a prompt could not have its part of the noise."""
        if self.settings.style_border > self.settings.layout_border:
            hint = "Make the layout border the larger one."
            raise StudioError("The style would be settled before the layout is.", hint)
        if self.settings.layout_prompt and layout_steps(painting.recipe, painting.nouns):
            raise StudioError(
                "The first steps find the part of each concept, so the layout cannot have its own prompt.",
                "Say where the parts are, choose another way of composing, or leave the layout prompt empty.",
            )

    def notes(self, painting: Painting) -> Sequence[str]:
        """Return a sentence for each prompt that is too long, or that no step is painted from."""
        painted_from = set(self._steps(painting))
        notes = []
        for part in self.parts:
            if not part.prompt:
                continue
            stage = stage_of(painting, part.prompt)
            reading = stage.prompts.reading(stage.backbone)
            with reading, torch.no_grad(), attach(stage.backbone, stage.edits):
                notes.append(unread_note(stage.backbone.text, part.prompt, NAMES[part.name]))
            if part not in painted_from:
                text = "No step is in the part of the {name}: take more steps, or move its border."
                notes.append(tr(text, name=NAMES[part.name]))
        return [note for note in notes if note]

    def refine(self, painting: Painting) -> Generator[Event, None, Painting]:
        """Return the painting with a painting for each part of the noise that has a prompt of its own."""
        if not any(part.prompt for part in self.parts):
            return painting
        stages = [
            (part.below, stage_of(painting, part.prompt) if part.prompt else None) for part in self.parts
        ]
        return replace(painting, stages=stages)
        yield  # it takes no step

    def _steps(self, painting: Painting) -> Iterator[Part]:
        """Yield the part of every step."""
        backbone, recipe = painting.backbone, painting.recipe
        shape = backbone.shape_of(recipe.width, recipe.height)
        timesteps = backbone.sampler(recipe.steps, recipe.sampler, [recipe.seed], shape).timesteps
        for share in noise_shares(backbone, timesteps):
            yield next(part for part in self.parts if share < part.below)


def stage_of(painting: Painting, prompt: str) -> Painting:
    """Return the painting of another prompt, with only the concepts that act in it."""
    named = set(handles_in(f"{prompt} {painting.prompts.negative}"))
    acting = [one for one in (*painting.edits, *painting.lent) if named & set(one.handles)]
    # copies, since an edit may keep what depends on the prompts of its picture (`Edit.on_prompts`)
    edits = [replace(one, edit=one.edit.with_knobs({})) for one in acting]
    nouns = {one.edit.handle: one.edit.noun for one in edits}
    prompts = replace(painting.prompts, prompt=prompt)
    prompts = read_in_chunks(painting.backbone, prompts, edits, nouns)
    recipe = replace(painting.recipe, prompt=prompt)
    return replace(painting, recipe=recipe, prompts=prompts, edits=edits, lent=(), stages=())
