"""The colours of decoded pictures: eight bits, sRGB, and nothing transparent."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from studio.limits import MAX_PROFILE_BYTES
from studio.photos.cut_out import on_ground

PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # Pillow's for the colour space of a profile
RANGES = (1.0, 255.0, 65535.0)  # what white may be in a picture of floating-point numbers


def plain_rgb(image: Image.Image) -> Image.Image:
    """Return a picture as plain RGB (sRGB), with nothing but pixels: no profile, no place, no date.

    Transparent parts become white, or grey where much of the rest is nearly white. A profile that is damaged
    or does not fit is ignored.
    """
    profile = image.info.get("icc_profile")
    image = eight_bits(image)
    if image.has_transparency_data:
        image = on_ground(image)
    if isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE_BYTES:
        image = _to_srgb(image, profile)
    return Image.fromarray(np.asarray(image.convert("RGB")))


def eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture with 256 levels: deeper ones are scaled, not clipped.

    Whole numbers up to 255 in a deeper format are eight bits already, as programs save class numbers.
    """
    if image.mode.startswith("I;16") or image.mode == "I":
        grey = np.asarray(image).astype(np.int64)
        grey = grey >> 8 if grey.max(initial=0) > 255 else grey
        return Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        top = float(values.max(initial=0.0))
        white = next((white for white in RANGES if top <= white), top)
        return Image.fromarray((values.clip(0, white) * (255 / white)).round().astype(np.uint8))
    return image


def _to_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """Return the picture with the colours that its ICC profile means."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = PROFILE_MODES[source.profile.xcolor_space.strip()]
        if (mode == "CMYK") != (image.mode == "CMYK"):
            return image
        image = image.convert(mode)
        target = ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, KeyError, ValueError, TypeError):
        return image
    return image if turned is None else turned
