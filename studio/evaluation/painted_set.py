"""Pictures painted to be measured: saved to files, and painted only once."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from studio.edits.concept import Concept
from studio.events import Result
from studio.generation.generate import generate
from studio.models.backbone import Backbone
from studio.recipes.png import is_picture_of, save_picture
from studio.recipes.recipe import Recipe


@dataclass(frozen=True)
class PromptPictures:
    """The pictures of one prompt, one per seed. `prompt` has the noun in place of the handle."""

    prompt: str
    pictures: tuple[Image.Image, ...]


def paint_or_load(
    backbone: Backbone, recipe: Recipe, concepts: Sequence[Concept], folder: Path, stem: str
) -> Iterator[Image.Image]:
    """Yield each picture of a recipe, saved in `folder` as STEM-0.png, STEM-1.png, ...

    A file that holds the very same recipe is opened instead of painted again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(recipe.count):
        single = dataclasses.replace(recipe.single(index), base=backbone.name)
        path = folder / f"{stem}-{index}.png"
        if not is_picture_of(path, single):
            *_, last = generate(backbone, single, concepts)
            assert isinstance(last, Result)
            save_picture(last.value.image, last.value.recipe, path)
        with Image.open(path) as picture:
            yield picture.convert("RGB")
