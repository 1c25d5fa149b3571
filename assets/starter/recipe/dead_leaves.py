"""Dead leaves pictures: random shapes that cover one another, as training data for the autoencoder.

An autoencoder trained only on five sets of drawings blurs photographs. Overlapping shapes whose radii follow
a power law have the edge statistics of natural pictures (Lee, Mumford & Huang 2001) and need no download.
"""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

SUPERSAMPLING = 4  # shapes are drawn this many times larger and scaled down, for smooth edges


def random_radii(
    count: int, random: np.random.Generator, smallest: float = 0.03, largest: float = 0.7
) -> np.ndarray:
    """Draw `count` radii with density proportional to r**-3, in fractions of the picture's side."""
    uniform = random.random(count)
    return (smallest**-2 - uniform * (smallest**-2 - largest**-2)) ** -0.5


def draw_leaf(draw: ImageDraw.ImageDraw, radius: float, side: int, random: np.random.Generator) -> None:
    """Draw one shape (ellipse, polygon, line or arc) of random colour and position.

    `radius` (pixels): its size. `side` (pixels): side of the picture. About a third have a dark outline.
    """
    x, y = random.uniform(0, side, 2)
    fill = tuple(random.integers(0, 256, 3).tolist())
    outline = tuple(random.integers(0, 70, 3).tolist()) if random.random() < 0.35 else fill
    width = int(random.integers(SUPERSAMPLING, 3 * SUPERSAMPLING))
    kind = random.integers(4)
    if kind == 0:
        stretch = random.uniform(0.4, 1)
        box = [x - radius, y - radius * stretch, x + radius, y + radius * stretch]
        draw.ellipse(box, fill, outline, width)
    elif kind == 1:
        angles = np.sort(random.uniform(0, 2 * np.pi, int(random.integers(3, 7))))
        lengths = radius * random.uniform(0.5, 1, len(angles))
        points = np.stack([x + lengths * np.cos(angles), y + lengths * np.sin(angles)], axis=1)
        draw.polygon([tuple(point) for point in points.tolist()], fill, outline, width)
    elif kind == 2:
        angle = random.uniform(0, np.pi)
        across, along = radius * np.cos(angle), radius * np.sin(angle)
        draw.line([x - across, y - along, x + across, y + along], fill, width)
    else:
        start = random.uniform(0, 360)
        box = [x - radius, y - radius, x + radius, y + radius]
        draw.arc(box, start, start + random.uniform(60, 300), fill, width)


def dead_leaves_picture(
    pixels: int, random: np.random.Generator, background: Image.Image | None = None
) -> Image.Image:
    """Draw an RGB picture, `pixels` square, covered with 10 to 80 random shapes.

    `background`: a picture to draw 2 to 10 smaller shapes on instead.
    """
    side = pixels * SUPERSAMPLING
    if background is None:
        picture = Image.new("RGB", (side, side), tuple(random.integers(0, 256, 3).tolist()))
        radii = random_radii(int(random.integers(10, 80)), random)
    else:
        picture = background.resize((side, side), Image.BICUBIC)
        radii = random_radii(int(random.integers(2, 10)), random, largest=0.3)
    draw = ImageDraw.Draw(picture)
    for radius in np.sort(radii)[::-1]:
        draw_leaf(draw, radius * side, side, random)
    return picture.resize((pixels, pixels), Image.LANCZOS)
