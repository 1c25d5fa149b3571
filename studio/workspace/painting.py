"""Recipes on their way to the queue: resolved against the Library, and compared with what is here."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from studio.concepts.concept_library import Library
from studio.errors import StudioError
from studio.recipes.foreign_syntax import with_concepts, with_strengths_in_range
from studio.recipes.recipe import Recipe
from studio.recipes.refinement_card import RefinementCard, parse_refinements
from studio.words import tr


def resolve_recipe(recipe: Recipe, library: Library, refinements: Sequence[RefinementCard]) -> Recipe:
    """Return `recipe` checked, with the hash of each concept that its prompts name, and of no other.

    Concepts may be called in the way of other programs, as in <lora:lily:0.8>: see `with_concepts`.

    Raises StudioError when a value is out of range or a concept is not in the Library.
    """
    recipe = recipe.checked()  # before each handle of an endless prompt is looked for
    recipe = with_concepts(recipe, library.headers())[0].checked()
    handles = recipe.handles
    return dataclasses.replace(
        recipe,
        concepts={handle: library.hash(library.find(handle)) for handle in handles},
        strengths={handle: recipe.strength(handle) for handle in handles},
        knobs={handle: recipe.knobs[handle] for handle in handles if recipe.knobs.get(handle)},
        regions={handle: recipe.regions[handle] for handle in handles if handle in recipe.regions},
        refinements=parse_refinements(recipe.refinements, refinements),
    )


def as_read(recipe: Recipe, library: Library, base_side: int) -> tuple[Recipe, list[str]]:
    """Return a recipe of another program as it can be painted here, and sentences about what that changes.

    Args:
        base_side: see `with_fitting_size`.
    """
    recipe, concept_notes = with_concepts(recipe, library.headers())
    recipe, strength_notes = with_strengths_in_range(recipe)
    recipe, size_notes = with_fitting_size(recipe, base_side)
    return recipe, [*concept_notes, *strength_notes, *size_notes]


def with_fitting_size(recipe: Recipe, base_side: int) -> tuple[Recipe, list[str]]:
    """Return a recipe that was read, and a sentence if its size is left out, too much for the base.

    Args:
        base_side: of the base's own pictures in pixels, 0 where it is not known.
    """
    try:
        if base_side:
            recipe.check_size(base_side)
    except StudioError:
        text = "Its {width} × {height} pixels are too many for this base, whose own size it takes."
        note = tr(text, width=recipe.width, height=recipe.height)
        return dataclasses.replace(recipe, width=0, height=0), [note]
    return recipe, []


def base_notes(recipe: Recipe, base: str, base_hash: str) -> list[str]:
    """Return a sentence where `recipe` names another base than the one in use, or a base by another name.

    The hash of the file decides where both are known, since a checkpoint has many names.

    Args:
        base, base_hash: name and hash of the base that is loaded, empty where they are not known.
    """
    said, here = (Path(name).name for name in (recipe.base, base))
    if recipe.base_hash and base_hash:
        theirs = f"{said} [{recipe.base_hash}]".strip()
        if recipe.base_hash != base_hash:
            text = "It was painted with another checkpoint, {theirs}; here is {ours}."
            return [tr(text, theirs=theirs, ours=f"{here} [{base_hash}]")]
        if said != here:
            text = "Its base, {theirs}, is the very file that is in use here: {ours}."
            return [tr(text, theirs=theirs, ours=here)]
        return []
    if not said or not here or said == here:
        return []
    return [tr("It was painted with {theirs}; here is {ours}.", theirs=said, ours=here)]


def reproducibility_warnings(recipe: Recipe, library: Library, base: str, base_hash: str = "") -> list[str]:
    """Return why painting `recipe` here may give another picture than the one that carries the recipe.

    Args:
        base, base_hash: see `base_notes`.
    """
    warnings = base_notes(recipe, base, base_hash)
    for handle in recipe.handles:
        known = recipe.concepts.get(handle)
        if not library.has(handle):
            warnings.append(tr("{handle} is not in the Library.", handle=handle))
        elif known and known != library.hash(library.find(handle)):
            text = "{handle} is another file than when this was painted."
            warnings.append(tr(text, handle=handle))
    return warnings
