"""How good the mask of one click is: python -m assets.starter.recipe.clicks DRAWINGS.

Scenes of drawings have exact masks. A random point of one object is the click; what it proposes is compared
with what can be seen of that object: on the plain stages that the starter knows, on dead leaves, and in a
window that often cuts the object off, which is the hardest.
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

from .drawings import Drawing, from_folder
from .leaves import dead_leaves
from .scenes import scenes

PIXELS = 384
WINDOW = 240


@dataclass(frozen=True)
class Click:
    """A picture, the exact mask of one of its objects, and a point of that in fractions of the picture."""

    picture: Image.Image
    mask: Image.Image
    point: tuple[float, float]
    objects: int

    def cut(self, random: np.random.Generator) -> Click:
        """The same in a window of the picture."""
        x, y = (PIXELS * share for share in self.point)
        free = PIXELS - WINDOW
        left, top = (int(np.clip(at - random.uniform(0.2, 0.8) * WINDOW, 0, free)) for at in (x, y))
        box = left, top, left + WINDOW, top + WINDOW
        point = (x - left) / WINDOW, (y - top) / WINDOW
        return Click(self.picture.crop(box), self.mask.crop(box), point, self.objects)


def clicks(drawings: Sequence[Drawing], count: int, seed: int, leafy: bool) -> Iterator[Click]:
    """`count` clicks, each in a scene of its own, on plain stages or on dead leaves."""
    random = np.random.default_rng(seed)
    for scene in scenes(list(drawings), count, seed):
        picture = scene.compose(PIXELS, dead_leaves(PIXELS, random) if leafy else None)
        number = int(random.integers(len(scene.masks)))
        hidden = np.any([np.zeros((PIXELS, PIXELS), bool), *scene.masks[number + 1 :]], axis=0)
        seen = scene.masks[number] & ~hidden
        y, x = random.choice(np.argwhere(seen))
        mask = Image.fromarray(seen.astype(np.uint8) * 255)
        yield Click(picture, mask, ((x + 0.5) / PIXELS, (y + 0.5) / PIXELS), len(scene.masks))


def score(click: Click) -> float:
    """The overlap (IoU) of the proposal with the exact mask, 0 when there is no proposal."""
    try:
        return overlap(propose_mask(click.picture, [click.point]), click.mask)
    except StudioError:
        return 0.0


def report(title: str, asked: Iterable[Click]) -> str:
    """The overlaps (IoU) of all and of each number of objects, in a line."""
    scored = [(click.objects, score(click)) for click in asked]
    parts = []
    for words, kinds in (("all", (1, 2)), ("one object", (1,)), ("two objects", (2,))):
        values = [value for objects, value in scored if objects in kinds]
        if values:
            low, middle = np.quantile(values, [0.1, 0.5])
            parts.append(f"{words} ({len(values)}): median {middle:.3f}, lowest tenth {low:.3f}")
    return f"{title}: {'; '.join(parts)}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m assets.starter.recipe.clicks", description=__doc__)
    parser.add_argument("drawings", type=Path, help="cut-outs, STYLE/NOUN.png")
    parser.add_argument("--count", type=int, default=50, help="scenes of each kind")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    drawings = from_folder(asked.drawings)
    random = np.random.default_rng(asked.seed)
    for title, leafy in (("plain", False), ("dead leaves", True)):
        whole = list(clicks(drawings, asked.count, asked.seed, leafy))
        print(report(title, whole), flush=True)
        print(report(f"{title}, cut", (click.cut(random) for click in whole)), flush=True)


if __name__ == "__main__":
    main()
