"""Sceneries far from daily life: moon, volcano, sky, cave."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .pigments import table
from .sky import clouds, fade, sky, stars


def moon(canvas: Canvas) -> None:
    """Draw grey craters under a black sky, with planets."""
    fade(canvas, (8, 8, 24), (34, 30, 66))
    stars(canvas, 44, 0.7)
    x, size = canvas.x(canvas.uniform(0.1, 0.2)), canvas.uniform(0.22, 0.3)
    canvas.prop("earth", x, canvas.uniform(0.28, 0.38), size, shadow=False)
    x, size = canvas.x(canvas.uniform(0.8, 0.9)), canvas.uniform(0.14, 0.22)
    if not canvas.prop("planet", x, 0.3, size, shadow=False):
        canvas.ellipse(x, 0.2, 0.4 * size, 0.4 * size, (232, 150, 84))
        canvas.stroke([(x - 0.7 * size, 0.24), (x + 0.7 * size, 0.16)], (240, 200, 140), 0.016)
    canvas.soften()
    canvas.hills(canvas.uniform(0.62, 0.68), 0.02, (150, 150, 160), shadow=True)
    canvas.hills(0.78, 0.02, (184, 184, 192))
    for x, y, width in table(".1 .74 .07, .88 .72 .08, .3 .71 .04, .16 .92 .11, .82 .9 .13, .5 .97 .09"):
        x, width = x + canvas.uniform(-0.05, 0.05), width * canvas.uniform(0.8, 1.2)
        canvas.ellipse(x, y, width, width * 0.34, (206, 206, 212))
        canvas.ellipse(x, y + 0.01, width * 0.75, width * 0.22, (122, 122, 134), outline=False)


def volcano(canvas: Canvas) -> None:
    """Draw a volcano that spits lava, black ground with glowing cracks."""
    sky(canvas, day=((96, 52, 70), (238, 128, 74)), horizon=0.6, empty=True)
    if canvas.time == "night":
        stars(canvas, 20, 0.4)
    x, top = canvas.x(canvas.uniform(0.2, 0.28)), canvas.uniform(0.24, 0.32)
    for _ in range(7):
        smoke, size = x + canvas.uniform(-0.14, 0.14), canvas.uniform(0.07, 0.12)
        height = canvas.uniform(0.0, top - 0.06)
        canvas.ellipse(smoke, height, size, 0.07, (92, 80, 88), outline=canvas.style != "twemoji")
    hot, glow = (255, 92, 30), (255, 190, 60)
    for lean in (-0.16, -0.08, 0.02, 0.1, 0.17):
        canvas.stroke([(x, top), (x + 0.6 * lean, top - 0.14), (x + lean, top - 0.08)], hot, 0.02, lit=True)
    canvas.soften()
    base = 0.74
    canvas.path(x, base, 1, base - top, "-.42 0, -.07 -1, .07 -1, .42 0", (84, 60, 62), shadow=True)
    lava = "-.07 -1, .07 -1, .05 -.7, .1 0, .02 0, 0 -.6, -.06 -.3, -.06 -.75"
    canvas.path(x, base, 1, base - top, lava, hot, lit=True)
    other = canvas.x(canvas.uniform(0.8, 0.9))
    canvas.path(other, base, 1, 1, "-.25 0, -.02 -.24, .03 -.24, .25 0", (66, 50, 58))
    canvas.hills(0.7, 0.02, (58, 46, 52), waves=1.5, shadow=True)
    for start in (0.08, 0.3, 0.7, 0.92):
        a, y = start + canvas.uniform(-0.05, 0.05), canvas.uniform(0.76, 0.84)
        steps = [(a + canvas.uniform(-0.07, 0.07), y + 0.07 * i) for i in range(4)]
        canvas.stroke(steps, hot, 0.028, lit=True)
        canvas.stroke(steps, glow, 0.01, lit=True)


def heavens(canvas: Canvas) -> None:
    """Draw the sky alone, clouds below and at the sides."""
    sky(canvas, day=((58, 142, 236), (164, 216, 252)), horizon=1.0)
    clouds(canvas, 2)
    canvas.soften()
    for x, foot in table(".1 .62, .92 .56, .02 .86, .98 .82, .3 1, .55 1.04, .8 1.02, .08 1.06"):
        place, size = x + canvas.uniform(-0.06, 0.06), canvas.uniform(0.3, 0.46)
        canvas.prop("cloud", place, foot + canvas.uniform(-0.04, 0.04), size, shadow=False)


def cave(canvas: Canvas) -> None:
    """Draw dark rock around an opening, with crystals."""
    fade(canvas, (70, 58, 84), (112, 92, 108), lit=False)
    x, day = (
        canvas.x(canvas.uniform(0.36, 0.46)),
        canvas.pick((176, 222, 240), (248, 222, 160), (190, 226, 170)),
    )
    for scale, share in ((1.25, 0.35), (1.0, 1.0)):
        hole = table("-.22 .28, -.25 0, -.15 -.22, .02 -.3, .17 -.2, .24 .04, .2 .28")
        canvas.glow([(x + scale * a, 0.46 + scale * b) for a, b in hole], day, share)
    canvas.soften()
    canvas.hills(0.72, 0.02, (98, 82, 88), waves=1.6, shadow=True)
    dark = (64, 52, 62)
    rock = "-.1 1.1, -.1 -.1, .3 -.1, .16 .2, .18 .45, .08 .7, .14 .82, .02 1.1"
    for edge, way in ((0, 1), (1, -1)):
        canvas.path(edge, canvas.uniform(-0.08, 0.02), way, 1.08, rock, dark, shadow=True)
    for x in np.linspace(0.05, 0.95, 8):
        width, tall = canvas.uniform(0.03, 0.06), canvas.uniform(0.1, 0.3) * (0.5 + abs(float(x) - 0.5))
        canvas.shape(
            [(x - width, -0.02), (x + width, -0.02), (x + canvas.uniform(-0.01, 0.01), tall)], (86, 70, 80)
        )
    for _ in range(5):
        x = canvas.pick(canvas.uniform(0.04, 0.2), canvas.uniform(0.8, 0.96))
        foot, tall = canvas.uniform(0.8, 0.97), canvas.uniform(0.1, 0.2)
        hue = canvas.pick((96, 224, 240), (200, 120, 250), (110, 240, 170))
        for lean in (-0.04, 0.04, 0.0):
            ends = [(x - 0.022, foot), (x - 0.02 + lean, foot - 0.7 * tall), (x + lean, foot - tall)]
            ends += [(x + 0.02 + lean, foot - 0.7 * tall), (x + 0.022, foot)]
            canvas.shape(ends, hue, lit=True)
