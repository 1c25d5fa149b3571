"""Sceneries indoors: kitchen, bedroom, living room, library, stage."""

from __future__ import annotations

import numpy as np

from .canvas import Canvas
from .pigments import SKIES, Colour, darker
from .sky import fade, stars

WHITE, WOOD, DARK_WOOD = (248, 246, 242), (196, 142, 90), (134, 88, 56)
WALLS = ((246, 222, 190), (200, 222, 236), (214, 232, 200), (240, 206, 214), (222, 212, 240))


def wall(canvas: Canvas, colour: Colour) -> None:
    """Fill the picture with a wall."""
    fade(canvas, darker(colour, 1.03), darker(colour, 0.93), lit=False)


def window(canvas: Canvas, x: float, y: float, width: float, height: float) -> None:
    """Draw a window around (x, y) with the sky of the time of day behind it."""
    canvas.rectangle(x - width, y - height, x + width, y + height, WHITE, shadow=True)
    top = canvas.colour(SKIES[canvas.time][1 if canvas.time == "day" else 0], lit=True)
    inner = [x - width + 0.025, y - height + 0.025, x + width - 0.025, y + height - 0.025]
    canvas.pen.rectangle([part * canvas.side for part in inner], fill=top)
    if canvas.time == "night":
        canvas.prop("moon", x + 0.4 * width, y, 0.5 * width, lit=True, shadow=False)
        canvas.ellipse(x - 0.5 * width, y + 0.3 * height, 0.008, 0.008, WHITE, lit=True, outline=False)
        canvas.ellipse(x - 0.3 * width, y - 0.4 * height, 0.008, 0.008, WHITE, lit=True, outline=False)
    else:
        canvas.prop("cloud", x - 0.3 * width, y, 0.8 * width, shadow=False)
    canvas.rectangle(x - 0.009, y - height, x + 0.009, y + height, WHITE, outline=False)
    canvas.rectangle(x - width, y - 0.009, x + width, y + 0.009, WHITE, outline=False)


def floorboards(canvas: Canvas, top: float, colour: Colour) -> None:
    """Draw a wooden floor with boards that run to the back."""
    canvas.rectangle(-0.05, top, 1.05, 1.05, colour)
    dark = darker(colour, 0.78)
    for x in np.linspace(-1.0, 2.0, 15):
        canvas.stroke([(0.5 + (float(x) - 0.5) * 0.62, top + 0.01), (float(x), 1.02)], dark, 0.007)
    canvas.rectangle(-0.05, top - 0.035, 1.05, top, WHITE, outline=canvas.style != "twemoji")


def lamp(canvas: Canvas, x: float, foot: float, tall: float, size: float = 0.09) -> None:
    """Draw a lamp on a thin foot, shining at night."""
    top, shines = foot - tall, canvas.time == "night"
    if shines:
        canvas.halo(x, top + 0.04, 2.6 * size)
    canvas.rectangle(x - 0.01, top, x + 0.01, foot, DARK_WOOD)
    canvas.ellipse(x, foot, 0.6 * size, 0.02, DARK_WOOD)
    shade = "-.55 0, .55 0, 1 1.2, -1 1.2"
    canvas.path(x, top, size, size, shade, (255, 220, 130), lit=shines, shadow=True)


def kitchen(canvas: Canvas) -> None:
    """Draw a table in front of tiles, a shelf with cups and jars, a window."""
    tiles = canvas.pick((206, 230, 232), (236, 228, 206), (222, 232, 214))
    wall(canvas, tiles)
    for x in np.linspace(0, 1, 9):
        canvas.stroke([(float(x), 0), (float(x), 0.8)], darker(tiles, 0.88), 0.008)
    for y in np.linspace(0.06, 0.68, 6):
        canvas.stroke([(0, float(y)), (1, float(y))], darker(tiles, 0.88), 0.008)
    window(canvas, canvas.x(0.76), 0.24, 0.16, 0.17)
    canvas.soften()
    x = canvas.x(0.22)
    for y in (0.24, 0.46):
        canvas.rectangle(x - 0.2, y, x + 0.2, y + 0.028, WOOD, shadow=True)
        for shift in (-0.12, 0.0, 0.12):
            name = canvas.pick("jar", "cup", "plant", "jar", "cup")
            middle, hue = x + shift, canvas.pick((226, 110, 84), (110, 170, 200))
            if not canvas.prop(name, middle, y + 0.005, canvas.uniform(0.1, 0.13), shadow=False):
                canvas.rectangle(middle - 0.035, y - 0.1, middle + 0.035, y, hue)
    for shift in (0.0, 0.13):
        if canvas.chance(0.8):
            canvas.prop("pan", canvas.x(0.86 - shift), 0.64, 0.15, shadow=False)
    cloth = canvas.pick((226, 74, 74), (70, 130, 206), (84, 168, 104))
    edge = canvas.uniform(0.7, 0.74)
    canvas.path(0, edge, 1, 1, "-.05 .4, -.05 .03, .06 0, .94 0, 1.05 .03, 1.05 .4", WHITE, shadow=True)
    for row, (top, bottom) in enumerate(((edge, 0.77), (0.77, 0.84), (0.84, 0.94), (0.94, 1.06))):
        far, near = (0.13 * (0.8 + 0.9 * (y - edge) / (1.06 - edge)) for y in (top, bottom))
        for column in range(-6 + row % 2, 7, 2):  # the chequers of a tablecloth
            check = [(0.5 + column * far, top), (0.5 + (column + 1) * far, top)]
            check += [(0.5 + (column + 1) * near, bottom), (0.5 + column * near, bottom)]
            canvas.shape(check, cloth, outline=False)


