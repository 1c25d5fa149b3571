"""What grows and stands on the ground of several sceneries."""

from __future__ import annotations

from typing import Any

import numpy as np

from .canvas import Canvas
from .pigments import Colour, darker

GRASS, DARK_GRASS = (118, 190, 76), (78, 150, 66)
SAND, STONE, WOOD, WHITE = (246, 216, 150), (148, 146, 150), (150, 98, 58), (248, 248, 246)


def scatter(canvas: Canvas, names: tuple[str, ...], count: int, top: float, size: float, **how: Any) -> None:
    """Draw small props on the ground, far ones first, fewer of them in the middle."""
    places = sorted((canvas.uniform(top, 1.0), canvas.uniform(0, 1)) for _ in range(count))
    for foot, x in places:
        side = x if canvas.chance(0.3) else 0.5 + 0.5 * np.sign(x - 0.5) * (1 - (2 * (x - 0.5)) ** 2 * 0.6)
        near = 0.7 + 0.6 * (foot - top) / (1.0 - top)
        canvas.prop(canvas.pick(*names), float(side), foot, size * near * canvas.uniform(0.85, 1.15), **how)


def tufts(canvas: Canvas, count: int, top: float, colour: Colour) -> None:
    """Draw blades of grass."""
    for _ in range(count):
        x, y, size = canvas.uniform(0, 1), canvas.uniform(top, 1), canvas.uniform(0.012, 0.025)
        for lean in (-0.7, 0.0, 0.7):
            canvas.stroke([(x, y), (x + lean * size, y - size * 1.5)], colour, 0.007)


def ripples(canvas: Canvas, count: int, top: float, bottom: float, colour: Colour) -> None:
    """Draw short level lines on water."""
    for _ in range(count):
        x, y, size = canvas.uniform(0, 1), canvas.uniform(top, bottom), canvas.uniform(0.04, 0.12)
        canvas.stroke([(x - size, y), (x + size, y)], colour, 0.01)


def peak(canvas: Canvas, x: float, foot: float, width: float, height: float, colour: Colour) -> None:
    """Draw a mountain with a snowy top."""
    top = foot - height
    canvas.path(x, top, width, height, "-1 1, 0 0, 1 1", colour, snowy=0.3, shadow=True)
    canvas.path(x, top, width, height, ".1 1, 0 0, 1 1", darker(colour, 0.82), outline=False)
    cap = "-.34 .34, 0 0, .34 .34, .15 .29, .03 .4, -.14 .3"
    canvas.path(x, top, width, height, cap, (246, 250, 255), outline=canvas.style != "twemoji")


def leaf(canvas: Canvas, x: float, y: float, angle: float, length: float, colour: Colour) -> None:
    """Draw a large pointed leaf from (x, y) in the direction `angle` (radians)."""
    along = np.array([0, 0.25, 0.5, 0.75, 1.0, 0.75, 0.5, 0.25]) * length
    across = np.array([0, 0.2, 0.24, 0.15, 0, -0.15, -0.24, -0.2]) * length
    xs = x + along * np.cos(angle) - across * np.sin(angle)
    ys = y + along * np.sin(angle) + across * np.cos(angle)
    points = [(float(a), float(b)) for a, b in zip(xs, ys, strict=True)]
    canvas.shape(points, colour, snowy=0.4, shadow=True)
    canvas.stroke([(x, y), points[4]], (150, 200, 110), 0.008)


def lamp_post(canvas: Canvas, x: float, foot: float, tall: float) -> None:
    """Draw a street lamp."""
    canvas.rectangle(x - 0.01, foot - tall, x + 0.01, foot, (62, 66, 78))
    shines = canvas.time in ("night", "sunset")
    if shines:
        canvas.halo(x, foot - tall, 0.12)
    canvas.ellipse(x, foot - tall, 0.035, 0.04, (255, 236, 160), lit=shines)
