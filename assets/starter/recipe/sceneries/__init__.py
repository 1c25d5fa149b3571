"""Sceneries: places and times of day behind an object, drawn in each of the five styles."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image

from . import land, leisure, rooms, town, water, wonders
from .canvas import Canvas
from .pigments import faded
from .props import PROPS, Props, icon_picture, props_from_packages, read_props, restyle
from .sky import weather

__all__ = [
    "PROPS",
    "SCENERIES",
    "TIMES",
    "Props",
    "Scenery",
    "draw_scenery",
    "icon_picture",
    "in_light",
    "props_from_packages",
    "read_props",
    "restyle",
]
# Time of day or weather -> phrases. By day a caption mostly says nothing.
TIMES: dict[str, tuple[str, ...]] = {
    "day": ("", "", "", "during the day", "on a sunny day"),
    "night": ("at night", "under the stars", "in the moonlight", "at midnight"),
    "sunset": ("at sunset", "in the evening", "at dusk"),
    "rain": ("in the rain", "on a rainy day", "in bad weather"),
    "snow": ("in winter", "in the snow", "on a snowy day"),
}


@dataclass(frozen=True)
class Scenery:
    """A place.

    `phrases`: how a caption says it. `ground` (fraction from the top): where an object's feet stand.
    `outdoor`: whether it has a sky, and so weather. `times`: the names of TIMES that it is drawn at.
    """

    name: str
    phrases: tuple[str, ...]
    ground: float
    outdoor: bool
    times: tuple[str, ...]


# Name | ground | times | phrases
PLACES = """
beach | 0.88 | day night sunset rain snow | on the beach, at the beach, on a sandy beach
forest | 0.88 | day night sunset rain snow | in the forest, in a forest, in the woods
autumn | 0.88 | day night sunset rain | in an autumn forest, among autumn leaves, in autumn
jungle | 0.88 | day night sunset rain | in the jungle, in a jungle, in the rainforest
desert | 0.88 | day night sunset | in the desert, in a desert, on a sand dune
snow | 0.88 | day night sunset | on a snowy hill, on a snowy field, in a snowy landscape
mountains | 0.88 | day night sunset rain snow | in the mountains, in front of mountains, on a mountain meadow
lake | 0.9 | day night sunset rain snow | by the lake, at a lake, by the water
sea | 0.86 | day night sunset rain | on the sea, in the ocean, on the waves
underwater | 0.88 | day | underwater, under water, at the bottom of the sea
meadow | 0.9 | day night sunset rain snow | in a meadow, in a field of flowers, among flowers
farm | 0.9 | day night sunset rain snow | on a farm, on the farm, in front of a barn
garden | 0.9 | day night sunset rain snow | in the garden, in a garden, in the backyard
park | 0.9 | day night sunset rain snow | in the park, in a park
playground | 0.92 | day night sunset rain snow | on a playground, at the playground, on the playground
fair | 0.9 | day night sunset | at the fair, at a fair, at a carnival
city | 0.9 | day night sunset rain snow | in the city, in a city, in front of a skyline
street | 0.9 | day night sunset rain snow | on the street, on a street, on the road
harbour | 0.9 | day night sunset rain snow | on a pier, at the harbour, at the harbor
castle | 0.9 | day night sunset rain snow | in front of a castle, at the castle, at a castle
sky | 0.8 | day night sunset | in the sky, in the clouds, above the clouds
moon | 0.88 | day | on the moon, in space, in outer space
volcano | 0.9 | day night | at a volcano, near a volcano, in front of a volcano
cave | 0.88 | day | in a cave, inside a cave
kitchen | 0.88 | day night | on the kitchen table, on a table, in the kitchen
bedroom | 0.92 | day night | in the bedroom, in a bedroom
living room | 0.91 | day night | in the living room, in a living room, on the carpet
library | 0.9 | day | in the library, in a library, in front of a bookshelf
stage | 0.89 | day | on stage, on a stage, on the stage
"""
INDOORS = {"underwater", "moon", "cave", "kitchen", "bedroom", "living room", "library", "stage"}
DRAWERS: dict[str, Callable[[Canvas], None]] = {
    "beach": water.beach,
    "forest": land.forest,
    "autumn": land.autumn,
    "jungle": land.jungle,
    "desert": land.desert,
    "snow": land.snow,
    "mountains": land.mountains,
    "lake": water.lake,
    "sea": water.sea,
    "underwater": water.underwater,
    "meadow": land.meadow,
    "farm": leisure.farm,
    "garden": leisure.garden,
    "park": leisure.park,
    "playground": leisure.playground,
    "fair": leisure.fair,
    "city": town.city,
    "street": town.street,
    "harbour": water.harbour,
    "castle": town.castle,
    "sky": wonders.heavens,
    "moon": wonders.moon,
    "volcano": wonders.volcano,
    "cave": wonders.cave,
    "kitchen": rooms.kitchen,
    "bedroom": rooms.bedroom,
    "living room": rooms.living_room,
    "library": rooms.bookshelves,
    "stage": rooms.stage,
}


def read_places(text: str) -> dict[str, Scenery]:
    """Read the table of places."""
    rows = [[cell.strip() for cell in line.split("|")] for line in text.strip().splitlines()]
    return {
        name: Scenery(
            name, tuple(phrases.split(", ")), float(ground), name not in INDOORS, tuple(times.split())
        )
        for name, ground, times, phrases in rows
    }


SCENERIES: dict[str, Scenery] = read_places(PLACES)


def draw_scenery(
    name: str, time: str, style: str, pixels: int, random: np.random.Generator, props: Props
) -> Image.Image:
    """Draw a scenery, `pixels` square, RGB; the same `random` draws the same picture.

    `name`: of SCENERIES. `time`: of its times, or "" for the day. `style`: a source of drawings, for
    example "noto"; any other one is drawn plainly. `props`: that style's props, as `read_props` returns
    them per style; a prop that is not there is left out or drawn more simply.
    """
    canvas = Canvas(style, time or "day", pixels, random, props)
    DRAWERS[name](canvas)
    if SCENERIES[name].outdoor:
        weather(canvas)
    return canvas.finish()


def in_light(picture: Image.Image, time: str, share: float = 0.5) -> Image.Image:
    """Return an RGBA cut-out in a `share` (0..1) of the light of a time of day, so that it fits in."""
    alpha = picture.getchannel("A")
    colours = picture.convert("RGB")
    lit = colours.convert("RGB", faded(time or "day", 0.0, 0.0))
    mixed = Image.blend(colours, lit, share)
    mixed.putalpha(alpha)
    return mixed