def bedroom(canvas: Canvas) -> None:
    """Draw a bed, a window with curtains and a bedside lamp."""
    colour = canvas.pick(*WALLS)
    wall(canvas, colour)
    for x in np.linspace(0.03, 0.97, 9):
        canvas.stroke([(float(x), 0), (float(x), 0.66)], darker(colour, 0.94), 0.03)
    x = canvas.x(0.74)
    curtain = canvas.pick((236, 120, 130), (120, 150, 222), (140, 190, 130), (240, 176, 90))
    window(canvas, x, 0.27, 0.16, 0.19)
    for side in (-1, 1):
        canvas.path(x, 0, side, 1, ".08 .04, .24 .04, .25 .54, .15 .54", curtain, shadow=True)
    canvas.rectangle(x - 0.26, 0.025, x + 0.26, 0.05, DARK_WOOD)
    canvas.soften()
    floorboards(canvas, 0.68, canvas.pick(WOOD, (216, 176, 130), (170, 120, 84)))
    cover = canvas.pick((90, 130, 214), (226, 96, 110), (110, 180, 150), (160, 120, 210))
    way, edge = canvas.left, canvas.x(0.0)
    canvas.path(edge, 0, way, 1, "-.04 .36, .07 .36, .07 .86, -.04 .86", DARK_WOOD, shadow=True)
    canvas.path(edge, 0, way, 1, "0 .6, .5 .6, .5 .8, 0 .8", WHITE)
    canvas.path(edge, 0, way, 1, ".2 .57, .53 .58, .53 .78, .2 .78", cover, shadow=True)
    canvas.ellipse(edge + way * 0.13, 0.56, 0.09, 0.05, WHITE, shadow=True)
    canvas.path(edge, 0, way, 1, ".51 .54, .56 .54, .56 .86, .51 .86", DARK_WOOD)
    canvas.rectangle(canvas.x(0.9) - 0.09, 0.62, canvas.x(0.9) + 0.09, 0.82, WOOD, shadow=True)
    lamp(canvas, canvas.x(0.9), 0.62, 0.22, 0.075)
    canvas.ellipse(canvas.x(0.52), 0.93, 0.4, 0.07, tuple(0.5 * part + 110 for part in curtain))


def living_room(canvas: Canvas) -> None:
    """Draw a sofa, a carpet, pictures on the wall and a floor lamp."""
    wall(canvas, canvas.pick(*WALLS))
    for x in (canvas.x(0.2), canvas.x(0.52)):
        if canvas.chance(0.85):
            size = canvas.uniform(0.2, 0.28)
            canvas.prop("painting", x, 0.12 + size, size, shadow=False)
    if canvas.time == "night" or canvas.chance(0.3):
        window(canvas, canvas.x(0.78), 0.24, 0.13, 0.15)
    canvas.soften()
    floorboards(canvas, 0.66, canvas.pick(WOOD, (206, 160, 112), (160, 112, 80)))
    sofa = canvas.pick((222, 88, 76), (70, 140, 170), (104, 160, 96), (232, 172, 70), (130, 104, 180))
    dark = darker(sofa, 0.86)
    x = canvas.x(0.2)
    canvas.rectangle(x - 0.27, 0.44, x + 0.27, 0.7, sofa, shadow=True)
    for shift in (-0.13, 0.13):
        canvas.rectangle(x + shift - 0.12, 0.58, x + shift + 0.12, 0.68, darker(sofa, 1.08))
    canvas.rectangle(x - 0.27, 0.67, x + 0.27, 0.77, dark)
    for side in (-0.29, 0.29):
        canvas.rectangle(x + side - 0.045, 0.53, x + side + 0.045, 0.79, sofa, shadow=True)
    lamp(canvas, canvas.x(0.92), 0.78, 0.54, 0.11)
    if not canvas.prop("plant", canvas.x(0.76), 0.76, 0.26):
        canvas.rectangle(canvas.x(0.76) - 0.05, 0.66, canvas.x(0.76) + 0.05, 0.76, (206, 110, 70))
        for lean in (-0.09, -0.04, 0.04, 0.09):
            canvas.stroke([(canvas.x(0.76), 0.67), (canvas.x(0.76) + lean, 0.5)], (74, 150, 80), 0.026)
    rug = canvas.pick((196, 64, 66), (62, 104, 170), (96, 70, 130))
    ring = canvas.pick((246, 214, 150), (226, 226, 236), (240, 190, 120))
    for scale, hue in ((1.0, rug), (0.86, ring), (0.76, rug), (0.4, ring), (0.3, rug)):
        canvas.ellipse(0.5, 0.9, 0.5 * scale, 0.1 * scale, hue, outline=scale == 1)


