"""Cut-outs: photos whose transparent parts say where the subject is."""

from __future__ import annotations

import numpy as np
from PIL import Image

OPAQUE = 127  # of 255; what is more opaque is the subject
LEAST, MOST = 0.005, 0.9  # share of a photo that a cut-out shows: more is a picture with round corners
NEARLY_WHITE = 24.0  # levels from white, of 255, within which a part would be lost on white
LOST = 0.3  # share of a cut-out from which the ground is grey
WHITE, GREY = (255, 255, 255), (128, 128, 128)


def cut_out_mask(image: Image.Image) -> Image.Image | None:
    """Return where a picture is opaque: "L", of its size, 0 or 255. None where that is no subject's outline.

    So it is when hardly anything is transparent, as with round corners, or nearly everything, in the picture
    or in the square in its middle.
    """
    if not image.has_transparency_data:
        return None
    alpha = np.asarray(image.convert("RGBA"))[..., 3]
    opaque = alpha > OPAQUE
    side = min(opaque.shape)
    top, left = ((length - side) // 2 for length in opaque.shape)
    square = opaque[top : top + side, left : left + side]
    if not all(LEAST <= float(part.mean()) <= MOST for part in (opaque, square)):
        return None
    return Image.fromarray(np.where(opaque, 255, 0).astype(np.uint8))


def on_ground(image: Image.Image) -> Image.Image:
    """Return a picture with transparent parts as RGB: on white, or on grey where much of it is white itself.

    A black subject differs from both.
    """
    rgba = image.convert("RGBA")
    pixels = np.asarray(rgba.reduce(max(1, min(rgba.size) // 256)), dtype=np.float32)
    weights = pixels[..., 3]
    light = (255 - pixels[..., :3]).max(axis=-1) < NEARLY_WHITE
    share = float((weights * light).sum() / max(1.0, float(weights.sum())))
    is_cut_out = bool((weights < OPAQUE).any())
    ground = Image.new("RGBA", rgba.size, GREY if is_cut_out and share > LOST else WHITE)
    return Image.alpha_composite(ground, rgba).convert("RGB")
