"""Scenes: one or two drawings on a coloured background, with exact masks and many ways to say it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .drawings import Drawing, world

PIXELS = 64
TWO_OBJECTS = 0.25  # share of scenes
UNSAID = 0.1  # share of captions left empty, for classifier-free guidance


@dataclass
class Placement:
    """One drawing in a scene: `size` is its longer side, (x, y) its centre, all as shares of the picture."""

    drawing: Drawing
    x: float
    y: float
    size: float


@dataclass
class Scene:
    """What is painted where. `placements` go from left to right; `colour` is a name of the world's ten."""

    placements: list[Placement]
    colour: str
    top: tuple[int, int, int]
    bottom: tuple[int, int, int]
    masks: list[np.ndarray] = field(default_factory=list)

    @property
    def nouns(self) -> list[str]:
        return [placement.drawing.noun for placement in self.placements]

    def stage(self, pixels: int = PIXELS) -> Image.Image:
        """The background alone, `pixels` square."""
        fade = np.linspace(0, 1, pixels)[:, None, None]
        rows = np.asarray(self.top) * (1 - fade) + np.asarray(self.bottom) * fade
        return Image.fromarray(np.repeat(rows.astype(np.uint8), pixels, axis=1))

    def compose(self, pixels: int = PIXELS, stage: Image.Image | None = None) -> Image.Image:
        """Paint the scene, `pixels` square; fills `masks`, one (pixels, pixels) bool array per placement."""
        picture = stage or self.stage(pixels)
        self.masks = []
        for placement in self.placements:
            cut_out = placement.drawing.picture
            scale = placement.size * pixels / max(cut_out.size)
            size = [max(1, round(length * scale)) for length in cut_out.size]
            cut_out = cut_out.resize(size, Image.BOX if scale > 1 else Image.LANCZOS)
            corner = round(placement.x * pixels - size[0] / 2), round(placement.y * pixels - size[1] / 2)
            picture.paste(cut_out, corner, cut_out)
            stencil = Image.new("L", picture.size)
            stencil.paste(cut_out.getchannel("A"), corner)
            self.masks.append(np.asarray(stencil) > 127)
        return picture


def backdrop(colour: str, random: np.random.Generator) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Top and bottom of a softly shaded background near the named colour."""
    middle = np.asarray(world()["colours"][colour], float) + random.normal(0, 7, 3)
    shade = random.uniform(-10, 10)
    top, bottom = (np.clip(middle + sign * shade, 0, 255).astype(int) for sign in (1, -1))
    return tuple(top.tolist()), tuple(bottom.tolist())


def draw_scene(
    drawings: dict[str, list[Drawing]], random: np.random.Generator, two: float = TWO_OBJECTS
) -> Scene:
    """A random scene, in a share of `two` with two objects. `drawings` groups the drawings by source, so
    that both are of one style."""
    colour = str(random.choice(list(world()["colours"])))
    sources = list(drawings)
    shares = np.array([len(drawings[source]) for source in sources], float)
    source = sources[random.choice(len(sources), p=shares / shares.sum())]
    if random.random() < two and len(drawings[source]) > 1:
        chosen = random.choice(len(drawings[source]), 2, replace=False)
        spots = [(0.27, 0.43, 0.5), (0.73, 0.43, 0.5)]
    else:
        chosen = [random.integers(len(drawings[source]))]
        spots = [(0.5, 0.62, 0.82)]
    placements = [
        Placement(
            drawings[source][index],
            x + random.uniform(-0.03, 0.03),
            0.5 + random.uniform(-0.05, 0.05),
            random.uniform(low, high),
        )
        for index, (x, low, high) in zip(chosen, spots, strict=True)
    ]
    return Scene(placements, colour, *backdrop(colour, random))


def by_source(drawings: list[Drawing]) -> dict[str, list[Drawing]]:
    groups: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        groups.setdefault(drawing.source, []).append(drawing)
    return groups


def scenes(drawings: list[Drawing], count: int, seed: int = 0, two: float = TWO_OBJECTS) -> Iterator[Scene]:
    """`count` random scenes of `drawings`, a share of `two` with two objects; the same seed gives the same
    scenes."""
    random = np.random.default_rng(seed)
    groups = by_source(drawings)
    for _ in range(count):
        yield draw_scene(groups, random, two)


def with_article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def caption(nouns: list[str], source: str, colour: str, random: np.random.Generator) -> str:
    """One of the many ways to describe a scene; sometimes without style, sometimes without colour."""
    templates = world()["templates"]
    style = world()["styles"].get(source, source)
    if random.random() < UNSAID:
        return ""
    if len(nouns) == 2:
        left, right = map(with_article, nouns)
        said = str(random.choice(templates["two"])).format(a_left=left, a_right=right)
        if random.random() < 0.3:
            said = f"{said}, {style}"
    elif random.random() < 0.45:
        said = str(random.choice(templates["style"])).format(noun=nouns[0], style=style)
    else:
        said = str(random.choice(templates["one"])).format(noun=nouns[0])
    said = f" {said}".replace(f" a {nouns[0]}", f" {with_article(nouns[0])}").lstrip()
    if random.random() < 0.65:
        said = str(random.choice(templates["colour"])).format(caption=said, colour=colour)
    return said
