"""Paint: a recipe and the concepts it names become pictures.

The page, the command line and the previews during training all paint here, so that one recipe gives the same
picture, bit for bit, everywhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import torch
from PIL.Image import Image

from studio.concepts.header import Header
from studio.edits import ActiveEdit, attach
from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Event, Note, Result, Step
from studio.generation.composing import handles_with_region
from studio.generation.conditions import Prompts
from studio.generation.painting import Painting
from studio.generation.prompt_length import read_in_chunks, unread_note
from studio.generation.refinement import Refinement
from studio.generation.refinements import REFINEMENTS
from studio.models.backbone import Backbone
from studio.recipes.foreign_syntax import foreign_notes
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import parse_refinements
from studio.recipes.renaming import renamed_text
from studio.recipes.turns import in_turn
from studio.words import tr


@dataclass(frozen=True)
class Picture:
    """A painted picture and the recipe that repeats it alone."""

    image: Image
    recipe: Recipe


def active_edits(recipe: Recipe, concepts: Sequence[Concept]) -> list[ActiveEdit]:
    """Return the edits of the concepts that a recipe's prompts name, with its strengths and knobs.

    Knobs that choose, and are left to take turns, are at the choice of the recipe's seed. A concept that is
    not named contributes nothing, so the picture is bit-identical to one without it.
    """
    return edits_of(recipe, concepts, recipe.painted_handles)


def edits_of(recipe: Recipe, concepts: Sequence[Concept], handles: Collection[str]) -> list[ActiveEdit]:
    """Return the edits of the concepts with one of these handles, with a recipe's strengths and knobs."""
    recipe = in_turn(recipe, headers_of(concepts))
    named = (concept for concept in concepts if set(handles) & set(concept.header.handles))
    return [active for concept in named for active in concept.active_edits(recipe)]


def headers_of(concepts: Sequence[Concept]) -> dict[str, Header]:
    """Return the header of each handle."""
    return {handle: concept.header for concept in concepts for handle in concept.header.handles}


def on_device(backbone: Backbone, edits: list[ActiveEdit]) -> list[ActiveEdit]:
    """Return the edits with their tensors on the backbone's device."""
    for active in edits:
        active.edit.to(backbone)
    return edits


def with_nouns(text: str, recipe: Recipe, concepts: Sequence[Concept]) -> str:
    """Return `text` with every handle of strength 0 replaced by its plain noun."""
    nouns = {handle: noun for concept in concepts for handle, noun in concept.header.handles.items()}
    return renamed_text(
        text, {handle: noun for handle, noun in nouns.items() if recipe.strength(handle) == 0}
    )


def generate(backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept] = ()) -> Iterator[Event]:
    """Paint `recipe.count` pictures, one after the other.

    Yields a Note about what of the prompts is not read or means nothing here, and those of refinements, a
    Step for each sampling step and a Result with a Picture for each picture. Edits are attached only inside a
    step, never across a yield. Pictures are painted singly, so that each can be repeated alone from its own
    recipe.

    Raises StudioError when the prompt names a handle that no given concept has, a concept does not fit the
    base, or a refinement cannot be applied.
    """
    cards = [refinement.card() for refinement in REFINEMENTS.values()]
    refinements = parse_refinements(recipe.refinements, cards)
    recipe = dataclasses.replace(recipe.checked(), base=backbone.name, refinements=refinements)
    recipe = dataclasses.replace(recipe, base_hash=backbone.base_hash)
    recipe.check_size(backbone.resolution)
    known = {handle: noun for concept in concepts for handle, noun in concept.header.handles.items()}
    for handle in recipe.handles:
        if handle not in known:
            raise StudioError(
                "There is no concept called {handle}.",
                "Train it, or import its file in the Library.",
                handle=handle,
            )
    check_concepts(backbone, concepts)
    for note in filter(None, (concept.note_on(backbone) for concept in concepts)):
        yield Note(note)
    edits = on_device(backbone, active_edits(recipe, concepts))
    acting = {handle for active in edits for handle in active.handles}
    only_lent = set(recipe.handles) - acting
    lent = on_device(backbone, edits_of(recipe, concepts, only_lent))
    nouns = handles_with_region(recipe, known)
    negative, prompt = (with_nouns(text, recipe, concepts) for text in (recipe.negative, recipe.prompt))
    prompts = read_in_chunks(backbone, Prompts(negative, prompt, clip_skip=recipe.clip_skip), edits, known)
    with prompts.reading(backbone), torch.no_grad(), attach(backbone, edits):
        named = {tr("prompt"): prompts.prompt, tr("negative prompt"): prompts.negative}
        unread = [unread_note(backbone.text, text, name) for name, text in named.items()]
    for note in filter(None, [*unread, *foreign_notes((recipe.prompt, recipe.negative))]):
        yield Note(note)
    painting = Painting(backbone, recipe, prompts, edits, nouns, lent)
    texts = {
        name: with_nouns(it, recipe, concepts) for name, it in refinements.items() if isinstance(it, str)
    }
    found = [refinement.from_recipe(refinements | texts) for refinement in REFINEMENTS.values()]
    refining = [refinement for refinement in found if refinement is not None]
    for refinement in refining:
        refinement.check(painting)
        for note in refinement.notes(painting):
            yield Note(note)
    done, total = 0, 0
    takes_turns = in_turn(recipe, headers_of(concepts)) != recipe
    for index in range(recipe.count):
        single = recipe.single(index)
        if takes_turns and index:
            edits = on_device(backbone, active_edits(single, concepts))
            lent = on_device(backbone, edits_of(single, concepts, only_lent))
            painting = dataclasses.replace(painting, edits=edits, lent=lent)
        for event in _paint(dataclasses.replace(painting, recipe=single), refining):
            if isinstance(event, Step):
                total = total or recipe.count * event.steps
                done += 1
                event = dataclasses.replace(event, step=done, steps=total)
            yield event


def check_concepts(backbone: Backbone, concepts: Sequence[Concept]) -> None:
    """Raise StudioError when a concept does not fit the base, or two do not fit each other."""
    first_with: dict[str, tuple[str, str]] = {}  # by dependency, the first concept and its digest
    for concept in concepts:
        concept.check(backbone)
        for name, digest in concept.header.dependencies.items():
            handle, first = first_with.setdefault(name, (concept.header.handle, digest))
            if first != digest:
                hint = "Train one of them again on this base."
                raise StudioError(
                    "{one} and {other} were made with different {name}.",
                    hint,
                    one=handle,
                    other=concept.header.handle,
                    name=tr(name),
                )


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
