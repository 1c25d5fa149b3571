"""Pictures that are painted to be measured: kept in files, and painted once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from studio.edits.concept import Concept
from studio.errors import StudioError
from studio.events import Result
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe


@dataclass(frozen=True)
class PromptPictures:
    """Pictures of one prompt, one per seed. `prompt` is how a reader gets it, with the noun in place."""

    prompt: str
    pictures: tuple[Image.Image, ...]


def paint_or_load(
    backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept], folder: Path, stem: str
) -> Iterator[Image.Image]:
    """Each picture of a recipe, in `folder` as STEM-0.png, STEM-1.png, ... One that is there already, from
    the very same recipe, is opened instead of painted."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(recipe.count):
        single = dataclasses.replace(recipe.single(index), base=backbone.name)
        path = folder / f"{stem}-{index}.png"
        if not _is_of(path, single):
            *_, last = generate(backbone, single, concepts)
            assert isinstance(last, Result)
            partial = path.with_name(f".{path.name}")
            save_picture(last.value.image, last.value.recipe, partial)
            partial.replace(path)
        with Image.open(path) as picture:
            yield picture.convert("RGB")


def _is_of(path: Path, recipe: Recipe) -> bool:
    """Whether there is a picture of this very recipe."""
    try:
        return path.exists() and read_recipe(path) == recipe
    except StudioError:
        return False
