"""What the canvas paints with: colours of the times of day, shadows, pencil lines, paper."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[float, float, float]
Points = Sequence[tuple[float, float]]
# Factors of red, green and blue that a time of day puts on everything that does not shine.
TINTS: dict[str, Colour] = {
    "night": (0.42, 0.48, 0.74),
    "sunset": (1.0, 0.76, 0.66),
    "rain": (0.68, 0.74, 0.8),
    "snow": (0.96, 0.98, 1.0),
}
SKIES: dict[str, tuple[Colour, Colour]] = {  # top and bottom
    "day": ((92, 176, 246), (190, 228, 252)),
    "night": ((14, 20, 62), (46, 62, 128)),
    "sunset": ((120, 74, 150), (255, 168, 84)),
    "rain": ((112, 124, 140), (166, 178, 190)),
    "snow": ((186, 202, 220), (226, 234, 244)),
}
PAPER, PENCIL = (238, 231, 216), (92, 84, 82)
HALF = [level // 2 for level in range(256)]


@cache
def hatching(side: int, rising: bool) -> Image.Image:
    """Draw diagonal pencil lines, `side` pixels square, as a mask."""
    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    random = np.random.default_rng(side + rising)
    for offset in range(-side, side, max(5, side // 42)):
        start, end = offset + random.normal(0, 1.2, 2)
        ends = [(start, 0), (end + side, side)] if rising else [(start, side), (end + side, 0)]
        draw.line(ends, fill=int(random.integers(50, 105)), width=2)
    return mask


@cache
def paper_grain(side: int) -> Image.Image:
    """Draw the grain of paper, `side` pixels square, as a mask."""
    grain = np.random.default_rng(0).normal(0, 1, (side // 2, side // 2))
    return Image.fromarray((10 + 22 * grain).clip(0, 60).astype(np.uint8)).resize((side, side))


@cache
def soft_shadow(width: int, height: int) -> Image.Image:
    """Draw a soft ellipse as a mask."""
    rows, columns = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return Image.fromarray((120 * np.clip(1 - rows**2 - columns**2, 0, 1)).astype(np.uint8))


@cache
def faded(time: str, snow: float, haze: float) -> tuple[float, ...]:
    """Return the matrix that turns red, green and blue into those under snow, in haze, at a time of day."""
    matrix = np.zeros((3, 4))
    for row, (factor, far) in enumerate(zip(TINTS.get(time, (1, 1, 1)), (170, 206, 214), strict=True)):
        matrix[row, row] = factor * (1 - haze) * (1 - snow)
        matrix[row, 3] = factor * ((1 - haze) * snow * 248 + haze * far)
    return tuple(matrix.ravel().tolist())


def darker(colour: Colour, factor: float) -> Colour:
    """Return a colour multiplied by a factor; above 1 it is lighter."""
    red, green, blue = colour
    return factor * red, factor * green, factor * blue


@cache
def table(text: str) -> list[tuple[float, ...]]:
    """Read rows of numbers: "0 1, 0.5 2" gives [(0, 1), (0.5, 2)]."""
    return [tuple(map(float, row.split())) for row in text.split(",")]
