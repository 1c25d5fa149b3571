"""The preview inside a concept's header: a small PNG, which may come from anybody."""

from __future__ import annotations

import io

from PIL import Image

from studio.limits import MAX_PREVIEW_SIDE


def open_preview(preview: bytes) -> Image.Image | None:
    """Return a preview as an RGB picture, None when it is none or too large."""
    try:
        with Image.open(io.BytesIO(preview), formats=("PNG",)) as picture:
            return picture.convert("RGB") if max(picture.size) <= MAX_PREVIEW_SIDE else None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
