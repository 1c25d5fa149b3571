"""Skies and weather of sceneries."""

from __future__ import annotations

import numpy as np
from PIL import Image

from .canvas import Canvas
from .pigments import SKIES, Colour


def fade(canvas: Canvas, top: Colour, bottom: Colour, end: float = 1.0, lit: bool = True) -> None:
    """Fill the picture down to `end` from one colour to another: softly, or in bands in the flat styles.

    `lit`: the colours are already those of the time of day.
    """
    steps = {"fluent-emoji-flat": 3, "twemoji": 1}.get(canvas.style, 48)
    upper, lower = (np.asarray(canvas.colour(colour, lit=lit), float) for colour in (top, bottom))
    share = np.array([0.72]) if steps == 1 else np.arange(steps) / (steps - 1)
    colours = upper + share[:, None] * (lower - upper)
    strip = Image.fromarray(colours.clip(0, 255).astype(np.uint8)[:, None])
    size = canvas.side, max(1, round(end * canvas.side))
    canvas.image.paste(strip.resize(size, Image.BILINEAR if steps > 3 else Image.NEAREST))
    if canvas.style == "fxemoji":
        shade = tuple((0.86 * (upper + lower) / 2).astype(int).tolist())
        for _ in range(22):
            x, y = canvas.uniform(-0.2, 0.9), canvas.uniform(0, end)
            length = canvas.uniform(0.1, 0.4)
            ends = [(x, y), (x + length, y - 0.25 * length)]
            canvas.pen.line([(a * canvas.side, b * canvas.side) for a, b in ends], fill=shade, width=2)


def sky(
    canvas: Canvas, day: tuple[Colour, Colour] | None = None, horizon: float = 0.7, empty: bool = False
) -> None:
    """Draw the sky of the canvas's time of day, with sun or moon, stars and clouds.

    `day`: top and bottom colour by day, where they differ from the usual ones. `empty`: without sun, moon
    and clouds.
    """
    top, bottom = SKIES[canvas.time]
    if day and canvas.time == "day":
        top, bottom = day
    fade(canvas, top, bottom, horizon + 0.15)
    if empty:
        return
    if canvas.time == "night":
        stars(canvas, 26, horizon)
        canvas.prop(
            canvas.pick("moon", "full moon"),
            canvas.x(canvas.uniform(0.7, 0.88)),
            canvas.uniform(0.24, 0.32),
            canvas.uniform(0.17, 0.24),
            lit=True,
            shadow=False,
        )
    elif canvas.time == "sunset":
        low_sun(canvas, horizon)
        clouds(canvas, 2)
    elif canvas.time == "day":
        if canvas.chance(0.6):
            canvas.prop("sun", canvas.x(canvas.uniform(0.78, 0.92)), 0.28, 0.22, lit=True, shadow=False)
        clouds(canvas, int(canvas.random.integers(1, 4)))
    else:
        clouds(canvas, 5)


def stars(canvas: Canvas, count: int, end: float) -> None:
    """Draw small stars down to `end`, the larger ones with four points."""
    for index in range(count):
        x, y = canvas.uniform(0.02, 0.98), canvas.uniform(0.02, end)
        size = canvas.uniform(0.004, 0.009) if index > 5 else canvas.uniform(0.018, 0.028)
        points = [
            (x + (size if i % 2 == 0 else size * 0.35) * a, y + (size if i % 2 == 0 else size * 0.35) * b)
            for i, (a, b) in enumerate(
                [(0, -1), (0.7, -0.7), (1, 0), (0.7, 0.7), (0, 1), (-0.7, 0.7), (-1, 0), (-0.7, -0.7)]
            )
        ]
        fill = canvas.colour((255, 250, 214), lit=True)
        canvas.pen.polygon([(a * canvas.side, b * canvas.side) for a, b in points], fill=fill)


def low_sun(canvas: Canvas, horizon: float) -> None:
    """Draw the setting sun with its glow."""
    x = canvas.x(canvas.uniform(0.72, 0.88))
    for size, colour in ((0.26, (255, 158, 88)), (0.2, (255, 186, 98)), (0.14, (255, 226, 130))):
        canvas.ellipse(x, horizon - 0.1, size, size, colour, lit=True, outline=size < 0.15)


def clouds(canvas: Canvas, count: int) -> None:
    """Draw clouds at the sides and the top."""
    for _ in range(count):
        x = canvas.pick(canvas.uniform(0.02, 0.3), canvas.uniform(0.7, 0.98), canvas.uniform(0.2, 0.8))
        size = canvas.uniform(0.18, 0.34)
        canvas.prop("cloud", x, canvas.uniform(0.14, 0.3), size, shadow=False, snowy=0)


def weather(canvas: Canvas) -> None:
    """Draw falling rain or snow over the picture."""
    if canvas.time == "rain":
        slant = canvas.uniform(-0.03, 0.03)
        for _ in range(46):
            x, y = canvas.uniform(0, 1), canvas.uniform(-0.05, 1)
            length = canvas.uniform(0.05, 0.09)
            canvas.stroke([(x, y), (x + slant, y + length)], (206, 226, 246), 0.008, lit=True)
        for _ in range(3):
            x, y = canvas.uniform(0, 1), canvas.uniform(0.86, 0.97)
            canvas.ellipse(x, y, canvas.uniform(0.05, 0.12), 0.016, (170, 196, 222), outline=False)
    elif canvas.time == "snow":
        falling_snow(canvas)


def falling_snow(canvas: Canvas, count: int = 46) -> None:
    """Draw snowflakes over the picture."""
    fill = canvas.colour((255, 255, 255), lit=True)
    edge = canvas.colour((176, 196, 222), lit=True)
    for _ in range(count):
        x, y = canvas.random.uniform(0, canvas.side, 2)
        size = canvas.uniform(0.006, 0.016) * canvas.side
        canvas.pen.ellipse([x - size, y - size, x + size, y + size], fill=fill, outline=edge)
