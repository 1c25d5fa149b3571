"""Sceneries of stone: city, street, castle."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .ground import DARK_GRASS, GRASS, WHITE, lamp_post, tufts
from .pigments import Colour, darker, table
from .sky import sky

ROAD, PAVEMENT = (92, 94, 104), (190, 188, 190)
LIT_WINDOW = (255, 220, 120)


def tower(canvas: Canvas, x: float, foot: float, width: float, top: float, colour: Colour) -> None:
    """Draw a tall building with rows of windows, lit at night."""
    canvas.rectangle(x - width, top, x + width, foot, colour, shadow=True)
    columns, rows = max(2, round(width * 30)), max(3, round((foot - top) * 14))
    glasses = canvas.colour((196, 226, 246)), canvas.colour(LIT_WINDOW, lit=True)
    for row in range(rows):
        for column in range(columns):
            lit = canvas.time in ("night", "sunset") and canvas.chance(0.6)
            left = x - width + (column + 0.25) * 2 * width / columns
            y = top + (row + 0.3) * (foot - top) / rows
            box = [left, y, left + width / columns, y + 0.45 * (foot - top) / rows]
            canvas.pen.rectangle([part * canvas.side for part in box], fill=glasses[lit])


def city(canvas: Canvas) -> None:
    """Draw a skyline above a square."""
    sky(canvas, horizon=0.66)
    hues = (
        (126, 144, 176),
        (156, 130, 150),
        (110, 160, 176),
        (178, 160, 140),
        (200, 130, 110),
        (96, 112, 150),
    )
    for x in np.linspace(0.02, 0.98, 7):
        top = canvas.uniform(0.24, 0.44)
        canvas.rectangle(float(x) - 0.09, top, float(x) + 0.08, 0.72, (150, 172, 206), outline=False)
    canvas.soften()
    towers = ".32 .34 .48, .68 .34 .48, .5 .44 .5, .08 .06 .22, .92 .06 .22, .22 .24 .4, .79 .24 .4"
    for x, low, high in table(towers):
        width, top = canvas.uniform(0.07, 0.1), canvas.uniform(low, high)
        tower(canvas, x + canvas.uniform(-0.03, 0.03), 0.74, width, top, canvas.pick(*hues))
    canvas.rectangle(-0.05, 0.72, 1.05, 1.05, PAVEMENT, snowy=0.8, shadow=True)
    middle = canvas.uniform(0.4, 0.6)
    for x in np.linspace(-1.4, 2.4, 15):
        canvas.stroke([(middle + (float(x) - middle) * 0.45, 0.73), (float(x), 1.02)], (150, 148, 154), 0.007)
    for y in (0.77, 0.83, 0.91):
        canvas.stroke([(0, y), (1, y)], (150, 148, 154), 0.007)
    for distance in (0.07, 0.93):
        if canvas.chance(0.5):
            canvas.prop("tree", canvas.x(distance), 0.8, canvas.uniform(0.24, 0.3))
        else:
            lamp_post(canvas, canvas.x(distance), 0.82, 0.36)


def street(canvas: Canvas) -> None:
    """Draw a road between houses, with markings and a traffic light."""
    horizon = canvas.uniform(0.5, 0.55)
    sky(canvas, horizon=horizon)
    canvas.hills(horizon - 0.03, 0.02, (104, 168, 96), snowy=0.8, outline=False)
    canvas.soften()
    canvas.rectangle(-0.05, horizon, 1.05, 1.05, PAVEMENT, snowy=0.8)
    point = canvas.uniform(0.44, 0.56)
    for depth, size in ((0.24, 0.26), (0.13, 0.38), (-0.02, 0.56)):
        for side in (-1, 1):
            x = 0.5 + side * (0.5 - depth) * 0.98
            name = canvas.pick("house", "cottage", "store", "hotel", "house", "school", "bank")
            canvas.prop(name, x, horizon + 0.03 + 0.36 * size, size * canvas.uniform(0.95, 1.1))
    canvas.shape(
        [(point - 0.05, horizon), (point + 0.05, horizon), (1.0, 1.05), (0.0, 1.05)], ROAD, snowy=0.3
    )
    for near, far in ((0.02, 0.12), (0.22, 0.36), (0.5, 0.68), (0.86, 1.1)):
        ends = [(point + (0.5 - point) * part, horizon + (1.0 - horizon) * part) for part in (near, far)]
        half = [0.012 * (0.2 + part) for part in (near, far)]
        (x, y), (a, b) = ends
        mark = [(x - half[0], y), (x + half[0], y), (a + 1.6 * half[1], b), (a - 1.6 * half[1], b)]
        canvas.shape(mark, WHITE, outline=False)
    x = canvas.x(0.13)
    canvas.rectangle(x - 0.01, 0.55, x + 0.01, 0.86, (70, 72, 82))
    canvas.prop("traffic light", x, 0.62, 0.24, lit=True, shadow=False)
    if canvas.chance(0.6):
        canvas.prop("bus stop", canvas.x(0.9), 0.86, 0.3)
    else:
        lamp_post(canvas, canvas.x(0.9), 0.86, 0.46)


def castle(canvas: Canvas) -> None:
    """Draw walls with battlements between two towers with pointed roofs."""
    sky(canvas, horizon=0.6)
    canvas.hills(0.52, 0.03, (120, 172, 104), waves=2, snowy=0.8, outline=False)
    canvas.soften()
    stone = canvas.pick((172, 170, 178), (196, 180, 156), (160, 164, 184))
    roof = canvas.pick((196, 62, 70), (84, 98, 186), (126, 78, 160))
    dark = darker(stone, 0.72)
    wall = canvas.uniform(0.4, 0.46)
    canvas.rectangle(-0.05, wall, 1.05, 0.76, stone)
    for x in np.arange(-0.02, 1.05, 0.1):
        merlon = float(x), wall - 0.05, float(x) + 0.055, wall + 0.01
        canvas.rectangle(*merlon, stone, outline=canvas.style != "twemoji")
    for _ in range(22):
        x, y = canvas.uniform(0, 1), canvas.uniform(wall + 0.04, 0.72)
        canvas.stroke([(x, y), (x + 0.05, y)], dark, 0.009)
    for x, width, top in ((0.33, 0.06, 0.32), (0.68, 0.06, 0.32), (0.12, 0.105, 0.3), (0.89, 0.105, 0.3)):
        x, top = x + canvas.uniform(-0.02, 0.02), top + canvas.uniform(-0.06, 0.06)
        canvas.rectangle(x - width, top, x + width, 0.78, darker(stone, 1.06), shadow=True)
        canvas.path(x, top + 0.01, width, 2.3 * width, "-1.3 0, 0 -1, 1.3 0", roof, snowy=0.5)
        lit = canvas.time in ("night", "sunset")
        for y in (top + 0.09, top + 0.24):
            glass = LIT_WINDOW if lit else (62, 58, 78)
            canvas.ellipse(x, y, 0.26 * width, 0.42 * width, glass, lit=lit)
        if width > 0.1:
            tip = top - 2.3 * width
            canvas.path(x, tip, 0.09, 0.05, "0 -1, 1 -.5, 0 0", (250, 196, 64))
    canvas.hills(0.76, 0.012, GRASS, snowy=0.85, shadow=True)
    canvas.shape([(0.4, 0.76), (0.6, 0.76), (0.78, 1.05), (0.22, 1.05)], (224, 198, 152), snowy=0.6)
    tufts(canvas, 8, 0.8, DARK_GRASS)
