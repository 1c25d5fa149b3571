"""Masks as other programs save them: black and white, cut-outs, class numbers, palettes of class colours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.limits import MAX_PHOTO_SIDE
from studio.photos.colours import eight_bits
from studio.photos.decoding import decode

WHITE = 127  # brighter levels are the subject
CLASS = 15  # where nothing is brighter, levels are class numbers, and every one but 0 is the subject
COLOURED = 40  # levels between the channels of a pixel from which a mask is one of class colours


def read_mask(source: Path | bytes) -> Image.Image:
    """Return the mask in a file or its bytes: "L", upright, 255 = subject and 0 elsewhere.

    White is the subject; in a mask of class numbers or class colours, everything but 0 or black. What is
    transparent is not.

    Raises:
        StudioError: it cannot be read, or nothing in it is bright; the message is a part of a sentence.
    """
    picture = eight_bits(decode(source, MAX_PHOTO_SIDE, resample=Image.Resampling.BOX))
    if picture.has_transparency_data:
        rgba = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", rgba.size, "black"), rgba)
    pixels = np.asarray(picture.convert("RGB"))
    levels = pixels.max(axis=-1)
    brightest = int(levels.max())
    is_coloured = int((levels - pixels.min(axis=-1)).max()) > COLOURED
    if brightest <= CLASS:
        subject = levels > 0
    elif is_coloured:
        subject = levels > CLASS
    elif brightest <= WHITE:
        raise StudioError("nothing in it is white", "Make the subject white and the rest black.")
    else:
        subject = levels > WHITE
    return Image.fromarray(np.where(subject, 255, 0).astype(np.uint8))
