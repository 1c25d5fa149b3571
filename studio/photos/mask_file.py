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
TWO_VALUED = 0.98  # share of a dim mask that must be nearly black or nearly as bright as its brightest
NEAR = 0.15  # of the brightest level, how near is nearly


def read_mask(source: Path | bytes) -> Image.Image:
    """Return the mask in a file or its bytes: "L", upright, 255 = subject and 0 elsewhere.

    White is the subject; in a mask of class numbers or class colours, everything but 0 or black; in one of
    two levels, the brighter; in a cut-out, everything opaque. What is transparent is not.

    Raises:
        StudioError: it cannot be read, or nothing in it is bright; the message is a part of a sentence.
    """
    picture = eight_bits(decode(source, MAX_PHOTO_SIDE, resample=Image.Resampling.BOX))
    if picture.has_transparency_data:
        rgba = np.asarray(picture.convert("RGBA"))
        if _is_cut_out(rgba):
            return _mask(rgba[..., 3] > WHITE)
        picture = Image.fromarray(rgba[..., :3] * (rgba[..., 3:] > WHITE))
    pixels = np.asarray(picture.convert("RGB"))
    levels = pixels.max(axis=-1)
    brightest = int(levels.max())
    is_coloured = int((levels - pixels.min(axis=-1)).max()) > COLOURED
    if brightest <= CLASS:
        subject = levels > 0
    elif is_coloured:
        subject = levels > CLASS
    elif brightest <= WHITE and _is_two_valued(levels):
        subject = levels > brightest / 2
    elif brightest <= WHITE:
        raise StudioError("nothing in it is white", "Make the subject white and the rest black.")
    else:
        subject = levels > WHITE
    return _mask(subject)


def _mask(subject: np.ndarray) -> Image.Image:
    """Return (h, w) bool as a mask."""
    return Image.fromarray(np.where(subject, 255, 0).astype(np.uint8))


def _is_cut_out(rgba: np.ndarray) -> bool:
    """Return whether transparency alone says where the subject is: something is, and the rest shows a thing.

    A mask that is opaque in black and white, with something transparent besides, is no cut-out.
    """
    opaque = rgba[..., 3] > WHITE
    shown = rgba[opaque][:, :3]
    if opaque.all() or not len(shown):
        return False
    is_black, is_white = (np.abs(shown.astype(int) - level).max(axis=-1) <= CLASS for level in (0, 255))
    both = bool(is_black.any() and is_white.any())
    return not (both and float((is_black | is_white).mean()) > TWO_VALUED)


def _is_two_valued(levels: np.ndarray) -> bool:
    """Return whether nearly every level is near 0 or near the brightest, as in JPEGs of two levels."""
    near = NEAR * int(levels.max())
    return float(((levels <= near) | (levels >= levels.max() - near)).mean()) >= TWO_VALUED
