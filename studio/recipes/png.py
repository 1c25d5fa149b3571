"""A painted picture as a file: a PNG with its recipe inside, twice.

As our JSON, which can be painted again, and as the `parameters` text that other programs of the field show.
Their pictures are read too, JPEG and WebP with the text in the EXIF included.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from studio.documents import DocumentError, parse_object
from studio.errors import StudioError
from studio.files import png_bytes, write_atomic
from studio.limits import MAX_DECODING_BYTES, MAX_PHOTO_BYTES
from studio.recipes.parameters import foreign_words, from_parameters, parameters
from studio.recipes.recipe import Recipe

PNG_KEY = "likeness"
THEIR_KEY = "parameters"
COMFY_KEYS = ("workflow", "prompt")
FORMATS = ("PNG", "JPEG", "WEBP")
EXIF_IFD, USER_COMMENT = 0x8769, 0x9286


def save_picture(picture: Image.Image, recipe: Recipe, path: Path) -> None:
    """Write `picture` as PNG with its recipe inside, whole or not at all."""
    text = PngInfo()
    text.add_text(PNG_KEY, json.dumps(recipe.to_json()))
    text.add_text(THEIR_KEY, parameters(recipe))
    write_atomic(path, png_bytes(picture, pnginfo=text))


def read_recipe(path: Path) -> Recipe:
    """Return the recipe inside a picture: ours, or what the `parameters` of another program say.

    Raises StudioError when there is none that can be read.
    """
    return read_recipe_and_notes(path)[0]


def is_picture_of(path: Path, recipe: Recipe) -> bool:
    """Return whether a file is there and holds the picture of this very recipe."""
    try:
        return path.exists() and read_recipe(path) == recipe
    except StudioError:
        return False


def read_recipe_and_notes(path: Path) -> tuple[Recipe, list[str]]:
    """Return the recipe inside a picture, and sentences about what of it is not understood here.

    Raises StudioError when there is none that can be read.
    """
    texts = _texts(path)
    ours, theirs = texts.get(PNG_KEY), texts.get(THEIR_KEY)
    hint = "Choose another picture."
    if ours is None and theirs is None and any(key in texts for key in COMFY_KEYS):
        raise StudioError(
            f"{path.name} was painted by ComfyUI, whose workflows are not read here.",
            "Write its prompt into the form by hand.",
        )
    if ours is None and theirs is None:
        raise StudioError(
            f"{path.name} has no recipe inside.", "Choose a PNG as it was painted, that nobody re-saved."
        )
    try:
        if ours is None:
            recipe, notes = from_parameters(str(theirs))
        else:
            recipe = Recipe.from_json(parse_object(ours))
            notes = foreign_words(f"{recipe.prompt}\n{recipe.negative}")
        if recipe.negative and not recipe.prompt.strip():
            raise StudioError(f"The recipe inside {path.name} has only a negative prompt.", hint)
        return recipe.checked(), notes
    except DocumentError as error:
        raise StudioError(f"The recipe inside {path.name} is damaged: {error.reason}.", hint) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise StudioError(f"The recipe inside {path.name} is damaged.", hint) from error


def _texts(path: Path) -> dict[str, str]:
    """Return the texts inside a picture by name. Raises StudioError for a file that is no picture."""
    unreadable = StudioError(
        f"{path.name} is not a picture that can be read.", "Choose a picture painted here."
    )
    try:
        if not path.is_file() or path.stat().st_size > MAX_PHOTO_BYTES:
            raise unreadable
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                if 4 * picture.width * picture.height > MAX_DECODING_BYTES:
                    raise unreadable
                if picture.format == "PNG":
                    picture.load()  # a PNG may have texts behind its pixels
                texts = {str(key): value for key, value in picture.info.items() if isinstance(value, str)}
                comment = picture.getexif().get_ifd(EXIF_IFD).get(USER_COMMENT)
    except (OSError, ValueError, SyntaxError, RuntimeError, Image.DecompressionBombError) as error:
        raise unreadable from error
    except (ArithmeticError, LookupError, TypeError, AttributeError) as error:  # Pillow's, for damaged EXIF
        raise unreadable from error
    if isinstance(comment, bytes) and THEIR_KEY not in texts:
        texts[THEIR_KEY] = _comment(comment)
    return texts


def _comment(comment: bytes) -> str:
    """Return the text of an EXIF user comment: eight bytes that say how it is written, and the text."""
    kind, text = comment[:8], comment[8:]
    if kind == b"UNICODE\0":
        # big-endian by the standard, little-endian from some; the zero bytes of Latin letters tell
        order = "utf-16-le" if text[:200:2].count(0) < text[1:200:2].count(0) else "utf-16-be"
        return text.decode(order, "replace")
    return text.decode("utf-8", "replace")
