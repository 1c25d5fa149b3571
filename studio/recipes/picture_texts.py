"""The texts inside a picture file: those of a PNG, and those in the EXIF of a JPEG or WebP."""

from __future__ import annotations

import codecs
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from studio.errors import StudioError
from studio.limits import MAX_DECODING_BYTES, MAX_PHOTO_BYTES

FORMATS = ("PNG", "JPEG", "WEBP")
PARAMETERS = "parameters"
EXIF_IFD, USER_COMMENT = 0x8769, 0x9286
MAKE, MODEL = 0x010F, 0x0110  # where ComfyUI writes "workflow:{...}" and "prompt:{...}"
COMFY_NAMES = ("prompt", "workflow")


def texts_of(path: Path, behind_pixels: bool = True) -> dict[str, str]:
    """Return the texts inside a picture by name; that of the EXIF has the name that a PNG has for it.

    Args:
        behind_pixels: whether a PNG is decoded to find texts behind its pixels; ours stand before them.

    Raises StudioError for a file that is no picture.
    """
    unreadable = StudioError(
        "{file} is not a picture that can be read.", "Choose a picture painted here.", file=path.name
    )
    try:
        if not path.is_file() or path.stat().st_size > MAX_PHOTO_BYTES:
            raise unreadable
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=FORMATS) as picture:
                if 4 * picture.width * picture.height > MAX_DECODING_BYTES:
                    raise unreadable
                is_whole = behind_pixels or picture.format != "PNG"
                if is_whole and picture.format == "PNG":
                    picture.load()
                texts = {str(key): value for key, value in picture.info.items() if isinstance(value, str)}
                # Pillow decodes a PNG for its EXIF, where only other programs write
                exif = dict(_exif_texts(picture.getexif())) if is_whole else {}
    except (OSError, ValueError, SyntaxError, RuntimeError, Image.DecompressionBombError) as error:
        raise unreadable from error
    except (ArithmeticError, LookupError, TypeError, AttributeError) as error:  # Pillow's, for damaged EXIF
        raise unreadable from error
    return exif | texts


def _exif_texts(exif: Image.Exif) -> Iterator[tuple[str, str]]:
    """Yield the names and texts in an EXIF."""
    # Fooocus writes its comment beside the table that it belongs into
    for comment in (exif.get(USER_COMMENT), exif.get_ifd(EXIF_IFD).get(USER_COMMENT)):
        if comment:
            yield PARAMETERS, _comment(comment)
    for tag in (MAKE, MODEL):
        name, colon, text = str(exif.get(tag) or "").partition(":")
        if colon and name.lower() in COMFY_NAMES:
            yield name.lower(), text


def _comment(comment: Any) -> str:
    """Return the text of an EXIF user comment: eight bytes that say how it is written, and the text."""
    if not isinstance(comment, bytes):
        return str(comment)
    kind, text = comment[:8], comment[8:]
    if kind == b"UNICODE\0":
        return _utf_16(text)
    is_marked = kind[:5] in (b"ASCII", b"JIS\0\0", bytes(5))
    return (text if is_marked else comment).decode("utf-8", "replace").strip("\0")


def _utf_16(text: bytes) -> str:
    """Return a text in UTF-16: big-endian by the standard, little-endian from some programs.

    Where no mark says which, what every recipe says does. The zero bytes of Latin letters do not: Chinese and
    Japanese have few of them, and some letters with their zero on the other side.
    """
    if text.startswith((codecs.BOM_UTF16_BE, codecs.BOM_UTF16_LE)):
        return text.decode("utf-16", "replace").strip("\0")
    readings = [text.decode(order, "replace").strip("\0") for order in ("utf-16-be", "utf-16-le")]
    recipes = (one for one in readings if "Steps:" in one or one.lstrip().startswith("{"))
    return next(recipes, readings[0])
