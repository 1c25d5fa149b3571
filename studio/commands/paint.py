"""The commands that paint a prompt, and a picture again from the recipe inside it."""

from __future__ import annotations

import argparse

from studio.commands.console import show_progress
from studio.commands.recipe_flags import open_workspace, recipe_of
from studio.edits.concept import open_concepts
from studio.events import Result
from studio.files import writable_folder
from studio.generation.generate import generate
from studio.models import opening
from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe


def run_paint(given: argparse.Namespace) -> None:
    """Paint the pictures that the flags describe and print where each is. Raises StudioError."""
    workspace = open_workspace(given)
    asked = recipe_of(given, workspace)
    recipe = workspace.resolve_recipe(asked)
    for handle, known in asked.concepts.items():
        if recipe.concepts.get(handle) != known:
            print(f"{handle} is another file than when this was painted; the picture will differ.")
    folder = writable_folder(given.out or workspace.pictures)
    backbone = opening.open_backbone(given.base)
    for event in show_progress(generate(backbone, recipe, open_concepts(workspace.library, recipe))):
        if isinstance(event, Result):
            picture = event.value
            named = "-".join(recipe.concepts).replace("<", "").replace(">", "") or "picture"
            settings = picture.recipe.refinements.items()
            refined = "".join(f"-{name}-{value}".replace("_", "-") for name, value in settings)
            way = f"-{picture.recipe.composing}" if picture.recipe.composing != Recipe.composing else ""
            path = folder / f"{named}-{picture.recipe.seed}{refined}{way}.png"
            save_picture(picture.image, picture.recipe, path)
            print(path)
