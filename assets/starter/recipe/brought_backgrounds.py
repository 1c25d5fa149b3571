"""The backgrounds that the starter brings: places drawn as in its training, with nothing in front.

The starter itself has never seen an empty place, and puts something into each that it paints.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from studio.files import png_bytes, write_atomic
from trainers.kit.backgrounds import PLACES, file_of

from .drawings import world
from .sceneries import SCENERIES, TIMES, draw_scenery, props_from_packages


def scenery_of(place: str) -> tuple[str, str]:
    """Return the scenery and the time of day that a phrase such as "in the park at night" says."""
    for name, scenery in SCENERIES.items():
        for phrase in scenery.phrases:
            if place.startswith(phrase):
                rest = place.removeprefix(phrase).strip()
                return name, next(time for time, phrases in TIMES.items() if rest in phrases)
    raise ValueError(f"no scenery is called {place!r}")


def write_backgrounds(modules: Path, folder: Path, side: int) -> None:
    """Draw the places, `side` pixels square, each in another of the five styles, into `folder`."""
    styles, props = list(world()["styles"]), props_from_packages(modules)
    folder.mkdir(parents=True, exist_ok=True)
    for number, place in enumerate(PLACES):
        style = styles[number % len(styles)]
        random = np.random.default_rng(number)
        picture = draw_scenery(*scenery_of(place), style, side, random, props[style])
        write_atomic(folder / file_of(place), png_bytes(picture))
