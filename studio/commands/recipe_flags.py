"""The flags that describe a recipe, and the recipe that they describe."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from studio.commands.setting_flags import add_setting_flags, given_settings
from studio.errors import StudioError
from studio.generation.refinements import REFINEMENTS
from studio.handles import to_handle
from studio.recipes.axis import Axis
from studio.recipes.foreign_syntax import handles_called
from studio.recipes.png import read_recipe_and_notes
from studio.recipes.recipe import MODES, Recipe, random_seed, read_regions
from studio.recipes.refinement_card import refinement_fields
from studio.settings import fields_of
from studio.workspace.workspace import Workspace

CARDS = [refinement.card() for refinement in REFINEMENTS.values()]
FIELDS = {field.name: field for field in fields_of(Recipe)}
DEFAULTS = {  # what happens without a flag, where that is not the default of the setting
    "seed": "a random one",
    "steps": "what suits the base",
    "guidance": "what suits the base",
    "composing": f"{Recipe.composing}. {'. '.join(f'{mode}: {does}' for mode, does in MODES.items())}",
}


def add_recipe_flags(parser: argparse.ArgumentParser, *without: str) -> None:
    """Add the flags that `recipe_of` needs, except those of the settings `without`."""
    parser.add_argument("prompt", help="what to paint; handles such as <lily> name concepts")
    parser.add_argument("--negative", default="", help="what to stay away from")
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
    parser.add_argument(
        "--region",
        action="append",
        default=[],
        metavar="NAME=LEFT,TOP,RIGHT,BOTTOM",
        help="the concept's part of the picture, as shares of its sides: lily=0,0,0.5,1 is the left half",
    )
    fields = (field for name, field in FIELDS.items() if name not in without)
    add_setting_flags(parser, fields, DEFAULTS)


def add_refinement_flags(parser: argparse.ArgumentParser) -> None:
    """Add a flag for every setting of every refinement."""
    for card in CARDS:
        add_setting_flags(
            parser.add_argument_group(f"{card.title} ({card.paper})", card.summary), card.fields
        )


def recipe_of(given: argparse.Namespace, workspace: Workspace, axes: Sequence[Axis] = ()) -> Recipe:
    """Return the recipe that the flags describe, with the defaults that suit the base.

    Args:
        axes: of a grid. Their values may name concepts, too.

    Raises StudioError for a flag that is not understood, or names a concept that there is not.
    """
    settings = given_settings(given, FIELDS.values())
    refinements = given_settings(given, refinement_fields(CARDS).values())
    defaults = workspace.base_defaults()
    usual: dict[str, Any] = {"seed": random_seed(), "steps": defaults.steps, "guidance": defaults.guidance}
    texts = [given.prompt, given.negative, *(str(value) for axis in axes for value in axis.values)]
    texts += [value for value in refinements.values() if isinstance(value, str)]
    return Recipe(
        given.prompt,
        given.negative,
        strengths=_strengths(given.concept, " ".join(texts), workspace),
        knobs=_knobs(given.knob),
        refinements=refinements,
        regions=read_regions(" ".join(given.region)),
        **{**usual, **settings},
    )


def recipe_again(given: argparse.Namespace, workspace: Workspace) -> Recipe:
    """Return the recipe inside a picture, changed by the flags, with the present names of its concepts.

    What of it is not understood or has changed is printed. Raises StudioError if there is none.
    """
    recipe, notes = read_recipe_and_notes(given.png)
    recipe, renamed = workspace.former_names.present(recipe)
    for note in (*notes, *renamed):
        print(note)
    refinements = {**recipe.refinements, **given_settings(given, refinement_fields(CARDS).values())}
    return dataclasses.replace(
        recipe, refinements=refinements, **given_settings(given, [FIELDS["composing"]])
    )


def open_workspace(given: argparse.Namespace) -> Workspace:
    """Return the workspace that the flags name."""
    return Workspace(given.workspace, given.base, refinements=CARDS)


def _strengths(texts: list[str], prompts: str, workspace: Workspace) -> dict[str, float]:
    """Return the strength of every --concept by handle; files are added to the library for this process.

    Raises StudioError for a concept that there is not, or that the prompts do not name.
    """
    strengths: dict[str, float] = {}
    for text in texts:
        name, _, tail = text.rpartition(":")
        name, strength = (name, _number(tail, text)) if name and not Path(text).exists() else (text, 1.0)
        handles = list(workspace.concepts.resolve(name).header.handles)
        if not set(handles) & set(handles_called(prompts, workspace.concepts.headers())):
            raise StudioError(
                "The prompt does not name {handle}.", "Write it where it should appear.", handle=handles[0]
            )
        strengths |= dict.fromkeys(handles, strength)
    return strengths


def _knobs(texts: list[str]) -> dict[str, dict[str, float]]:
    """Return the values of "lily.bias=0.4" by handle and knob. Raises StudioError for other texts."""
    knobs: dict[str, dict[str, float]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        handle, _, knob = name.rpartition(".")
        knobs.setdefault(to_handle(handle), {})[knob] = _number(value, text)
    return knobs


def _number(value: str, text: str) -> float:
    """Return `value`, a part of the flag `text`, as a number. Raises StudioError if it is none."""
    try:
        return float(value)
    except ValueError:
        hint = "Write --concept lily.safetensors:0.8 or --knob lily.bias=0.4."
        raise StudioError("{written!r} is not understood.", hint, written=text) from None
