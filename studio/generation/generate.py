"""Paint: a recipe and the concepts it names become pictures.

The page, the command line and the previews during training all paint here, so that one recipe gives the same
picture, bit for bit, everywhere.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image

from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result, Step
from studio.generation.composing import handles_with_region
from studio.generation.conditions import Prompts
from studio.generation.painting import Painting
from studio.generation.prompt_length import unread_note
from studio.generation.refinement import Refinement
from studio.generation.refinements import REFINEMENTS
from studio.handles import handles_in
from studio.models.backbone import Backbone
from studio.recipes.foreign_syntax import foreign_notes
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import parse_refinements


@dataclass(frozen=True)
class Picture:
    """A painted picture and the recipe that repeats it alone."""

    image: Image
    recipe: Recipe


def active_edits(recipe: Recipe, concepts: Sequence[Concept]) -> list[ActiveEdit]:
    """Return the edits of the concepts that a recipe's prompts name, with its strengths and knobs.

    A concept that is not named contributes nothing, so the picture is bit-identical to one without it.
    """
    named = handles_in(f"{recipe.prompt} {recipe.negative}")
    actives = []
    for concept in concepts:
        if any(handle in named for handle in concept.header.handles):
            actives += concept.active_edits(recipe)
    return actives


def with_nouns(text: str, recipe: Recipe, concepts: Sequence[Concept]) -> str:
    """Return `text` with every handle of strength 0 replaced by its plain noun."""
    for concept in concepts:
        for handle, noun in concept.header.handles.items():
            if recipe.strength(handle) == 0:
                text = re.sub(re.escape(handle), noun, text, flags=re.IGNORECASE)
    return text


def generate(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept] = ()) -> Iterator[Event]:
    """Paint `recipe.count` pictures, one after the other.

    Yields a Note about what of the prompts is not read or means nothing here, a Step for each sampling step
    and a Result with a Picture for each picture. Edits are attached only
    inside a step, never across a yield. Pictures are painted singly, so that each can be repeated alone from
    its own recipe.

    Raises StudioError when the prompt names a handle that no given concept has, a concept does not fit the
    base, or a refinement cannot be applied.
    """
    cards = [refinement.card() for refinement in REFINEMENTS.values()]
    refinements = parse_refinements(recipe.refinements, cards)
    recipe = dataclasses.replace(recipe.checked(), base=backbone.name, refinements=refinements)
    recipe = dataclasses.replace(recipe, base_hash=backbone.base_hash)
    recipe.check_size(backbone.resolution)
    known = {handle: noun for concept in concepts for handle, noun in concept.header.handles.items()}
    for handle in handles_in(f"{recipe.prompt} {recipe.negative}"):
        if handle not in known:
            raise StudioError(
                f"There is no concept called {handle}.", "Train it, or import its file in the Library."
            )
    check_concepts(backbone, concepts)
    for note in filter(None, (concept.note_on(backbone) for concept in concepts)):
        yield Note(note)
    edits = active_edits(recipe, concepts)
    for active in edits:
        active.edit.to(backbone)
    nouns = handles_with_region(recipe, known)
    negative, prompt = (with_nouns(text, recipe, concepts) for text in (recipe.negative, recipe.prompt))
    prompts = read_in_chunks(backbone, Prompts(negative, prompt, clip_skip=recipe.clip_skip), edits, known)
    with prompts.reading(backbone), torch.no_grad(), attach(backbone, edits):
        named = {"prompt": prompts.prompt, "negative prompt": prompts.negative}
        unread = [unread_note(backbone.text, text, name) for name, text in named.items()]
    for note in filter(None, [*unread, *foreign_notes((recipe.prompt, recipe.negative))]):
        yield Note(note)
    painting = Painting(backbone, recipe, prompts, edits, nouns)
    found = [refinement.from_recipe(refinements) for refinement in REFINEMENTS.values()]
    refining = [refinement for refinement in found if refinement is not None]
    for refinement in refining:
        refinement.check(painting)
    done, total = 0, 0
    for index in range(recipe.count):
        for event in _paint(dataclasses.replace(painting, recipe=recipe.single(index)), refining):
            if isinstance(event, Step):
                total = total or recipe.count * event.steps
                done += 1
                event = dataclasses.replace(event, step=done, steps=total)
            yield event


def read_in_chunks(
    backbone: Backbone, prompts: Prompts, edits: Sequence[ActiveEdit], nouns: Mapping[str, str]
) -> Prompts:
    """Return the prompts with the number of chunks that the longer of them takes.

    A handle is counted by its vectors or its noun, whichever is longer: regions read both.
    """
    longest = 0
    text = backbone.text
    with torch.no_grad(), attach(backbone, edits):
        for prompt in prompts.texts:
            tokens = text.tokenize(prompt)
            count = tokens.dropped + text.max_tokens if tokens.dropped else tokens.end - 1
            for handle, span in tokens.spans.items():
                count += max(0, len(text.embeddings_of(nouns[handle])) - len(span))
            longest = max(longest, count)
    return dataclasses.replace(prompts, chunks=text.chunks_for(longest))


def check_concepts(backbone: Backbone, concepts: Sequence[Concept]) -> None:
    """Raise StudioError when a concept does not fit the base, or two do not fit each other."""
    first_with: dict[str, tuple[str, str]] = {}  # by dependency, the first concept and its digest
    for concept in concepts:
        concept.check(backbone)
        for name, digest in concept.header.dependencies.items():
            handle, first = first_with.setdefault(name, (concept.header.handle, digest))
            if first != digest:
                hint = "Train one of them again on this base."
                raise StudioError(f"{handle} and {concept.header.handle} were made with other {name}.", hint)


def _paint(painting: Painting, refining: Sequence[Refinement]) -> Iterator[Event]:
    """Paint one picture: yields its Steps, with the number of steps of the picture, and the Result."""
    total = painting.recipe.steps + sum(refinement.steps(painting) for refinement in refining)
    for event in _events(painting, refining):
        yield dataclasses.replace(event, steps=total) if isinstance(event, Step) else event


def _events(painting: Painting, refining: Sequence[Refinement]) -> Iterator[Event]:
    """Find the regions, refine, sample and decode; yields the events of one picture."""
    painting = yield from painting.with_regions()
    for refinement in refining:
        painting = yield from refinement.refine(painting)
    latents = yield from painting.sample()
    yield Result(Picture(painting.backbone.decode(latents)[0], painting.recipe))
