"""A painted picture as a file: a PNG with its recipe inside, twice.

As our JSON, which can be painted again, and as the `parameters` text that other programs of the field show.
Their pictures are read too, JPEG and WebP included.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.documents import DocumentError, LimitError, parse_object
from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.recipes.comfyui import from_comfyui
from studio.recipes.foreign_settings import MAX_SHOWN, shown
from studio.recipes.invokeai import from_dream, from_metadata, from_sd_metadata
from studio.recipes.parameters import from_parameters, parameters
from studio.recipes.parameters_json import from_json
from studio.recipes.picture_texts import PARAMETERS, texts_of
from studio.recipes.recipe import Recipe
from studio.words import tr

Read = tuple[Recipe, list[str]]
PNG_KEY = "likeness"
READERS: dict[str, Callable[[str], Read]] = {  # by the name of the text, those that say most first
    PARAMETERS: lambda text: (from_json if text.lstrip().startswith("{") else from_parameters)(text),
    "invokeai_metadata": from_metadata,
    "sd-metadata": from_sd_metadata,
    "dream": from_dream,
    "prompt": from_comfyui,
}
WORKFLOWS = {"workflow": "ComfyUI", "invokeai_workflow": "InvokeAI", "invokeai_graph": "InvokeAI"}
# texts that describe no picture, and the same graph once more
SAYS_LITTLE = (
    "fooocus_scheme",
    "Software",
    "srgb",
    "XML:com.adobe.xmp",
    "invokeai_graph",
    "invokeai_workflow",
)
HINT = "Choose another picture."
NO_PROMPT = tr("No prompt was read from it: write what you want to see.")
ONLY_NEGATIVE = tr("No prompt was read from it, only a negative one: write what you want to see.")


def save_picture(picture: Image.Image, recipe: Recipe, path: Path) -> None:
    """Write `picture` as PNG with its recipe inside, whole or not at all."""
    text = PngInfo()
    text.add_text(PNG_KEY, json.dumps(recipe.to_json()))
    text.add_text(PARAMETERS, parameters(recipe))
    write_atomic(path, png_bytes(picture, pnginfo=text))


def read_recipe(path: Path, behind_pixels: bool = True) -> Recipe:
    """Return the recipe inside a picture: ours, or what another program wrote.

    Args:
        behind_pixels: see `texts_of`; without, a large picture is read a hundred times as fast.

    Raises StudioError when there is none that can be read.
    """
    return read_recipe_and_notes(path, behind_pixels)[0]


def is_picture_of(path: Path, recipe: Recipe) -> bool:
    """Return whether a file is there and holds the picture of this very recipe."""
    try:
        return path.exists() and read_recipe(path) == recipe
    except StudioError:
        return False


def read_recipe_and_notes(path: Path, behind_pixels: bool = True) -> Read:
    """Return the recipe inside a picture, and sentences about it.

    They say which program painted it, what cannot be the same here, and what was not used. Of another program
    a recipe is returned without a prompt too, though it cannot be painted before one is written.

    Raises StudioError when there is none that can be read.
    """
    texts = texts_of(path, behind_pixels)
    try:
        recipe, notes = _read(texts, path.name)
        has_negative = bool(recipe.negative.strip())
        if recipe.prompt.strip() or (PNG_KEY in texts and not has_negative):  # ours always have a prompt
            return recipe.checked(), notes
        return recipe.with_values_checked(), [*notes, ONLY_NEGATIVE if has_negative else NO_PROMPT]
    except DocumentError as error:
        raise StudioError(
            "The recipe inside {file} is damaged: {reason}.", HINT, file=path.name, reason=error.reason
        ) from error
    except LimitError as error:
        raise StudioError(
            "The recipe inside {file} is damaged: {reason}.", HINT, file=path.name, reason=error
        ) from error
    except RecursionError as error:
        raise StudioError(
            "The recipe inside {file} is damaged: it is nested too deeply.", HINT, file=path.name
        ) from error
    except (ValueError, TypeError, OverflowError) as error:
        raise StudioError("The recipe inside {file} is damaged.", HINT, file=path.name) from error


def _read(texts: dict[str, str], name: str) -> Read:
    """Return the recipe in the texts of the picture `name`, and sentences about it."""
    if PNG_KEY in texts:
        return Recipe.from_json(parse_object(texts[PNG_KEY])), []
    found = next((key for key in READERS if key in texts), None)
    if found is not None:
        recipe, notes = READERS[found](texts[found])
        known = (found, *SAYS_LITTLE, *(["workflow"] if found == "prompt" else []))
        others = [key for key in texts if key not in known]
        unread = "; ".join(f"{key[:MAX_SHOWN]}: {shown(texts[key])}" for key in others[:4])
        return recipe, [*notes, *([tr("Not read beside it: {texts}.", texts=unread)] if unread else [])]
    for key, program in WORKFLOWS.items():
        if key in texts:
            raise StudioError(
                "{name} was painted by {program}, and holds only a workflow that is not read here.",
                "Write its prompt into the form by hand.",
                name=name,
                program=program,
            )
    raise StudioError(
        "{name} has no recipe inside.", "Choose a PNG as it was painted, that nobody re-saved.", name=name
    )
