"""The preview inside a concept's header: a small PNG, which may come from anybody."""

from __future__ import annotations

import io

from PIL import Image

from studio.files import png_bytes
from studio.limits import MAX_PREVIEW_SIDE

PREVIEW_SIDE = 96


def open_preview(preview: bytes) -> Image.Image | None:
    """Return a preview as an RGB picture, None when it is none or too large."""
    try:
        with Image.open(io.BytesIO(preview), formats=("PNG",)) as picture:
            return picture.convert("RGB") if max(picture.size) <= MAX_PREVIEW_SIDE else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def preview_bytes(picture: Image.Image) -> bytes:
    """Return a picture as the small PNG of a header."""
    small = picture.copy()
    small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
    return png_bytes(small, optimize=True)
