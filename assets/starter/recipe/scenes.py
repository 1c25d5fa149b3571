"""Training pictures: scenes of one or two drawings on a coloured background, with masks and captions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from .drawings import Drawing, world

PIXELS = 64
TWO_OBJECTS_SHARE = 0.25  # of scenes
EMPTY_CAPTIONS_SHARE = 0.1  # of captions, for classifier-free guidance


@dataclass
class Placement:
    """A drawing and its position in a scene, in fractions of the picture.

    `x`, `y`: the centre. `size`: the longer side.
    """

    drawing: Drawing
    x: float
    y: float
    size: float


@dataclass
class Scene:
    """A picture to compose.

    `placements`: the drawings from left to right. `colour`: name of the background colour.
    `top`, `bottom` (RGB, 0..255): the ends of the background's vertical gradient.
    `masks`: filled by `compose`, one (pixels, pixels) bool array per placement, True on the drawing.
    """

    placements: list[Placement]
    colour: str
    top: tuple[int, int, int]
    bottom: tuple[int, int, int]
    masks: list[np.ndarray] = field(default_factory=list)

    @property
    def nouns(self) -> list[str]:
        """Return the nouns from left to right."""
        return [placement.drawing.noun for placement in self.placements]

    def background(self, pixels: int = PIXELS) -> Image.Image:
        """Draw the background alone, `pixels` square."""
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
            cut_out = cut_out.resize(size, Image.BOX if scale > 1 else Image.LANCZOS)
            corner = round(placement.x * pixels - size[0] / 2), round(placement.y * pixels - size[1] / 2)
            picture.paste(cut_out, corner, cut_out)
            alpha = Image.new("L", picture.size)
            alpha.paste(cut_out.getchannel("A"), corner)
            self.masks.append(np.asarray(alpha) > 127)
        return picture


def gradient_colours(
    colour: str, random: np.random.Generator
) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    """Draw a random background gradient near the named colour. Returns its top and bottom RGB, 0..255."""
    middle = np.asarray(world()["colours"][colour], float) + random.normal(0, 7, 3)
    shade = random.uniform(-10, 10)
    top, bottom = (np.clip(middle + sign * shade, 0, 255).astype(int) for sign in (1, -1))
    return tuple(top.tolist()), tuple(bottom.tolist())


def random_scene(
    drawings: dict[str, list[Drawing]],
    random: np.random.Generator,
    two_objects_share: float = TWO_OBJECTS_SHARE,
) -> Scene:
    """Return a random scene of one drawing, or of two from the same source.

    `drawings`: source -> its drawings. `two_objects_share` (0..1): probability of two.
    """
    colour = str(random.choice(list(world()["colours"])))
    sources = list(drawings)
    shares = np.array([len(drawings[source]) for source in sources], float)
    source = sources[random.choice(len(sources), p=shares / shares.sum())]
    # Of every object: x of its centre, smallest and largest size.
    if random.random() < two_objects_share and len(drawings[source]) > 1:
        chosen = random.choice(len(drawings[source]), 2, replace=False)
        positions = [(0.27, 0.43, 0.5), (0.73, 0.43, 0.5)]
    else:
        chosen = [random.integers(len(drawings[source]))]
        positions = [(0.5, 0.62, 0.82)]
    placements = [
        Placement(
            drawings[source][index],
            x + random.uniform(-0.03, 0.03),
            0.5 + random.uniform(-0.05, 0.05),
            random.uniform(low, high),
        )
        for index, (x, low, high) in zip(chosen, positions, strict=True)
    ]
    return Scene(placements, colour, *gradient_colours(colour, random))


def by_source(drawings: list[Drawing]) -> dict[str, list[Drawing]]:
    """Group drawings by their source."""
    groups: dict[str, list[Drawing]] = {}
    for drawing in drawings:
        groups.setdefault(drawing.source, []).append(drawing)
    return groups


def random_scenes(
    drawings: list[Drawing], count: int, seed: int = 0, two_objects_share: float = TWO_OBJECTS_SHARE
) -> Iterator[Scene]:
    """Yield `count` random scenes; the same `seed` gives the same scenes.

    `two_objects_share` (0..1): probability that a scene has two objects.
    """
    random = np.random.default_rng(seed)
    groups = by_source(drawings)
    for _ in range(count):
        yield random_scene(groups, random, two_objects_share)


def with_article(noun: str) -> str:
    """Return the noun after "a" or "an"."""
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def caption(nouns: list[str], source: str, colour: str, random: np.random.Generator) -> str:
    """Return a random caption of a scene, from the templates of `world.json`.

    It names the objects, in part of the cases also the style and the background colour; a share of
    `EMPTY_CAPTIONS_SHARE` is empty. `nouns`: one, or two from left to right.
    """
    templates = world()["templates"]
    style = world()["styles"].get(source, source)
    if random.random() < EMPTY_CAPTIONS_SHARE:
        return ""
    if len(nouns) == 2:
        left, right = map(with_article, nouns)
        text = str(random.choice(templates["two"])).format(a_left=left, a_right=right)
        if random.random() < 0.3:
            text = f"{text}, {style}"
    elif random.random() < 0.45:
        text = str(random.choice(templates["style"])).format(noun=nouns[0], style=style)
    else:
        text = str(random.choice(templates["one"])).format(noun=nouns[0])
    text = f" {text}".replace(f" a {nouns[0]}", f" {with_article(nouns[0])}").lstrip()
    if random.random() < 0.65:
        text = str(random.choice(templates["colour"])).format(caption=text, colour=colour)
    return text
