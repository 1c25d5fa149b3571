"""Scenes: drawings placed on a background, composed to a picture with exact masks."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from PIL import Image, ImageFilter

from .drawings import Drawing, world

PIXELS = 128
Rgb = tuple[int, int, int]


@dataclass
class Placement:
    """A drawing and its position in a scene, in fractions of the picture.

    `x`, `y`: the centre. `size`: the longer side.
    """

    drawing: Drawing
    x: float
    y: float
    size: float

    @property
    def extent(self) -> tuple[float, float]:
        """Return width and height."""
        width, height = self.drawing.picture.size
        scale = self.size / max(width, height)
        return width * scale, height * scale

    @property
    def top(self) -> float:
        """Return the y of the upper edge."""
        return self.y - self.extent[1] / 2

    @property
    def foot(self) -> float:
        """Return the y of the lower edge."""
        return self.y + self.extent[1] / 2

    def standing_at(self, y: float) -> Placement:
        """Return the placement moved so that its lower edge is at `y`."""
        return Placement(self.drawing, self.x, y - self.extent[1] / 2, self.size)


@dataclass
class Scene:
    """A picture to compose.

    `placements`: the drawings from back to front.
    `colour`: name of the background colour, "" on a scenery.
    `top`, `bottom` (RGB, 0..255): the ends of the background's vertical gradient.
    `backdrop`: a scenery, RGB, in place of the gradient.
    `masks`: filled by `compose`, one (pixels, pixels) bool array per placement, True where it is seen.
    """

    placements: list[Placement]
    colour: str
    top: Rgb = (255, 255, 255)
    bottom: Rgb = (255, 255, 255)
    backdrop: Image.Image | None = None
    masks: list[np.ndarray] = field(default_factory=list)

    @property
    def nouns(self) -> list[str]:
        """Return the nouns, in the order of the placements."""
        return [placement.drawing.noun for placement in self.placements]

    def background(self, pixels: int = PIXELS) -> Image.Image:
        """Draw the background alone, `pixels` square."""
        if self.backdrop is not None:
            return self.backdrop.resize((pixels, pixels), Image.Resampling.LANCZOS)
        fade = np.linspace(0, 1, pixels)[:, None, None]
        rows = np.asarray(self.top) * (1 - fade) + np.asarray(self.bottom) * fade
        return Image.fromarray(np.repeat(rows.astype(np.uint8), pixels, axis=1))

    def compose(self, pixels: int = PIXELS, background: Image.Image | None = None) -> Image.Image:
        """Draw the scene, `pixels` square, and fill `masks`.

        `background`: a picture to draw on, and to change, in place of the scene's own background.
        """
        picture = background or self.background(pixels)
        self.masks = []
        for placement in self.placements:
            cut_out = placement.drawing.picture
            scale = placement.size * pixels / max(cut_out.size)
            size = [max(1, round(length * scale)) for length in cut_out.size]
            resampling = Image.Resampling.BOX if scale > 1 else Image.Resampling.LANCZOS
            cut_out = cut_out.resize((size[0], size[1]), resampling)
            corner = round(placement.x * pixels - size[0] / 2), round(placement.y * pixels - size[1] / 2)
            if self.backdrop is not None:
                cast_shadow(picture, placement, pixels)
            picture.paste(cut_out, corner, cut_out)
            alpha = Image.new("L", picture.size)
            alpha.paste(cut_out.getchannel("A"), corner)
            covered = np.asarray(alpha) > 127
            self.masks = [mask & ~covered for mask in self.masks]
            self.masks.append(covered)
        return picture


def cast_shadow(picture: Image.Image, placement: Placement, pixels: int) -> None:
    """Darken the ground under a placement with a soft ellipse, so that it stands rather than floats."""
    width = max(4, round(placement.extent[0] * pixels * 0.8))
    height = max(3, width // 6)
    shadow = Image.new("L", (width + 8, height + 8))
    y, x = np.mgrid[-1 : 1 : complex(0, height + 8), -1 : 1 : complex(0, width + 8)]
    shadow = Image.fromarray((np.clip(1 - (x * x + y * y), 0, 1) ** 0.7 * 90).astype(np.uint8))
    shadow = shadow.filter(ImageFilter.BoxBlur(1))
    corner = (
        round(placement.x * pixels - shadow.width / 2),
        round(placement.foot * pixels - shadow.height * 0.6),
    )
    picture.paste((20, 20, 40), corner, shadow)


def gradient_colours(colour: str, random: np.random.Generator) -> tuple[Rgb, Rgb]:
    """Draw a random background gradient near the named colour. Returns its top and bottom RGB, 0..255."""
    middle = np.asarray(world()["colours"][colour], float) + random.normal(0, 7, 3)
    shade = random.uniform(-10, 10)
    top, bottom = (np.clip(middle + sign * shade, 0, 255).astype(int) for sign in (1, -1))
    return tuple(top.tolist()), tuple(bottom.tolist())


def by_source(drawings: list[Drawing]) -> dict[str, list[Drawing]]:
    """Group drawings by their source."""
    groups: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        groups.setdefault(drawing.source, []).append(drawing)
    return groups
