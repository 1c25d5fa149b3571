"""Measure the masks that one click proposes: python -m assets.starter.recipe.clicks DRAWINGS.

Scenes of drawings have exact masks. The click is a random point of one object; the proposed mask is compared
with the visible part of that object. Four kinds of pictures: on plain backgrounds and on dead leaves, whole
and cropped to a window that often cuts the object off.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from studio.errors import StudioError
from studio.photos.click_mask import propose_mask
from studio.photos.mask_checks import overlap

from .dead_leaves import dead_leaves_picture
from .drawings import Drawing, read_drawings
from .layouts import random_scenes

PIXELS = 384
WINDOW = 240


@dataclass(frozen=True)
class Click:
    """A click on an object of a picture.

    `mask` ("L", 0 or 255): the exact mask of the object's visible part. `point`: (x, y) of the click, in
    fractions of the picture. `objects`: how many the picture has.
    """

    picture: Image.Image
    mask: Image.Image
    point: tuple[float, float]
    objects: int

    def cropped(self, random: np.random.Generator) -> Click:
        """Return the same click in a random window, `WINDOW` pixels square, around the point."""
        x, y = (PIXELS * fraction for fraction in self.point)
        free = PIXELS - WINDOW
        left, top = (
            int(np.clip(position - random.uniform(0.2, 0.8) * WINDOW, 0, free)) for position in (x, y)
        )
        box = left, top, left + WINDOW, top + WINDOW
        point = (x - left) / WINDOW, (y - top) / WINDOW
        return Click(self.picture.crop(box), self.mask.crop(box), point, self.objects)


def random_clicks(
    drawings: Sequence[Drawing], count: int, seed: int, on_dead_leaves: bool
) -> Iterator[Click]:
    """Yield `count` clicks, each in another random scene."""
    random = np.random.default_rng(seed)
    for scene in random_scenes(list(drawings), count, seed):
        picture = scene.compose(PIXELS, dead_leaves_picture(PIXELS, random) if on_dead_leaves else None)
        number = int(random.integers(len(scene.masks)))
        covered = np.any([np.zeros((PIXELS, PIXELS), bool), *scene.masks[number + 1 :]], axis=0)
        visible = scene.masks[number] & ~covered
        y, x = random.choice(np.argwhere(visible))
        mask = Image.fromarray(visible.astype(np.uint8) * 255)
        yield Click(picture, mask, ((x + 0.5) / PIXELS, (y + 0.5) / PIXELS), len(scene.masks))


def score(click: Click) -> float:
    """Return the IoU of the proposed with the exact mask, 0 when there is no proposal."""
    try:
        return overlap(propose_mask(click.picture, [click.point]), click.mask)
    except StudioError:
        return 0.0


def report(title: str, clicks: Iterable[Click]) -> str:
    """Return a line with the median and the lowest tenth of the IoU, for all clicks and by object count."""
    scored = [(click.objects, score(click)) for click in clicks]
    parts = []
    for name, counts in (("all", (1, 2)), ("one object", (1,)), ("two objects", (2,))):
        values = [value for objects, value in scored if objects in counts]
        if values:
            low, middle = np.quantile(values, [0.1, 0.5])
            parts.append(f"{name} ({len(values)}): median {middle:.3f}, lowest tenth {low:.3f}")
    return f"{title}: {'; '.join(parts)}"


def main() -> None:
    """Measure the masks and print the report."""
    parser = argparse.ArgumentParser(prog="python -m assets.starter.recipe.clicks", description=__doc__)
    parser.add_argument("drawings", type=Path, help="folder of cut-outs, STYLE/NOUN.png")
    parser.add_argument("--count", type=int, default=50, help="scenes of each kind")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    drawings = read_drawings(options.drawings)
    random = np.random.default_rng(options.seed)
    for title, on_dead_leaves in (("plain", False), ("dead leaves", True)):
        clicks = list(random_clicks(drawings, options.count, options.seed, on_dead_leaves))
        print(report(title, clicks), flush=True)
        print(report(f"{title}, cropped", (click.cropped(random) for click in clicks)), flush=True)


if __name__ == "__main__":
    main()
