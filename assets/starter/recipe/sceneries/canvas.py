"""The canvas of sceneries: shapes, beams of light and props drawn in one of the five styles."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from .pigments import (
    HALF,
    PAPER,
    PENCIL,
    TINTS,
    Colour,
    Points,
    faded,
    hatching,
    paper_grain,
    soft_shadow,
    table,
)
from .props import Props


class Canvas:
    """A picture to draw a scenery on. Positions and lengths are fractions of its side.

    `style`: a source of drawings. `time`: a name of TIMES. `pixels`: side of the finished picture;
    it is drawn at twice that size.
    """

    def __init__(self, style: str, time: str, pixels: int, random: np.random.Generator, props: Props):
        self.style, self.time, self.random, self.props = style, time, random, props
        self.pixels, self.side = pixels, 2 * pixels
        self.image = Image.new("RGB", (self.side, self.side))
        self.pen = ImageDraw.Draw(self.image)
        # Every picture has slightly other colours: lighter or darker, and turned around the colour circle.
        self.cast: list[float] = (random.normal(1, 0.035) + random.normal(0, 0.01, 3)).tolist()
        self.turn = float(random.normal(0, 0.07))
        self.left = 1 if random.random() < 0.5 else -1  # which side the main thing stands on

    def uniform(self, low: float, high: float) -> float:
        """Draw a random number."""
        return float(self.random.uniform(low, high))

    def chance(self, share: float) -> bool:
        """Return True in a `share` of the calls."""
        return bool(self.random.random() < share)

    def pick(self, *choices: Any) -> Any:
        """Return one of the choices at random."""
        return choices[self.random.integers(len(choices))]

    def x(self, distance: float) -> float:
        """Return an x at `distance` from the edge of the main side; mirrored in half of the pictures."""
        return distance if self.left > 0 else 1 - distance

    def colour(self, colour: Colour, lit: bool = False, snowy: float = 0.0) -> tuple[int, int, int]:
        """Return a colour as this style and time of day show it.

        `lit`: it shines, so that it stays bright at night. `snowy` (0..1): how much snow lies on it.
        """
        snow = snowy if self.time == "snow" else 0.0
        tint = (1, 1, 1) if lit else TINTS.get(self.time, (1, 1, 1))
        parts = [part * cast for part, cast in zip(colour, self.cast, strict=True)]
        parts = [part + snow * (white - part) for part, white in zip(parts, (244, 247, 252), strict=True)]
        grey = sum(parts) / 3
        vivid = {"twemoji": 1.25, "fluent-emoji-flat": 1.25, "fxemoji": 0.85}.get(self.style, 1.0)
        red, green, blue = parts
        sideways = (blue - green, red - blue, green - red)
        parts = [
            grey + vivid * (part - grey + self.turn * aside)
            for part, aside in zip(parts, sideways, strict=True)
        ]
        if self.style == "fxemoji":
            share = 0.4 * min(1, 0.25 + grey / 255)  # the paper shows less through dark pencil
            parts = [part + share * (paper - part) for part, paper in zip(parts, PAPER, strict=True)]
        channels = [min(255, max(0, int(part * factor))) for part, factor in zip(parts, tint, strict=True)]
        return channels[0], channels[1], channels[2]

    def shape(
        self,
        points: Points,
        colour: Colour,
        lit: bool = False,
        snowy: float = 0.0,
        outline: bool = True,
        shadow: bool = False,
    ) -> None:
        """Fill a polygon in the way of the style.

        `outline`: with the line of styles that have one. `shadow`: with a soft shadow in the 3d style.
        """
        corners = [(x * self.side, y * self.side) for x, y in points]
        fill = self.colour(colour, lit, snowy)
        if self.style == "fluent-emoji-3d":
            self._shaded(corners, fill, shadow)
        elif self.style == "fxemoji":
            self._hatched(self._wobbly(corners), fill, outline)
        else:
            if outline and self.style == "twemoji":  # below the fill, so that thin things keep their colour
                self._line(corners, self.colour((255, 255, 255), lit), 8)
            self.pen.polygon(corners, fill=fill)
            if outline and self.style == "noto":
                self._line(corners, tuple(int(0.3 * part + 10) for part in fill), 3)

    def _line(self, corners: list[tuple[float, float]], colour: tuple[int, ...], width: int) -> None:
        """Draw a closed line."""
        width = max(1, round(width * self.side / 256))
        self.pen.line([*corners, *corners[:2]], fill=colour, width=width, joint="curve")

    def _mask(self, corners: list[tuple[float, float]]) -> tuple[Image.Image, tuple[int, int]] | None:
        """Draw a polygon as a mask. Returns it and its corner, or None outside the picture."""
        xs, ys = zip(*corners, strict=True)
        left, top = max(0, int(min(xs))), max(0, int(min(ys)))
        right, bottom = min(self.side, int(max(xs)) + 1), min(self.side, int(max(ys)) + 1)
        if right <= left or bottom <= top:
            return None
        mask = Image.new("L", (right - left, bottom - top))
        ImageDraw.Draw(mask).polygon([(x - left, y - top) for x, y in corners], fill=255)
        return mask, (left, top)

    def _shaded(self, corners: list[tuple[float, float]], fill: tuple[int, ...], shadow: bool) -> None:
        """Fill a polygon with a soft gradient, lighter at the top, violet in the shade."""
        found = self._mask(corners)
        if found is None:
            return
        mask, corner = found
        if shadow:
            small = [max(1, length // 4) for length in mask.size]
            blurred = mask.resize(small).filter(ImageFilter.BoxBlur(1)).resize(mask.size)
            shift = self.side // 40
            dark = tuple(int(0.35 * part) for part in fill)
            self.image.paste(dark, (corner[0] + shift // 2, corner[1] - shift // 2), blurred.point(HALF))
        middle = np.asarray(fill, float)
        ends = np.stack([middle * 1.1 + 22, middle, middle * (0.72, 0.66, 0.86)]).clip(0, 255)
        ramp = Image.fromarray(ends.astype(np.uint8)[:, None]).resize(mask.size, Image.BILINEAR)
        self.image.paste(ramp, corner, mask)

    def _wobbly(self, corners: list[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return a polygon with more corners, each a little off its place."""
        path = np.asarray([*corners, corners[0]], float)
        lengths = np.hypot(*np.diff(path, axis=0).T)
        counts = np.maximum(1, (lengths / (self.side / 16)).astype(int))
        parts = [
            path[i] + (path[i + 1] - path[i]) * np.arange(count)[:, None] / count
            for i, count in enumerate(counts)
        ]
        dense = np.concatenate(parts)
        dense += self.random.normal(0, self.side / 230, dense.shape)
        return [(x, y) for x, y in dense.tolist()]

    def _hatched(self, corners: list[tuple[float, float]], fill: tuple[int, ...], outline: bool) -> None:
        """Fill a polygon with a pale colour, pencil lines and a pencilled edge."""
        self.pen.polygon(corners, fill=fill)
        found = self._mask(corners)
        if found is None:
            return
        mask, corner = found
        lines = hatching(2 * self.side, self.chance(0.3))
        x, y = self.random.integers(0, self.side, 2).tolist()
        lines = lines.crop((x, y, x + mask.width, y + mask.height))
        empty = Image.new("L", mask.size)
        dark = tuple(int(0.62 * part) for part in fill)
        self.image.paste(dark, corner, Image.composite(lines, empty, mask))
        if outline:
            pencil = self.colour(PENCIL)
            self._line(corners, pencil, 2)

    def rectangle(
        self, left: float, top: float, right: float, bottom: float, colour: Colour, **how: Any
    ) -> None:
        """Fill a rectangle; `how` as for `shape`."""
        self.shape([(left, top), (right, top), (right, bottom), (left, bottom)], colour, **how)

    def path(
        self, x: float, y: float, width: float, height: float, corners: str, colour: Colour, **how: Any
    ) -> None:
        """Fill the polygon with these `corners`, a table in units of `width` and `height` from (x, y).

        A negative width mirrors it. `how` as for `shape`.
        """
        self.shape([(x + a * width, y + b * height) for a, b in table(corners)], colour, **how)

    def ellipse(self, x: float, y: float, width: float, height: float, colour: Colour, **how: Any) -> None:
        """Fill an ellipse around (x, y); `width` and `height` are its half axes, `how` as for `shape`."""
        angles = np.linspace(0, 2 * np.pi, 25)[:-1]
        points = zip(x + width * np.cos(angles), y + height * np.sin(angles), strict=True)
        self.shape([(float(across), float(down)) for across, down in points], colour, **how)

    def hills(
        self, top: float, height: float, colour: Colour, waves: float = 1.0, bottom: float = 1.05, **how: Any
    ) -> None:
        """Fill rolling ground from a wavy edge around `top` down to `bottom`.

        `height`: how far the edge moves up and down. `waves`: hills side by side. `how` as for `shape`.
        """
        xs = np.linspace(-0.03, 1.03, 25)
        phase, second = self.random.uniform(0, 2 * np.pi, 2)
        ys = top + height * np.sin(2 * np.pi * waves * xs + phase)
        ys += 0.35 * height * np.sin(4.3 * np.pi * waves * xs + second)
        edge = [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]
        self.shape([*edge, (1.03, bottom), (-0.03, bottom)], colour, **how)

    def stroke(self, points: Points, colour: Colour, width: float, lit: bool = False) -> None:
        """Draw an open line, `width` a fraction of the side."""
        corners = [(x * self.side, y * self.side) for x, y in points]
        if self.style == "fxemoji":
            corners = self._wobbly(corners)[: -max(1, len(corners) // 4)] if len(corners) > 4 else corners
        thick = max(1, round(width * self.side))
        self.pen.line(corners, fill=self.colour(colour, lit), width=thick, joint="curve")

    def prop(
        self,
        name: str,
        x: float,
        foot: float,
        size: float,
        lit: bool = False,
        shadow: bool = True,
        snowy: float = 0.4,
        haze: float = 0.0,
    ) -> bool:
        """Draw a prop that stands on (x, foot), its longer side `size`. Returns False if there is none.

        `shadow`: with a shadow on the ground in the 3d style. `haze` (0..1): how pale it looks, far away.
        """
        pictures = self.props.get(name)
        if not pictures:
            return False
        picture = pictures[self.random.integers(len(pictures))]
        scale = size * self.side / max(picture.size)
        picture = picture.resize([max(1, round(length * scale)) for length in picture.size], Image.BILINEAR)
        if self.chance(0.5):
            picture = picture.transpose(Image.FLIP_LEFT_RIGHT)
        corner = round(x * self.side - picture.width / 2), round(foot * self.side - picture.height)
        if shadow and self.style == "fluent-emoji-3d":
            width, height = max(4, picture.width), max(3, picture.width // 4)
            place = corner[0] + width // 10, corner[1] + picture.height - height * 2 // 3
            self.image.paste((34, 24, 66), place, soft_shadow(width, height))
        alpha = picture.getchannel("A")
        if not lit and (haze or self.time in TINTS):
            snow = snowy if self.time == "snow" else 0.0
            picture = picture.convert("RGB").convert("RGB", faded(self.time, snow, haze))
        self.image.paste(picture, corner, alpha)
        return True

    def glow(self, points: Points, colour: Colour, share: float) -> None:
        """Let a `share` of a colour shine through a polygon, as a beam of light does."""
        found = self._mask([(x * self.side, y * self.side) for x, y in points])
        if found:
            mask, corner = found
            if self.style in ("fluent-emoji-3d", "noto"):
                mask = mask.filter(ImageFilter.BoxBlur(self.side / 100))
            self.image.paste(
                self.colour(colour, lit=True), corner, mask.point([int(share * i) for i in range(256)])
            )

    def halo(self, x: float, y: float, size: float) -> None:
        """Draw the light around a lamp."""
        for scale in (1.0, 0.72, 0.45):
            angles = np.linspace(0, 2 * np.pi, 25)[:-1]
            points = zip(x + scale * size * np.cos(angles), y + scale * size * np.sin(angles), strict=True)
            self.glow([(float(a), float(b)) for a, b in points], (255, 226, 150), 0.22)

    def soften(self) -> None:
        """Blur what was drawn so far in the 3d style, as if far behind the focus."""
        if self.style == "fluent-emoji-3d":
            self.image.paste(self.image.filter(ImageFilter.BoxBlur(self.side / 150)))

    def finish(self) -> Image.Image:
        """Return the picture at its final size: a little of its edge cut off, half of the time mirrored."""
        if self.style == "fxemoji":
            self.image.paste(self.colour(PAPER), mask=paper_grain(self.side))
        shown = self.side * self.uniform(0.91, 1.0)
        left, top = self.uniform(0, self.side - shown), self.uniform(0, self.side - shown)
        box = left, top, left + shown, top + shown
        picture = self.image.resize((self.pixels, self.pixels), Image.BOX, box)
        return picture.transpose(Image.FLIP_LEFT_RIGHT) if self.chance(0.5) else picture
