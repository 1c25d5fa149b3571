"""Sceneries of work and play out of doors: park, garden, farm, playground, fair."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .ground import DARK_GRASS, GRASS, SAND, WHITE, WOOD, lamp_post, tufts
from .pigments import table
from .sky import sky


def bench(canvas: Canvas, x: float, foot: float) -> None:
    """Draw a park bench."""
    brown = (176, 112, 62)
    for leg in (-0.09, 0.09):
        canvas.rectangle(x + leg - 0.01, foot - 0.13, x + leg + 0.01, foot, (64, 62, 70))
    for top in (0.17, 0.12, 0.065):
        canvas.rectangle(x - 0.13, foot - top, x + 0.13, foot - top + 0.032, brown, shadow=True)


def park(canvas: Canvas) -> None:
    """Draw a lawn with a path, a bench, a pond and round trees."""
    sky(canvas, horizon=0.56)
    canvas.hills(0.5, 0.02, (84, 150, 84), waves=4, snowy=0.7, outline=False)
    for x in (0.28, 0.44, 0.6, 0.74):
        canvas.prop("tree", x + canvas.uniform(-0.05, 0.05), 0.6, canvas.uniform(0.16, 0.24), shadow=False)
    canvas.soften()
    canvas.rectangle(-0.05, 0.57, 1.05, 1.05, GRASS, snowy=0.85)
    way = canvas.left
    path = ".02 .57, .08 .57, .02 .7, .4 .84, .5 1.05, -.28 1.05, -.12 .86, -.1 .7"
    canvas.path(0.5, 0, way, 1, path, (228, 206, 164), snowy=0.6)
    tufts(canvas, 8, 0.66, DARK_GRASS)
    canvas.prop("tree", canvas.x(canvas.uniform(0.06, 0.14)), 0.78, canvas.uniform(0.58, 0.7))
    canvas.prop("tree", canvas.x(canvas.uniform(0.9, 0.98)), 0.7, canvas.uniform(0.36, 0.46))
    bench(canvas, canvas.x(0.85), 0.84)
    if canvas.chance(0.6):
        lamp_post(canvas, canvas.x(0.7), 0.7, 0.36)


def garden(canvas: Canvas) -> None:
    """Draw a lawn with flower beds in front of a white fence and a hedge."""
    sky(canvas, horizon=0.5)
    canvas.prop("cottage", canvas.x(canvas.uniform(0.18, 0.3)), 0.54, canvas.uniform(0.36, 0.44))
    lined = canvas.style != "twemoji"
    canvas.soften()
    for x in np.linspace(0, 1, 9):
        tall = canvas.uniform(0.06, 0.09)
        canvas.ellipse(float(x), 0.54, 0.09, tall, (58, 132, 72), snowy=0.6, outline=lined)
    canvas.rectangle(-0.05, 0.6, 1.05, 1.05, (136, 204, 90), snowy=0.85)
    for y in (0.52, 0.6):
        canvas.rectangle(-0.05, y, 1.05, y + 0.025, WHITE)
    pale = "-.022 .67, -.022 .49, 0 .46, .022 .49, .022 .67"
    for x in np.arange(0.02, 1.02, 0.075):
        canvas.path(float(x), 0, 1, 1, pale, WHITE, outline=lined)
    if canvas.style in ("fluent-emoji-flat", "twemoji"):
        for x in np.arange(0.057, 1.0, 0.075):
            canvas.stroke([(float(x), 0.5), (float(x), 0.67)], (58, 132, 72), 0.007)
    canvas.hills(0.7, 0.006, (128, 88, 60), bottom=0.76, waves=2, snowy=0.6)
    kinds = canvas.pick(("rose", "tulip"), ("tulip",), ("sunflower", "blossom"), ("hibiscus", "rose"))
    for x in np.linspace(0.04, 0.96, 9):
        foot, size = canvas.uniform(0.73, 0.76), canvas.uniform(0.13, 0.17)
        canvas.prop(canvas.pick(*kinds), float(x), foot, size, shadow=False)
    for x in (0.06, 0.17, 0.83, 0.94):
        canvas.ellipse(x, 0.95, 0.09, 0.03, (128, 88, 60), outline=False)
        place, size = x + canvas.uniform(-0.03, 0.03), canvas.uniform(0.17, 0.24)
        canvas.prop(canvas.pick(*kinds), place, 0.95, size, shadow=False)


def farm(canvas: Canvas) -> None:
    """Draw a red barn, a field of corn and a wooden fence."""
    horizon = canvas.uniform(0.52, 0.57)
    sky(canvas, horizon=horizon)
    canvas.hills(horizon - 0.02, 0.03, (130, 190, 96), waves=1.3, snowy=0.8)
    canvas.soften()
    canvas.rectangle(-0.05, horizon + 0.04, 1.05, 1.05, (232, 194, 92), snowy=0.8)
    middle = canvas.uniform(0.3, 0.7)
    for x in np.linspace(-1.6, 2.6, 16):
        far = middle + (float(x) - middle) * 0.4
        canvas.stroke([(far, horizon + 0.05), (float(x), 0.86)], (202, 158, 60), 0.014)
    canvas.hills(0.8, 0.015, (150, 186, 84), snowy=0.85, shadow=True)
    x, foot, size = canvas.x(canvas.uniform(0.18, 0.24)), horizon + 0.2, canvas.uniform(0.19, 0.22)
    red = canvas.pick((200, 54, 46), (178, 48, 52), (214, 76, 52))
    roof = foot - 1.7 * size
    front = "-1 0, -1 -1.7, -.6 -2.2, 0 -2.45, .6 -2.2, 1 -1.7, 1 0"
    canvas.path(x, foot, size, size, front, red, shadow=True)
    edge = [
        (x + a * size, roof + b * size) for a, b in table("-1.1 .15, -.64 -.52, 0 -.8, .64 -.52, 1.1 .15")
    ]
    canvas.stroke(edge, (92, 72, 74), 0.03)
    canvas.rectangle(x - 0.42 * size, foot - 0.85 * size, x + 0.42 * size, foot, WHITE)
    canvas.rectangle(x - 0.34 * size, foot - 0.77 * size, x + 0.34 * size, foot, red, outline=False)
    for start, end in ((-0.34, 0.34), (0.34, -0.34)):
        canvas.stroke([(x + start * size, foot - 0.77 * size), (x + end * size, foot)], WHITE, 0.014)
    canvas.ellipse(x, roof - 0.2 * size, 0.15 * size, 0.15 * size, WHITE)
    bales = canvas.x(canvas.uniform(0.84, 0.92))
    for shift, lower in ((-0.08, 0.0), (0.06, 0.02)):
        canvas.ellipse(bales + shift, 0.72 + lower, 0.085, 0.085, (238, 192, 84), shadow=True)
        canvas.ellipse(bales + shift, 0.72 + lower, 0.04, 0.04, (206, 152, 56), outline=False)
    for x in (0.02, 0.14, 0.26, 0.74, 0.86, 0.98):
        canvas.rectangle(x - 0.014, 0.74, x + 0.014, 0.92, WOOD)
    for left, right in ((-0.05, 0.28), (0.72, 1.05)):
        for y in (0.78, 0.85):
            canvas.rectangle(left, y, right, y + 0.026, (176, 120, 72))


def playground(canvas: Canvas) -> None:
    """Draw a slide, a swing and a sandpit."""
    sky(canvas, horizon=0.6)
    canvas.hills(0.52, 0.02, (110, 176, 96), waves=4, snowy=0.7, outline=False)
    canvas.soften()
    floor = canvas.pick((238, 150, 96), (120, 200, 190), (150, 206, 110))
    canvas.rectangle(-0.05, 0.6, 1.05, 1.05, floor, snowy=0.8)
    canvas.ellipse(0.5 + canvas.uniform(-0.1, 0.1), 0.93, 0.42, 0.1, SAND, snowy=0.6)
    hues = [(232, 66, 60), (54, 118, 220), (250, 196, 52), (56, 170, 96), (160, 90, 200)]
    canvas.random.shuffle(hues)
    way, x = canvas.left, canvas.x(0.1)
    for shift in (0, 0.1):  # the ladder of the slide
        canvas.rectangle(x + way * shift - 0.013, 0.3, x + way * shift + 0.013, 0.82, hues[1])
    for y in np.arange(0.4, 0.82, 0.09):
        canvas.path(x, float(y), way * 0.1, 0.022, "0 0, 1 0, 1 1, 0 1", hues[1], outline=False)
    slide = ".06 .36, .13 .36, .3 .72, .36 .76, .36 .82, .26 .79, .06 .44"
    canvas.path(x, 0, way, 1, slide, hues[0], shadow=True)
    canvas.path(x, 0.3, way, 1, "-.05 0, .05 -.12, .15 0", hues[2])
    top, left, right = 0.3, canvas.x(0.66), canvas.x(1.0)
    for post in (left, right):
        for lean in (-0.05, 0.05):
            canvas.stroke([(post, top), (post + lean, 0.8)], hues[3], 0.026)
    canvas.stroke([(left, top), (right, top)], hues[3], 0.03)
    seat = canvas.x(0.83) + canvas.uniform(-0.03, 0.03)
    for rope in (-0.06, 0.06):
        canvas.stroke([(canvas.x(0.83) + rope, top), (seat + rope, 0.68)], (80, 80, 92), 0.01)
    canvas.rectangle(seat - 0.08, 0.67, seat + 0.08, 0.7, hues[4])


def fair(canvas: Canvas) -> None:
    """Draw a ferris wheel, a striped tent and strings of flags."""
    sky(canvas, horizon=0.62)
    canvas.soften()
    canvas.rectangle(-0.05, 0.66, 1.05, 1.05, (214, 190, 150), snowy=0.8)
    x, y, size = canvas.x(0.22), 0.4, canvas.uniform(0.26, 0.3)
    hues = ((236, 72, 76), (250, 196, 56), (64, 150, 230), (86, 190, 110), (190, 100, 210))
    for lean in (-0.14, 0.14):
        canvas.stroke([(x, y), (x + lean, 0.76)], (96, 92, 120), 0.022)
    angles = np.linspace(0, 2 * np.pi, 25) + canvas.uniform(0, 0.8)
    rim = [(float(x + size * np.cos(a)), float(y + size * np.sin(a))) for a in angles]
    canvas.stroke(rim, (226, 226, 240), 0.02)
    for index in range(0, 24, 3):
        canvas.stroke([(x, y), rim[index]], (226, 226, 240), 0.01)
    for index in range(0, 24, 3):
        a, b = rim[index]
        canvas.ellipse(a, b + 0.02, 0.042, 0.042, hues[index // 3 % 5], lit=canvas.chance(0.5))
    x, foot, half = canvas.x(0.86), 0.78, 0.22
    red = canvas.pick((222, 54, 60), (60, 110, 214), (150, 70, 180))
    canvas.rectangle(x - half, 0.56, x + half, foot, WHITE, shadow=True)
    for index in range(5):
        left = x - half + (2 * index) * 2 * half / 10
        canvas.rectangle(left, 0.56, left + 2 * half / 10, foot, red, outline=False)
    canvas.path(x, 0.57, half, 0.27, "-1.15 0, 0 -1, 1.15 0", red)
    canvas.path(x, 0.57, half, 0.27, "-.4 0, 0 -1, .4 0", WHITE, outline=False)
    sag, height = canvas.uniform(0.04, 0.09), canvas.uniform(0.02, 0.06)
    for index in range(9):
        a = (index + 0.5) / 9
        b = height + sag * (1 - (2 * a - 1) ** 2)
        canvas.shape([(a - 0.045, b), (a + 0.045, b), (a, b + 0.09)], hues[index % 5])
