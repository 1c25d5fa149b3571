"""Sceneries of woods, hills and fields."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .ground import DARK_GRASS, leaf, peak, scatter, tufts
from .pigments import table
from .sky import falling_snow, sky


def forest(canvas: Canvas) -> None:
    """Draw trees close to one another, in rows."""
    sky(canvas, day=((150, 206, 190), (206, 234, 196)), horizon=0.6)
    canvas.hills(0.42, 0.03, (66, 132, 92), waves=3, snowy=0.4, outline=False)
    for x in np.linspace(0, 1, 9) + canvas.random.normal(0, 0.03, 9):
        canvas.prop(
            "pine", float(x), canvas.uniform(0.62, 0.68), canvas.uniform(0.34, 0.46), shadow=False, haze=0.35
        )
    canvas.soften()
    canvas.hills(0.66, 0.015, (84, 124, 58), snowy=0.85, shadow=True)
    canvas.hills(0.8, 0.02, (112, 110, 56), snowy=0.85, outline=False)
    tufts(canvas, 10, 0.72, (60, 104, 44))
    kinds = canvas.pick(("pine",), ("pine", "tree"), ("tree",))
    for x, foot, size in ((0.25, 0.76, 0.5), (0.77, 0.75, 0.5), (0.06, 0.88, 0.8), (0.95, 0.86, 0.78)):
        canvas.prop(
            canvas.pick(*kinds),
            x + canvas.uniform(-0.04, 0.04),
            foot + canvas.uniform(-0.02, 0.03),
            size * canvas.uniform(0.9, 1.15),
            haze=0.0 if size > 0.6 else 0.14,
        )
    scatter(canvas, ("mushroom", "mushroom", "herb"), 4, 0.86, 0.12)


def autumn(canvas: Canvas) -> None:
    """Draw a wood of bare trunks with orange leaves."""
    sky(canvas, day=((250, 226, 178), (252, 238, 206)), horizon=0.6)
    canvas.hills(0.5, 0.04, (216, 140, 66), waves=3, outline=False)
    canvas.soften()
    canvas.hills(0.68, 0.02, (196, 122, 54), snowy=0.8, shadow=True)
    leaves = ((232, 118, 40), (244, 172, 52), (206, 70, 40))
    for x, width in ((0.27, 0.02), (0.72, 0.02), (0.09, 0.035), (0.92, 0.035)):
        x += canvas.uniform(-0.04, 0.04)
        foot = 0.66 + 5 * width
        canvas.path(x, foot, width, foot, "-1 0, -.5 -1, .5 -1, 1 0", (112, 76, 54), shadow=True)
        for _ in range(4):
            middle, size = x + canvas.uniform(-0.12, 0.12), canvas.uniform(0.08, 0.13)
            canvas.ellipse(middle, canvas.uniform(0.0, 0.26), size, 0.75 * size, canvas.pick(*leaves))
    for _ in range(26):
        x, y = canvas.uniform(0, 1), canvas.uniform(0.72, 1.0)
        canvas.ellipse(x, y, 0.018, 0.009, canvas.pick(*leaves), outline=False)


def jungle(canvas: Canvas) -> None:
    """Draw lianas, large leaves and palms around a clearing."""
    sky(canvas, day=((34, 110, 84), (158, 214, 120)), horizon=0.6)
    canvas.hills(0.34, 0.07, (40, 116, 74), waves=3, outline=False)
    for x in (0.1, 0.35, 0.66, 0.9):
        canvas.prop(
            "palm", x + canvas.uniform(-0.05, 0.05), 0.7, canvas.uniform(0.42, 0.55), shadow=False, haze=0.2
        )
    canvas.soften()
    canvas.hills(0.7, 0.02, (60, 120, 54), snowy=0.7, shadow=True)
    canvas.prop("palm", canvas.x(0.06), 0.86, canvas.uniform(0.75, 0.9))
    for x in canvas.random.uniform(0.02, 0.98, 5):  # lianas
        end, bow = canvas.uniform(0.2, 0.5) * (0.4 + abs(x - 0.5)), canvas.uniform(-0.06, 0.06)
        ys = np.linspace(0, end, 6)
        points = [(float(x + bow * np.sin(3 * y / end)), float(y)) for y in ys]
        canvas.stroke(points, (48, 92, 40), 0.018)
    greens = ((30, 120, 60), (54, 148, 66), (24, 98, 66))
    for x, y, angle in table(
        "0 .02 .6, .2 -.02 1.2, .42 -.05 1.6, .8 -.02 2, 1 .02 2.5, -.02 .4 .2, 1.02 .36 2.9,"
        "0 1 -.6, .12 1.04 -1.1, 1 1 -2.5, .88 1.04 -2"
    ):
        leaf(
            canvas, x, y, angle + canvas.uniform(-0.2, 0.2), canvas.uniform(0.26, 0.36), canvas.pick(*greens)
        )
    scatter(canvas, ("hibiscus",), 3, 0.84, 0.12, shadow=False)


def desert(canvas: Canvas) -> None:
    """Draw dunes, pyramids far away, cacti."""
    horizon = canvas.uniform(0.52, 0.6)
    sky(canvas, day=((250, 206, 120), (255, 238, 190)), horizon=horizon)
    x, size = canvas.x(canvas.uniform(0.72, 0.85)), canvas.uniform(0.16, 0.24)
    for middle, scale in ((x, 1.0), (x - canvas.left * 0.24, 0.6)):
        top, base = horizon + 0.04 - size * scale * 1.1, horizon + 0.04
        canvas.path(middle, base, size * scale, base - top, "-1 0, 0 -1, 1 0", (222, 168, 92))
        canvas.path(middle, base, size * scale, base - top, ".2 0, 0 -1, 1 0", (182, 128, 70))
    canvas.soften()
    canvas.hills(horizon + 0.03, 0.03, (238, 178, 92), waves=1.2, shadow=True)
    canvas.hills(horizon + 0.15, 0.035, (246, 194, 104), waves=0.8, shadow=True)
    canvas.hills(0.86, 0.02, (252, 210, 124), waves=0.7)
    canvas.prop(
        "cactus", canvas.x(canvas.uniform(0.08, 0.16)), canvas.uniform(0.82, 0.9), canvas.uniform(0.48, 0.62)
    )
    canvas.prop(
        "cactus", canvas.x(canvas.uniform(0.84, 0.94)), canvas.uniform(0.74, 0.8), canvas.uniform(0.2, 0.32)
    )
    if canvas.chance(0.5):
        canvas.prop("rock", canvas.x(0.86), 0.93, 0.15)


def snow(canvas: Canvas) -> None:
    """Draw white hills with firs, snow falling."""
    sky(canvas, day=((150, 194, 236), (214, 232, 248)), horizon=0.6)
    canvas.hills(canvas.uniform(0.46, 0.54), 0.06, (206, 222, 242), waves=1.2)
    for _ in range(4):
        x = canvas.pick(canvas.uniform(0.02, 0.34), canvas.uniform(0.66, 0.98))
        canvas.prop("pine", x, canvas.uniform(0.6, 0.66), canvas.uniform(0.2, 0.3), shadow=False)
    canvas.soften()
    canvas.hills(canvas.uniform(0.64, 0.7), 0.04, (228, 238, 250), waves=0.8, shadow=True)
    white = (250, 252, 255)
    for distance, foot, size in ((0.1, 0.84, 0.6), (0.9, 0.8, 0.46)):
        x = canvas.x(distance + canvas.uniform(-0.04, 0.04))
        canvas.prop("pine", x, foot, size * canvas.uniform(0.9, 1.1))
        canvas.ellipse(x, foot, 0.13, 0.03, white, outline=False)
        for level in (0.35, 0.6, 0.86):  # snow on the branches
            half = 0.05 + 0.1 * (1 - level) * size
            canvas.ellipse(x, foot - level * size, half, 0.018, white, outline=False)
    canvas.hills(0.82, 0.025, white, waves=0.9)
    if canvas.time != "snow":
        falling_snow(canvas, 26)


def mountains(canvas: Canvas) -> None:
    """Draw peaks with snow, an alp in front."""
    sky(canvas, horizon=0.62)
    for x in (0.02, 0.5, 0.96):
        peak(canvas, x + canvas.uniform(-0.06, 0.06), 0.72, 0.34, canvas.uniform(0.4, 0.52), (136, 152, 190))
    canvas.soften()
    for distance, tall in ((0.14, 0.5), (0.84, 0.4)):
        x = canvas.x(distance + canvas.uniform(-0.05, 0.05))
        peak(canvas, x, 0.76, 0.3, tall * canvas.uniform(0.95, 1.15), (112, 112, 136))
    canvas.hills(0.7, 0.03, DARK_GRASS, waves=1.4, snowy=0.8, shadow=True)
    canvas.hills(0.8, 0.02, (136, 176, 84), snowy=0.85)
    tufts(canvas, 8, 0.84, DARK_GRASS)
    for x in (0.04, 0.97):
        if canvas.chance(0.6):
            canvas.prop("pine", x, canvas.uniform(0.78, 0.84), canvas.uniform(0.18, 0.28))
    scatter(canvas, ("rock",), 3, 0.86, 0.14)


def meadow(canvas: Canvas) -> None:
    """Draw a hilly field full of flowers."""
    sky(canvas, horizon=0.55)
    canvas.hills(canvas.uniform(0.46, 0.54), 0.04, (140, 206, 98), snowy=0.8)
    canvas.soften()
    canvas.hills(canvas.uniform(0.58, 0.64), 0.03, (120, 196, 80), waves=0.8, snowy=0.85, shadow=True)
    canvas.hills(0.78, 0.02, (98, 182, 70), snowy=0.85)
    tufts(canvas, 14, 0.68, (66, 146, 56))
    kinds = canvas.pick(
        ("blossom", "tulip"), ("tulip",), ("sunflower",), ("blossom", "rose", "tulip", "sunflower")
    )
    scatter(canvas, kinds, 26, 0.66, 0.15, shadow=False)
