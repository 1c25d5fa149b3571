"""Masks as the page sends them: PNGs in an address, and uploaded files."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from studio.errors import StudioError
from studio.limits import MAX_PNG_LETTERS
from studio.photos.mask_checks import binary_mask
from studio.photos.mask_file import read_mask
from studio.photos.photo import Photo
from studio.ui.parts.html_blocks import delete_uploads
from studio.words import tr

PNG_START = "data:image/png;base64,"


def mask_to_url(mask: Image.Image) -> str:
    """Return a mask as a lossless PNG in the address itself."""
    buffer = io.BytesIO()
    binary_mask(mask).convert("1").save(buffer, format="PNG")
    return PNG_START + base64.b64encode(buffer.getvalue()).decode("ascii")


def mask_from_url(text: object, side: int) -> Image.Image:
    """Return the mask that the canvas sent. Raises StudioError unless it is a PNG, `side` x `side`."""
    wrong = StudioError("This is no mask of the photo.", "Reload the page and paint it again.")
    if not isinstance(text, str) or not text.startswith(PNG_START) or len(text) > MAX_PNG_LETTERS:
        raise wrong
    try:
        with Image.open(io.BytesIO(base64.b64decode(text[len(PNG_START) :])), formats=("PNG",)) as opened:
            if opened.size == (side, side):
                return binary_mask(opened)
    except (OSError, ValueError, SyntaxError) as error:
        raise wrong from error
    raise wrong


def with_mask_file(paths: Sequence[Path], photo: Photo, subject: int) -> Photo:
    """Return the photo with a mask from an uploaded file, which is deleted once read.

    A mask with the proportions of the whole photo covers the photo, any other is fitted to the square. Raises
    StudioError when nothing in it is white.
    """
    if not paths:
        raise StudioError("The mask did not arrive.", "Upload it again.")
    try:
        mask = read_mask(paths[0])
    except StudioError as error:
        raise StudioError(
            tr("This mask cannot be used: {reason}.", reason=error.message), error.hint
        ) from error
    finally:
        delete_uploads(paths)
    if not mask.getbbox():
        raise StudioError("There is nothing white in this mask.", "Make the subject white, the rest black.")
    width, height = photo.image.size
    if width != height and abs(mask.width / mask.height - width / height) < 0.01 * width / height:
        whole_photo = mask.resize(photo.image.size, Image.Resampling.NEAREST)
        return replace(photo, masks={**photo.masks, subject: whole_photo})
    return photo.with_mask(subject, mask.resize((photo.side, photo.side), Image.Resampling.NEAREST))
