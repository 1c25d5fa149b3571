"""The commands `paint` and `again`: paint a prompt, or a picture again from the recipe inside it."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path

from studio.commands.base_flags import open_base
from studio.commands.console import show_progress
from studio.commands.recipe_flags import open_workspace, recipe_again, recipe_of
from studio.edits.concept import open_concepts
from studio.events import Result
from studio.files import exists, writable_folder
from studio.generation.generate import generate
from studio.recipes.foreign_syntax import with_concepts
from studio.recipes.png import is_picture_of, save_picture
from studio.recipes.recipe import Recipe
from studio.words import tr
from studio.workspace.painting import base_notes, with_fitting_size
from studio.workspace.workspace import Workspace

MAX_NAME_LETTERS = 40  # of a setting in the name of a file


def run_paint(given: argparse.Namespace) -> None:
    """Paint the pictures that the flags describe, and print the path of each. Raises StudioError."""
    workspace = open_workspace(given)
    recipe, notes = with_concepts(recipe_of(given, workspace), workspace.concepts.headers())
    _say(notes)
    _paint(given, workspace, recipe)


def run_again(given: argparse.Namespace) -> None:
    """Paint the picture of a file again, and print the path. Raises StudioError."""
    workspace = open_workspace(given)
    recipe, notes = workspace.as_read(recipe_again(given, workspace))
    _say(notes)
    _paint(given, workspace, recipe, was_read=True)


def _say(notes: Iterable[str]) -> None:
    for note in notes:
        print(note)


def _paint(given: argparse.Namespace, workspace: Workspace, asked: Recipe, was_read: bool = False) -> None:
    """Paint a recipe; one that was read from a picture gets another size where its own is too large."""
    recipe = workspace.resolve_recipe(asked)
    for handle, digest in asked.concepts.items():
        if recipe.concepts.get(handle) != digest:
            text = "{handle} is another file than when this was painted; the picture will differ."
            print(tr(text, handle=handle))
    folder = writable_folder(given.out or workspace.pictures)
    backbone = open_base(given, workspace.cache)
    if was_read:
        recipe, notes = with_fitting_size(recipe, backbone.resolution)
        _say([*notes, *base_notes(recipe, backbone.name, backbone.base_hash)])
    for event in show_progress(generate(backbone, recipe, open_concepts(workspace.concepts, recipe))):
        if isinstance(event, Result):
            path = place_of(event.value.recipe, folder)
            save_picture(event.value.image, event.value.recipe, path)
            print(path)


def place_of(recipe: Recipe, folder: Path) -> Path:
    """Return the path for a picture in `folder`: that of the same picture, or one that no file has."""
    path, number = folder / file_name(recipe), 1
    name = path.stem
    while exists(path) and not is_picture_of(path, recipe):
        number += 1
        path = path.with_stem(f"{name}-{number}")
    return path


def file_name(recipe: Recipe) -> str:
    """Return the name of a picture's file, such as lily-trek-7-prompt-tuning-steps-10-words.png.

    It has the concepts, the seed, the settings of refinements, and the mode of composing if it is unusual.
    """
    concepts = [handle.strip("<>") for handle in recipe.concepts]
    refinements = [
        re.sub(r"[^A-Za-z0-9.]+", "-", f"{name}-{value}")[:MAX_NAME_LETTERS].rstrip("-.")
        for name, value in recipe.refinements.items()
    ]
    mode = [recipe.composing] if recipe.composing != Recipe.composing else []
    return "-".join([*(concepts or ["picture"]), str(recipe.seed), *refinements, *mode]) + ".png"
