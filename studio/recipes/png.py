"""A painted picture as a file: a PNG with its recipe inside, twice.

As our JSON, which can be painted again, and as the `parameters` text that other programs of the field show.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.documents import DocumentError, parse_object
from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.recipes.recipe import (
    MAX_SEED,
    OLD_REFINEMENTS,
    Recipe,
    read_refinements,
    read_regions,
    write_refinements,
    write_regions,
)

PNG_KEY = "likeness"
PARAMETER = re.compile(r'([\w ]+): *("(?:\\.|[^"\\])*"|[^,]*)(?:, *|$)')


def save_picture(picture: Image.Image, recipe: Recipe, path: Path) -> None:
    """Write `picture` as PNG with its recipe inside, whole or not at all."""
    text = PngInfo()
    text.add_text(PNG_KEY, json.dumps(recipe.to_json()))
    text.add_text("parameters", parameters(recipe))
    write_atomic(path, png_bytes(picture, pnginfo=text))


def read_recipe(path: Path) -> Recipe:
    """Return the recipe inside a PNG: ours, or what the `parameters` of another program say.

    Raises StudioError when there is none that can be read.
    """
    try:
        with Image.open(path, formats=("PNG",)) as picture:
            picture.load()
            ours, theirs = picture.info.get(PNG_KEY), picture.info.get("parameters")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise StudioError(
            f"{path.name} is not a PNG that can be read.", "Choose a picture painted here."
        ) from error
    if ours is None and theirs is None:
        raise StudioError(
            f"{path.name} has no recipe inside.", "Choose a PNG as it was painted, that nobody re-saved."
        )
    try:
        recipe = from_parameters(str(theirs)) if ours is None else Recipe.from_json(parse_object(ours))
        return recipe.checked()
    except DocumentError as error:
        raise StudioError(
            f"The recipe inside {path.name} is damaged: {error.reason}.", "Choose another picture."
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise StudioError(f"The recipe inside {path.name} is damaged.", "Choose another picture.") from error


def parameters(recipe: Recipe) -> str:
    """Return the `parameters` text that AUTOMATIC1111 and its kin write into their pictures."""
    lines = [recipe.prompt]
    if recipe.negative:
        lines.append(f"Negative prompt: {recipe.negative}")
    rest = {
        "Steps": recipe.steps,
        "Sampler": "DDIM",
        "CFG scale": recipe.guidance,
        "Seed": recipe.seed,
        "Model": recipe.base,
    }
    if recipe.refinements:
        rest["Refinements"] = f'"{write_refinements(recipe.refinements)}"'
    if recipe.mode != "sum":
        rest["Composing"] = recipe.composing
    if recipe.mode == "regions" and recipe.regions:
        rest["Regions"] = f'"{write_regions(recipe.regions)}"'
    return "\n".join([*lines, ", ".join(f"{name}: {value}" for name, value in rest.items())])


def from_parameters(text: str) -> Recipe:
    """Return the recipe in the `parameters` text of another program: prompts, steps, guidance and seed.

    Its sampler is not ours and its noise is drawn otherwise, so the picture will be another one. A seed too
    large for us is taken modulo our range. Raises ValueError when the text is none.
    """
    *lines, last = text.strip().splitlines()
    settings = dict(PARAMETER.findall(last))
    prompts = "\n".join(lines).split("\nNegative prompt: ", 1)
    if "Steps" not in settings or not prompts[0].strip():
        raise ValueError("no parameters")
    return Recipe(
        prompt=prompts[0].strip(),
        negative=prompts[1].strip() if len(prompts) > 1 else "",
        seed=int(settings.get("Seed", 0)) % (MAX_SEED + 1),
        steps=int(settings["Steps"]),
        guidance=float(settings.get("CFG scale", Recipe.guidance)),
        refinements=_refinements(settings),
        composing=settings.get("Composing", "sum"),
        regions=read_regions(settings.get("Regions", "").strip('"')),
        base=settings.get("Model", ""),
    )


def _refinements(settings: dict[str, str]) -> dict[str, Any]:
    """Return the refinements that `parameters` wrote, also under the names of earlier versions."""
    old = {name: settings[name.capitalize()] for name in OLD_REFINEMENTS if name.capitalize() in settings}
    values = {OLD_REFINEMENTS[name]: int(value) for name, value in old.items()}
    return values | read_refinements(settings.get("Refinements", "").strip('"'))
