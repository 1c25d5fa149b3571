"""Vary a drawing: recolour its main colour, shift its hues a little, mirror it, move its corners.

A noun that is always drawn alike would be learned as one picture. With many looks per noun the model learns
that a fox may look otherwise, which is what lets it be taught a new one.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

HUE_BAND, HUE_FALLOFF = 26, 18  # half width of the hues that change together, of 256, and its soft edge
# Colour name -> hue (0..255), factor on saturation, factor on brightness.
PAINTS: dict[str, tuple[int, float, float]] = {
    "red": (252, 1.1, 0.95),
    "orange": (20, 1.1, 1.0),
    "yellow": (34, 1.1, 1.1),
    "green": (85, 0.95, 0.9),
    "blue": (150, 1.0, 1.0),
    "purple": (195, 0.9, 0.95),
    "pink": (234, 0.6, 1.15),
    "brown": (18, 0.8, 0.6),
    "gray": (150, 0.1, 0.85),
    "white": (30, 0.08, 1.35),
}


def main_hue(hsv: np.ndarray, alpha: np.ndarray) -> tuple[int, float]:
    """Return the most frequent hue of a drawing and the share of its pixels that are coloured.

    `hsv` (h, w, 3) bytes, `alpha` (h, w) bytes. The hue is 0..255, the share 0..1.
    """
    visible = alpha > 127
    weight = (hsv[..., 1] / 255.0) * (hsv[..., 2] / 255.0) * visible
    histogram = np.bincount(hsv[..., 0].ravel(), weight.ravel(), 256)
    smooth = sum(np.roll(histogram, shift) for shift in range(-8, 9))
    coloured = (visible & (hsv[..., 1] > 60) & (hsv[..., 2] > 50)).sum() / max(1, visible.sum())
    return int(np.argmax(smooth)), float(coloured)


def recoloured(picture: Image.Image, colour: str) -> Image.Image:
    """Paint the main colour of an RGBA drawing in `colour`, a name of PAINTS; other colours stay.

    A drawing without colours, for example a panda's, is tinted where it is bright.
    """
    hue, saturation, brightness = PAINTS[colour]
    alpha = np.asarray(picture.getchannel("A"))
    hsv = np.asarray(picture.convert("RGB").convert("HSV")).copy()
    main, coloured = main_hue(hsv, alpha)
    if coloured < 0.2:
        share = np.clip((hsv[..., 2].astype(np.float32) - 90) / 100, 0, 1)
        new = np.stack(
            [
                np.full(alpha.shape, hue, np.float32),
                np.full(alpha.shape, 170.0 * min(1.0, saturation), np.float32),
                hsv[..., 2] * min(1.0, brightness),
            ],
            axis=-1,
        )
        # Hues must not be mixed: a pixel that changes takes the new hue.
        hsv = np.stack(
            [
                np.where(share > 0, new[..., 0], hsv[..., 0]),
                hsv[..., 1] * (1 - share) + new[..., 1] * share,
                hsv[..., 2] * (1 - share) + new[..., 2] * share,
            ],
            axis=-1,
        )
    else:
        distance = np.abs((hsv[..., 0].astype(np.int16) - main + 128) % 256 - 128)
        share = np.clip((HUE_BAND + HUE_FALLOFF - distance) / HUE_FALLOFF, 0, 1).astype(np.float32)
        # Nearly grey pixels have an arbitrary hue.
        share *= np.clip(hsv[..., 1] / 60.0, 0, 1)
        shifted = (hsv[..., 0].astype(np.float32) + hue - main) % 256
        hsv = np.stack(
            [
                np.where(share > 0.3, shifted, hsv[..., 0]),
                hsv[..., 1] * (1 + share * (saturation - 1)),
                hsv[..., 2] * (1 + share * (brightness - 1)),
            ],
            axis=-1,
        )
    changed = Image.fromarray(np.clip(hsv, 0, 255).astype(np.uint8), "HSV").convert("RGB")
    changed.putalpha(picture.getchannel("A"))
    return changed


def jittered(picture: Image.Image, random: np.random.Generator, strength: float = 1.0) -> Image.Image:
    """Shift hue, saturation and brightness of an RGBA drawing a little."""
    hsv = np.asarray(picture.convert("RGB").convert("HSV")).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + random.normal(0, 4 * strength)) % 256
    hsv[..., 1] *= 1 + random.normal(0, 0.09 * strength)
    hsv[..., 2] *= 1 + random.normal(0, 0.06 * strength)
    changed = Image.fromarray(np.clip(hsv, 0, 255).astype(np.uint8), "HSV").convert("RGB")
    changed.putalpha(picture.getchannel("A"))
    return changed


def moved_corners(picture: Image.Image, random: np.random.Generator, share: float = 0.09) -> Image.Image:
    """Stretch an RGBA drawing by moving each of its corners by up to `share` of its sides.

    The picture gains a transparent border, so nothing is cut off.
    """
    width, height = picture.size
    border_x, border_y = round(width * share) + 1, round(height * share) + 1
    size = width + 2 * border_x, height + 2 * border_y
    wide = Image.new("RGBA", size)
    wide.paste(picture, (border_x, border_y))
    corners = np.array([(0, 0), (0, size[1]), size, (size[0], 0)], float)
    moves = random.uniform(-1, 1, (4, 2)) * (border_x, border_y)
    # QUAD names where the corners of the result lie in the picture; inwards would cut the drawing.
    quad = corners + moves * 0.9
    # `wide` has straight alpha: transparent black would bleed into the edge.
    premultiplied = wide.convert("RGBa")
    warped = premultiplied.transform(
        size, Image.Transform.QUAD, quad.ravel().tolist(), Image.Resampling.BILINEAR
    )
    warped = warped.convert("RGBA")
    box = warped.getchannel("A").point(lambda level: 255 if level > 24 else 0).getbbox()
    return warped.crop(box) if box else picture


def varied(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return a random look of an RGBA drawing: colours shifted a little, mirrored, corners moved."""
    if random.random() < 0.6:
        picture = jittered(picture, random)
    if random.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    if random.random() < 0.6:
        picture = moved_corners(picture, random)
    return picture