def bookshelves(canvas: Canvas) -> None:
    """Draw shelves full of books."""
    wall(canvas, (120, 84, 60))
    hues = (
        (196, 60, 56),
        (58, 108, 170),
        (70, 140, 88),
        (226, 170, 64),
        (130, 84, 150),
        (220, 210, 190),
        (210, 112, 60),
    )
    for y in (0.02, 0.24, 0.46):
        x = canvas.uniform(-0.02, 0.0)
        while x < 1:
            width, tall = canvas.uniform(0.035, 0.06), canvas.uniform(0.13, 0.18)
            if canvas.chance(0.92):
                book = x, y + 0.2 - tall, x + width, y + 0.2
                canvas.rectangle(*book, canvas.pick(*hues), outline=canvas.style in ("noto", "fxemoji"))
                canvas.stroke([(x + 0.01, y + 0.11), (x + width - 0.01, y + 0.11)], (246, 226, 170), 0.009)
            x += width + 0.004
        canvas.rectangle(-0.05, y + 0.2, 1.05, y + 0.232, WOOD, shadow=True)
    canvas.soften()
    for x in (0.02, canvas.uniform(0.3, 0.36), canvas.uniform(0.64, 0.7), 0.98):
        canvas.rectangle(x - 0.02, -0.02, x + 0.02, 0.72, WOOD, shadow=True)
    floorboards(canvas, 0.72, (150, 98, 64))
    way, x = canvas.left, canvas.x(0.07)
    for shift in (0.0, 0.13):  # a ladder
        canvas.stroke([(x + way * (shift + 0.05), 0.05), (x + way * shift, 0.88)], (226, 180, 116), 0.022)
    for y in np.linspace(0.14, 0.82, 7):
        lean = 0.05 * (0.88 - y) / 0.83
        left, right = x + way * lean, x + way * (lean + 0.13)
        canvas.stroke([(left, float(y)), (right, float(y))], (226, 180, 116), 0.016)
    for index in range(4):  # a pile of books
        middle, half = canvas.x(0.9) + canvas.uniform(-0.015, 0.015), canvas.uniform(0.08, 0.1)
        top = 0.86 - 0.045 * index
        canvas.rectangle(middle - half, top, middle + half, top + 0.04, canvas.pick(*hues))


def stage(canvas: Canvas) -> None:
    """Draw a stage with red curtains and beams of light."""
    back = canvas.pick((58, 32, 66), (34, 34, 76), (60, 26, 40))
    fade(canvas, darker(back, 0.7), darker(back, 1.5), lit=False)
    if canvas.chance(0.4):
        stars(canvas, 14, 0.6)
    canvas.rectangle(-0.05, 0.74, 1.05, 1.05, (184, 124, 76))
    for x in np.linspace(-0.8, 1.8, 14):
        canvas.stroke([(0.5 + (float(x) - 0.5) * 0.7, 0.75), (float(x), 1.02)], (140, 90, 54), 0.007)
    hues = ((255, 236, 160), (160, 220, 255), (255, 170, 210), (190, 255, 190))
    for x in (0.3, 0.5, 0.7):
        beam, target = canvas.pick(*hues), 0.5 + canvas.uniform(-0.12, 0.12)
        lamp_x = x + canvas.uniform(-0.08, 0.08)
        cone = [(lamp_x - 0.03, 0), (lamp_x + 0.03, 0), (target + 0.2, 0.9), (target - 0.2, 0.9)]
        canvas.glow(cone, beam, 0.34)
    canvas.ellipse(0.5, 0.89, 0.34, 0.06, (248, 214, 150), outline=False)
    canvas.soften()
    red = canvas.pick((196, 32, 44), (170, 28, 60), (150, 30, 110))
    dark = darker(red, 0.74)
    for side in (0, 1):
        for fold in range(4):
            inner, hue = fold * 0.06, red if fold % 2 else dark
            x, way = (1 - inner, -1) if side else (inner, 1)
            cloth = "-.02 -.05, .05 -.05, .03 .5, .05 .84, -.02 .84, -.04 .5"
            canvas.path(x, 0, way, 1, cloth, hue, outline=canvas.style != "twemoji", shadow=True)
    for index in range(7):
        hue = red if index % 2 else dark
        canvas.ellipse((index + 0.5) / 7, 0.02, 0.085, 0.11, hue, outline=canvas.style != "twemoji")
    canvas.rectangle(-0.05, -0.05, 1.05, 0.035, (232, 180, 70))
