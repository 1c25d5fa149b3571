"""Containers for an object, such as a box or a teacup: a back and a front, drawn around it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

SIDE = 256  # pixels of a container's picture
Colour = tuple[int, int, int]
OUTLINED = ("noto", "fxemoji")  # styles that are drawn with outlines


def shade(colour: Colour, factor: float) -> Colour:
    """Return the colour, brighter for factors above 1 and darker below."""
    red, green, blue = (int(min(255, level * factor)) for level in colour)
    return red, green, blue


class Pen:
    """Draw shapes in a style on two transparent pictures, `back` and `front`, `SIDE` pixels square."""

    def __init__(self, style: str, random: np.random.Generator) -> None:
        self.style, self.random = style, random
        self.back, self.front = (Image.new("RGBA", (SIDE, SIDE)) for _ in range(2))

    def _outline(self, colour: Colour) -> tuple[Colour | None, int]:
        return (shade(colour, 0.45), 5) if self.style in OUTLINED else (None, 0)

    def polygon(self, points: list[tuple[float, float]], colour: Colour, front: bool = True) -> None:
        """Fill a polygon; `points` in fractions of the picture."""
        draw = ImageDraw.Draw(self.front if front else self.back)
        scaled = [(x * SIDE, y * SIDE) for x, y in points]
        outline, width = self._outline(colour)
        draw.polygon(scaled, colour)
        if outline:
            draw.line([*scaled, scaled[0]], outline, width, joint="curve")

    def ellipse(self, box: tuple[float, float, float, float], colour: Colour, front: bool = True) -> None:
        """Fill an ellipse in `box` (left, top, right, bottom), in fractions of the picture."""
        draw = ImageDraw.Draw(self.front if front else self.back)
        outline, width = self._outline(colour)
        draw.ellipse([side * SIDE for side in box], colour, outline, width)

    def finish(self) -> tuple[Image.Image, Image.Image]:
        """Return the back and the front, shaded for the style with soft gradients."""
        if self.style == "fluent-emoji-3d":
            light = np.linspace(1.12, 0.8, SIDE)[:, None] * np.linspace(1.06, 0.9, SIDE)[None]
            for picture in (self.back, self.front):
                pixels = np.asarray(picture).astype(np.float32)
                pixels[..., :3] *= light[..., None]
                picture.paste(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8), "RGBA"))
        return self.back, self.front


def box(pen: Pen) -> None:
    """Draw an open cardboard box with flaps."""
    card = (205, 160, 104)
    pen.polygon([(0.08, 0.42), (0.92, 0.42), (0.92, 0.7), (0.08, 0.7)], shade(card, 0.62), front=False)
    pen.polygon([(0.08, 0.55), (0.92, 0.55), (0.88, 0.98), (0.12, 0.98)], card)
    pen.polygon([(0.08, 0.55), (0.0, 0.68), (0.16, 0.7), (0.24, 0.55)], shade(card, 1.12))
    pen.polygon([(0.92, 0.55), (1.0, 0.68), (0.84, 0.7), (0.76, 0.55)], shade(card, 1.12))
    pen.polygon([(0.46, 0.56), (0.54, 0.56), (0.54, 0.97), (0.46, 0.97)], shade(card, 0.88))


def basket(pen: Pen) -> None:
    """Draw a woven basket."""
    straw = (196, 140, 70)
    pen.ellipse((0.06, 0.44, 0.94, 0.7), shade(straw, 0.6), front=False)
    pen.polygon([(0.06, 0.57), (0.94, 0.57), (0.82, 0.98), (0.18, 0.98)], straw)
    for row in range(3):
        for column in range(6):
            x = 0.12 + column * 0.13 + (row % 2) * 0.06 + row * 0.012
            y = 0.65 + row * 0.11
            pen.polygon([(x, y), (x + 0.07, y), (x + 0.07, y + 0.06), (x, y + 0.06)], shade(straw, 0.82))
    pen.polygon([(0.03, 0.55), (0.97, 0.55), (0.95, 0.63), (0.05, 0.63)], shade(straw, 1.2))


def teacup(pen: Pen) -> None:
    """Draw a teacup with a saucer, in a random pale or bright colour."""
    colours: list[Colour] = [
        (236, 240, 246),
        (246, 208, 216),
        (170, 206, 240),
        (250, 228, 150),
        (168, 220, 190),
    ]
    china = colours[int(pen.random.integers(len(colours)))]
    pen.ellipse((0.03, 0.84, 0.97, 0.99), shade(china, 0.86))
    pen.ellipse((0.76, 0.58, 0.99, 0.84), shade(china, 0.9), front=False)
    pen.ellipse((0.83, 0.64, 0.93, 0.78), shade(china, 0.55), front=False)
    pen.ellipse((0.12, 0.46, 0.84, 0.68), shade(china, 0.68), front=False)
    curve = np.linspace(0, np.pi, 24)
    bowl = [(0.48 - 0.36 * np.cos(angle), 0.57 + 0.36 * np.sin(angle) ** 0.8) for angle in curve]
    rim = [(0.48 + 0.36 * np.cos(angle), 0.57 + 0.06 * np.sin(angle)) for angle in curve]
    pen.polygon([(float(x), float(y)) for x, y in [*bowl, *rim]], china)
    pen.polygon([(0.2, 0.72), (0.76, 0.72), (0.74, 0.77), (0.22, 0.77)], shade(china, 0.78))


def bucket(pen: Pen) -> None:
    """Draw a tin or coloured bucket."""
    colours: list[Colour] = [(168, 178, 190), (226, 74, 66), (64, 130, 214), (250, 196, 60)]
    tin = colours[int(pen.random.integers(len(colours)))]
    pen.ellipse((0.1, 0.44, 0.9, 0.66), shade(tin, 0.6), front=False)
    pen.polygon([(0.1, 0.55), (0.9, 0.55), (0.76, 0.98), (0.24, 0.98)], tin)
    pen.polygon([(0.08, 0.53), (0.92, 0.53), (0.91, 0.6), (0.09, 0.6)], shade(tin, 1.15))
    pen.polygon([(0.17, 0.76), (0.83, 0.76), (0.81, 0.81), (0.19, 0.81)], shade(tin, 0.8))


def flowerpot(pen: Pen) -> None:
    """Draw a clay flowerpot."""
    clay = (206, 108, 70)
    pen.ellipse((0.08, 0.46, 0.92, 0.68), shade(clay, 0.5), front=False)
    pen.polygon([(0.16, 0.6), (0.84, 0.6), (0.72, 0.98), (0.28, 0.98)], clay)
    pen.polygon([(0.06, 0.55), (0.94, 0.55), (0.92, 0.7), (0.08, 0.7)], shade(clay, 1.12))


# Name -> how to draw it, and how a caption says it.
CONTAINERS: dict[str, tuple[Callable[[Pen], None], tuple[str, ...]]] = {
    "box": (box, ("in a box", "in a cardboard box", "inside a box", "sitting in a box")),
    "basket": (basket, ("in a basket", "inside a basket", "sitting in a basket")),
    "teacup": (teacup, ("in a teacup", "in a cup", "inside a teacup", "asleep in a teacup")),
    "bucket": (bucket, ("in a bucket", "inside a bucket")),
    "flowerpot": (flowerpot, ("in a flowerpot", "in a flower pot", "inside a flowerpot")),
}


def draw_container(name: str, style: str, random: np.random.Generator) -> tuple[Image.Image, Image.Image]:
    """Draw a container of CONTAINERS. Returns its back and its front, RGBA, `SIDE` pixels square."""
    pen = Pen(style, random)
    CONTAINERS[name][0](pen)
    return pen.finish()
