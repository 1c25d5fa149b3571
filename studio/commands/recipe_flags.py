"""The flags that hold a recipe."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.errors import StudioError
from studio.generation.refinements import REFINEMENTS
from studio.handles import handles_in, to_handle
from studio.recipes.axis import Axis
from studio.recipes.png import read_recipe
from studio.recipes.recipe import Recipe, random_seed, read_regions
from studio.recipes.refinement_card import refinement_fields
from studio.workspace.workspace import Workspace


def add_recipe_flags(parser: argparse.ArgumentParser) -> None:
    """Add the flags that `recipe_of` reads."""
    parser.add_argument("prompt", help="what to paint; handles such as <lily> name concepts")
    parser.add_argument(
        "--concept",
        action="append",
        default=[],
        metavar="FILE[:STRENGTH]",
        help="a concept file, or a name in the library, with a strength from 0 to 2 (1 is as learned)",
    )
    parser.add_argument(
        "--knob", action="append", default=[], metavar="NAME.KNOB=V", help="such as lily.bias=0.4"
    )
    parser.add_argument("--negative", default="", help="what to stay away from")
    parser.add_argument("--seed", type=int, help="of the first picture; a random one without")
    parser.add_argument("--steps", type=int, help="sampling steps; what the base likes without")
    parser.add_argument("--guidance", type=float, help="how closely to follow the prompt; as above")
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME=LEFT,TOP,RIGHT,BOTTOM",
        help="the part of the picture that is a concept's, in shares of it: lily=0,0,0.5,1",
    )


def recipe_of(given: argparse.Namespace, workspace: Workspace, axes: Sequence[Axis] = ()) -> Recipe:
    """What was asked for, the base's own habits where nothing was said; `axes` name concepts too."""
    if given.command == "again":
        recipe = read_recipe(given.png)
        composing = given.composing or recipe.composing
        refinements = {**recipe.refinements, **refinements_of(given)}
        return dataclasses.replace(recipe, composing=composing, refinements=refinements)
    defaults = workspace.base_defaults()
    turns = [str(value) for axis in axes for value in axis.values]
    named = handles_in(" ".join([given.prompt, given.negative, *turns]))
    return Recipe(
        given.prompt,
        given.negative,
        strengths=_strengths(given.concept, named, workspace),
        knobs=_knobs(given.knob),
        seed=random_seed() if given.seed is None else given.seed,
        steps=defaults.steps if given.steps is None else given.steps,
        guidance=defaults.guidance if given.guidance is None else given.guidance,
        count=1 if axes else given.count,
        refinements=refinements_of(given),
        composing=given.composing or Recipe.composing,
        regions=read_regions(" ".join(given.region)),
    )


def _strengths(texts: list[str], named: list[str], workspace: Workspace) -> dict[str, float]:
    """By handle, the strength of every --concept; files lie beside the shelf for this once. Raises
    StudioError for one that there is not, or that is not `named`."""
    strengths: dict[str, float] = {}
    for text in texts:
        place, _, tail = text.rpartition(":")
        place, strength = (place, _number(tail, text)) if place and not Path(text).exists() else (text, 1.0)
        handles = list(workspace.library.resolve(place).header.handles)
        if not set(handles) & set(named):
            raise StudioError(f"The prompt does not name {handles[0]}.", "Write it where it should appear.")
        strengths |= dict.fromkeys(handles, strength)
    return strengths


def _knobs(texts: list[str]) -> dict[str, dict[str, float]]:
    """The texts "lily.bias=0.4" by handle and knob. Raises StudioError when one is something else."""
    knobs: dict[str, dict[str, float]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        handle, _, knob = name.rpartition(".")
        knobs.setdefault(to_handle(handle), {})[knob] = _number(value, text)
    return knobs


def _number(value: str, text: str) -> float:
    """`value`, a part of `text`, as a number. Raises StudioError when it is none."""
    try:
        return float(value)
    except ValueError:
        hint = "Write --concept lily.safetensors:0.8 or --knob lily.bias=0.4."
        raise StudioError(f"{text!r} is not understood.", hint) from None


def add_refinement_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every setting of every refinement."""
    for refinement in REFINEMENTS.values():
        card = refinement.card()
        group = parser.add_argument_group(f"{card.title} ({card.paper})", card.summary)
        for field in card.fields:
            help = f"{field.help} {field.range if field.low is not None else ''}".replace("%", "%%")
            group.add_argument(f"--{field.name.replace('_', '-')}", metavar="VALUE", help=help)


def refinements_of(given: argparse.Namespace) -> dict[str, Any]:
    """Return the settings of refinements that were given. Raises StudioError for a value out of range."""
    cards = [refinement.card() for refinement in REFINEMENTS.values()]
    asked = {name: getattr(given, name) for name in refinement_fields(cards)}
    fields = refinement_fields(cards)
    return {name: fields[name].parse(value) for name, value in asked.items() if value is not None}


def open_workspace(given: argparse.Namespace) -> Workspace:
    """Return the workspace that the flags name, with the refinements there are."""
    cards = [refinement.card() for refinement in REFINEMENTS.values()]
    return Workspace(given.workspace, given.base, refinements=cards)
