"""Dead leaves: pictures of random shapes that cover one another, with the edges that photographs have.

An autoencoder that knows five sets of drawings only would blur everybody's own photos. Overlapping shapes
whose sizes follow a power law share the edge statistics of natural pictures (Lee, Mumford & Huang 2001),
and need no download.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

SHARPER = 4  # shapes are drawn this many times larger and scaled down, for smooth edges


def sizes(count: int, random: np.random.Generator, small: float = 0.03, large: float = 0.7) -> np.ndarray:
    """(count,) radii as shares of the picture, density proportional to r**-3 as in dead leaves."""
    share = random.random(count)
    return (small**-2 - share * (small**-2 - large**-2)) ** -0.5


def leaf(draw: ImageDraw.ImageDraw, radius: float, side: int, random: np.random.Generator) -> None:
    """One shape of a random colour, every third with an outline."""
    x, y = random.uniform(0, side, 2)
    fill = tuple(random.integers(0, 256, 3).tolist())
    outline = tuple(random.integers(0, 70, 3).tolist()) if random.random() < 0.35 else fill
    width = int(random.integers(SHARPER, 3 * SHARPER))
    kind = random.integers(4)
    if kind == 0:
        stretch = random.uniform(0.4, 1)
        box = [x - radius, y - radius * stretch, x + radius, y + radius * stretch]
        draw.ellipse(box, fill, outline, width)
    elif kind == 1:
        angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 7))))
        reach = radius * random.uniform(0.5, 1, len(angles))
        points = np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1)
        draw.polygon([tuple(point) for point in points.tolist()], fill, outline, width)
    elif kind == 2:
        angle = random.uniform(0, np.pi)
        across, along = radius * np.cos(angle), radius * np.sin(angle)
        draw.line([x - across, y - along, x + across, y + along], fill, width)
    else:
        start = random.uniform(0, 360)
        box = [x - radius, y - radius, x + radius, y + radius]
        draw.arc(box, start, start + random.uniform(60, 300), fill, width)


def dead_leaves(pixels: int, random: np.random.Generator, stage: Image.Image | None = None) -> Image.Image:
    """An RGB picture, `pixels` square, covered with 10 to 80 leaves; on `stage`, a few small ones."""
    side = pixels * SHARPER
    if stage is None:
        picture = Image.new("RGB", (side, side), tuple(random.integers(0, 256, 3).tolist()))
        radii = sizes(int(random.integers(10, 80)), random)
    else:
        picture = stage.resize((side, side), Image.BICUBIC)
        radii = sizes(int(random.integers(2, 10)), random, large=0.3)
    draw = ImageDraw.Draw(picture)
    for radius in np.sort(radii)[::-1]:
        leaf(draw, radius * side, side, random)
    return picture.resize((pixels, pixels), Image.LANCZOS)
