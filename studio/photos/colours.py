"""The colours of decoded pictures: eight bits, sRGB, and nothing transparent."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms

from studio.limits import MAX_PROFILE_BYTES

PROFILE_MODES = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}  # Pillow's for the colour space of a profile
RANGES = (1.0, 255.0, 65535.0)  # what white may be in a picture of floating-point numbers
TOO_LIGHT = 25.0  # mean distance to white, of 255 levels, below which a cut-out would be lost on white
LIGHT, DARK = (255, 255, 255), (128, 128, 128)


def plain_rgb(image: Image.Image) -> Image.Image:
    """Return a picture as plain RGB (sRGB), with nothing but pixels: no profile, no place, no date.

    Transparent parts become white, or grey where the rest is nearly white. A profile that is damaged or does
    not fit is ignored.
    """
    profile = image.info.get("icc_profile")
    image = eight_bits(image)
    if image.has_transparency_data:
        image = _on_paper(image.convert("RGBA"))
    if isinstance(profile, bytes) and 0 < len(profile) <= MAX_PROFILE_BYTES:
        image = _to_srgb(image, profile)
    return Image.fromarray(np.asarray(image.convert("RGB")))


def eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture with 256 levels: deeper ones are scaled, not clipped."""
    if image.mode.startswith("I;16") or image.mode == "I":
        grey = np.asarray(image).astype(np.int64)
        return Image.fromarray((grey >> 8).clip(0, 255).astype(np.uint8))
    if image.mode == "F":
        values = np.nan_to_num(np.asarray(image), nan=0.0, posinf=0.0, neginf=0.0)
        top = float(values.max(initial=0.0))
        white = next((white for white in RANGES if top <= white), top)
        return Image.fromarray((values.clip(0, white) * (255 / white)).round().astype(np.uint8))
    return image


def _on_paper(rgba: Image.Image) -> Image.Image:
    """Return a cut-out on white, or on grey where what it shows is nearly white itself."""
    pixels = np.asarray(rgba.reduce(max(1, min(rgba.size) // 256)), dtype=np.float32)
    weights = pixels[..., 3]
    distance = float((weights * (255 - pixels[..., :3]).mean(-1)).sum() / max(1.0, float(weights.sum())))
    is_cut_out = bool((weights < 128).any())
    paper = Image.new("RGBA", rgba.size, DARK if is_cut_out and distance < TOO_LIGHT else LIGHT)
    return Image.alpha_composite(paper, rgba).convert("RGB")


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
