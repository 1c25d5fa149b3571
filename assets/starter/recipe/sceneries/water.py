"""Sceneries of water: beach, lake, sea, harbour, and under water."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .ground import SAND, STONE, peak, ripples, scatter
from .sky import fade, sky

WATER, DEEP_WATER = (64, 160, 222), (36, 112, 190)


def beach(canvas: Canvas) -> None:
    """Draw sea behind sand, a palm at one side."""
    horizon = canvas.uniform(0.46, 0.54)
    sky(canvas, horizon=horizon)
    canvas.rectangle(-0.05, horizon, 1.05, 0.8, DEEP_WATER)
    canvas.hills(horizon + 0.07, 0.008, WATER, waves=2.5, outline=False)
    ripples(canvas, 7, horizon + 0.03, 0.63, (190, 228, 250))
    if canvas.chance(0.5):
        canvas.prop("sailboat", canvas.x(canvas.uniform(0.75, 0.9)), horizon + 0.04, 0.16, shadow=False)
    canvas.soften()
    shore = canvas.uniform(0.64, 0.7)
    canvas.hills(shore - 0.025, 0.02, (240, 250, 255), waves=0.8, outline=False)
    canvas.hills(shore, 0.02, SAND, waves=0.8, snowy=0.6, shadow=True)
    for _ in range(24):
        x, y = canvas.uniform(0, 1), canvas.uniform(0.76, 1)
        canvas.stroke([(x, y), (x + 0.012, y)], (214, 176, 108), 0.009)
    canvas.prop(
        "palm", canvas.x(canvas.uniform(0.06, 0.16)), canvas.uniform(0.8, 0.88), canvas.uniform(0.66, 0.82)
    )
    if canvas.chance(0.6):
        canvas.prop("parasol", canvas.x(canvas.uniform(0.84, 0.92)), 0.8, canvas.uniform(0.28, 0.36))
    scatter(canvas, ("shell",), int(canvas.random.integers(1, 4)), 0.86, 0.12)


def lake(canvas: Canvas) -> None:
    """Draw a lake between woods, reeds and a strip of bank in front."""
    horizon = canvas.uniform(0.4, 0.46)
    sky(canvas, horizon=horizon)
    peak(canvas, canvas.x(0.75), horizon + 0.03, 0.3, canvas.uniform(0.2, 0.28), (130, 150, 180))
    canvas.hills(horizon - 0.02, 0.02, (74, 142, 84), waves=2, snowy=0.6)
    for x in np.linspace(0.02, 0.98, 8):
        place, size = float(x) + canvas.uniform(-0.04, 0.04), canvas.uniform(0.12, 0.2)
        canvas.prop("pine", place, horizon + 0.03, size, shadow=False)
    canvas.soften()
    canvas.rectangle(-0.05, horizon + 0.02, 1.05, 0.92, (96, 180, 214))
    canvas.hills(horizon + 0.1, 0.004, (74, 156, 206), outline=False)
    ripples(canvas, 14, horizon + 0.06, 0.78, (196, 234, 246))
    for x in (canvas.uniform(0.06, 0.2), canvas.uniform(0.8, 0.94)):
        y = canvas.uniform(0.62, 0.72)
        canvas.ellipse(x, y, 0.07, 0.02, (84, 170, 84))
        canvas.prop("hibiscus", x, y, 0.08, shadow=False)
    canvas.hills(canvas.uniform(0.8, 0.84), 0.02, (120, 172, 78), waves=1.1, snowy=0.85, shadow=True)
    for x in (*canvas.random.uniform(0.0, 0.2, 5), *canvas.random.uniform(0.8, 1.0, 5)):
        foot, tall = canvas.uniform(0.86, 0.95), canvas.uniform(0.2, 0.34)
        lean = canvas.uniform(-0.03, 0.03)
        canvas.stroke([(x, foot), (x + lean, foot - tall)], (70, 122, 54), 0.012)
        canvas.ellipse(x + lean, foot - tall, 0.015, 0.045, (126, 82, 50), outline=False)


def sea(canvas: Canvas) -> None:
    """Draw rows of waves up to the horizon."""
    horizon = canvas.uniform(0.42, 0.5)
    sky(canvas, horizon=horizon)
    canvas.rectangle(-0.05, horizon, 1.05, 1.05, (30, 100, 180))
    if canvas.chance(0.6):
        canvas.prop(
            "sailboat",
            canvas.x(canvas.uniform(0.1, 0.2)),
            horizon + 0.05,
            canvas.uniform(0.16, 0.24),
            shadow=False,
        )
    canvas.soften()
    rows = np.linspace(horizon + 0.08, 0.94, 5)
    for index, y in enumerate(rows):
        near = index / (len(rows) - 1)
        width, tall = 0.09 + 0.1 * near, 0.025 + 0.035 * near
        start = canvas.uniform(-0.2, 0.0)
        crest: list[tuple[float, float]] = []
        while start < 1.1:  # pointed waves
            parts = (0.0, 0.12, 0.3, 0.5, 0.7, 0.88)
            crest += [(start + part * width, y + tall * (1 - (2 * part - 1) ** 2)) for part in parts]
            start += width
        body = [*crest, (1.2, 1.1), (-0.2, 1.1)]
        canvas.shape([(x, level - 0.016) for x, level in body], (224, 244, 252), outline=False)
        hue = 38 + 22 * near, 120 + 50 * near, 200 + 26 * near
        canvas.shape(body, hue, outline=canvas.style != "twemoji")
        if near == 0.5:
            canvas.soften()


def harbour(canvas: Canvas) -> None:
    """Draw a wooden pier into calm water."""
    horizon = canvas.uniform(0.46, 0.52)
    sky(canvas, horizon=horizon)
    canvas.rectangle(-0.05, horizon, 1.05, 1.05, (58, 142, 196))
    for distance, size in ((0.12, 0.34), (0.9, 0.24)):
        canvas.prop("sailboat", canvas.x(distance), horizon + 0.3 * size, size, shadow=False)
    ripples(canvas, 14, horizon + 0.06, 0.95, (150, 206, 236))
    canvas.soften()
    point = canvas.uniform(0.46, 0.54)
    pier = [(point - 0.09, horizon + 0.1), (point + 0.09, horizon + 0.1), (0.98, 1.05), (0.02, 1.05)]
    canvas.shape(pier, (190, 136, 84), snowy=0.7, shadow=True)
    for part in (0.08, 0.2, 0.34, 0.5, 0.7, 0.92):
        y = horizon + 0.1 + part * (0.95 - horizon)
        half = 0.09 + part * 0.39
        canvas.stroke([(point - half, y), (point + half, y)], (134, 90, 54), 0.01)
    for side in (-1, 1):
        for part, tall in ((0.1, 0.08), (0.4, 0.15), (0.8, 0.24)):
            x, y = point + side * (0.1 + part * 0.4), horizon + 0.1 + part * (0.95 - horizon)
            canvas.rectangle(
                x - 0.012 - 0.02 * part, y - tall, x + 0.012 + 0.02 * part, y + 0.04, (128, 84, 52)
            )
            canvas.ellipse(x, y - tall, 0.016 + 0.025 * part, 0.012, STONE)


def underwater(canvas: Canvas) -> None:
    """Draw the bottom of the sea: light from above, weeds, corals, bubbles."""
    fade(canvas, (72, 200, 226), (14, 84, 150), lit=False)
    for _ in range(4):
        x, width = canvas.uniform(0, 1), canvas.uniform(0.03, 0.08)
        beam = [
            (x - width, -0.02),
            (x + width, -0.02),
            (x + 2 * width - 0.25, 0.85),
            (x - width - 0.25, 0.85),
        ]
        canvas.shape(beam, (104, 206, 230), outline=False)
    canvas.hills(0.66, 0.05, (24, 98, 150), waves=1.5)
    canvas.soften()
    canvas.hills(canvas.uniform(0.78, 0.82), 0.025, (228, 208, 150), waves=1.2, shadow=True)
    for side in (0.04, 0.14, 0.88, 0.96):
        x, foot = side + canvas.uniform(-0.03, 0.03), canvas.uniform(0.86, 0.95)
        tall, phase = canvas.uniform(0.35, 0.62), canvas.uniform(0, 6)
        ys = np.linspace(0, 1, 9)
        middle = x + 0.025 * np.sin(7 * ys + phase)
        xs = np.concatenate([middle - 0.022 * (1 - ys), (middle + 0.025 * (1 - ys) + 0.003)[::-1]])
        levels = foot - tall * np.concatenate([ys, ys[::-1]])
        weed = list(zip(xs.tolist(), levels.tolist(), strict=True))
        canvas.shape(weed, canvas.pick((40, 160, 96), (70, 180, 84), (30, 140, 120)))
    for _ in range(3):
        x = canvas.x(canvas.pick(canvas.uniform(0.02, 0.2), canvas.uniform(0.8, 0.98)))
        foot, size = canvas.uniform(0.86, 0.96), canvas.uniform(0.2, 0.28)
        if not canvas.prop("coral", x, foot, size):
            for lean in (-0.08, -0.03, 0.03, 0.08):
                canvas.stroke([(x, foot), (x + lean, foot - 0.7 * size)], (232, 104, 92), 0.03)
    scatter(canvas, ("shell", "rock"), 3, 0.9, 0.11)
    for _ in range(16):
        x = canvas.pick(canvas.uniform(0.02, 0.3), canvas.uniform(0.7, 0.98))
        y, size = canvas.uniform(0.05, 0.7), canvas.uniform(0.008, 0.024)
        canvas.ellipse(x, y, size, size, (206, 242, 252))
