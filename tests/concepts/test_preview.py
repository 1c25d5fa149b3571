"""Previews come from strangers: what is none, or too large, is left out."""

from __future__ import annotations

import pytest
from PIL import Image

from studio.concepts.preview import open_preview
from studio.files import png_bytes


@pytest.mark.parametrize(
    "preview",
    [
        b"",
        b"no picture",
        png_bytes(Image.effect_noise((64, 64), 50))[:-300],
        png_bytes(Image.new("1", (2049, 8))),
    ],
)
def test_what_is_no_preview_is_none(preview: bytes) -> None:
    assert open_preview(preview) is None


def test_a_preview_is_opened() -> None:
    preview = open_preview(png_bytes(Image.new("L", (8, 8), 9)))
    assert preview is not None and preview.getpixel((0, 0)) == (9, 9, 9)
