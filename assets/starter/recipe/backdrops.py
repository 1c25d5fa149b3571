"""Sceneries drawn in advance: some variants of each place, time and style, cropped and mirrored at random."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from .sceneries import SCENERIES, Props, draw_scenery

VARIANTS = 14  # of every place, time and style
MARGIN = 1.08  # side of a stored picture, in sides of the crop


class Backdrops:
    """Draw sceneries from the parts `props` (source -> props), or read those written to `folder`."""

    def __init__(self, props: dict[str, Props], folder: Path | None = None) -> None:
        self.props, self.folder = props, folder
        self.stored: dict[str, np.ndarray] = {}

    def file(self, name: str, time: str, source: str) -> Path:
        """Return the file of a scenery's variants."""
        assert self.folder is not None
        return self.folder / f"{name.replace(' ', '-')}_{time}_{source}.npy"

    def write(self, pixels: int, first: int = 0, step: int = 1) -> None:
        """Write the variants of every `step`-th scenery, from number `first` on, for scenes of `pixels`."""
        keys = [
            (name, time, source)
            for name, scenery in SCENERIES.items()
            for time in scenery.times
            for source in self.props
        ]
        for number, key in list(enumerate(keys))[first::step]:
            file = self.file(*key)
            if file.exists():
                continue
            random = np.random.default_rng(number)
            side = round(pixels * MARGIN)
            variants = [draw_scenery(*key, side, random, self.props[key[2]]) for _ in range(VARIANTS)]
            file.parent.mkdir(parents=True, exist_ok=True)
            part = file.with_suffix(".part.npy")
            np.save(part, np.stack([np.asarray(variant) for variant in variants]))
            part.replace(file)

    def draw(
        self,
        name: str,
        time: str,
        source: str,
        pixels: int,
        random: np.random.Generator,
        among: Sequence[int] = range(VARIANTS),
    ) -> Image.Image:
        """Return a random crop of a scenery, `pixels` square, mirrored at random.

        `among`: the numbers of the stored variants to choose from.
        """
        key = f"{name}/{time}/{source}"
        if key not in self.stored and self.folder and self.file(name, time, source).exists():
            self.stored[key] = np.load(self.file(name, time, source), mmap_mode="r")
        if key in self.stored:
            variants = self.stored[key]
            picture = Image.fromarray(variants[among[int(random.integers(len(among)))]])
        else:
            side = round(pixels * MARGIN)
            picture = draw_scenery(name, time, source, side, random, self.props.get(source, {}))
        left = int(random.integers(picture.width - pixels + 1))
        top = (picture.height - pixels) // 2
        picture = picture.crop((left, top, left + pixels, top + pixels))
        return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if random.random() < 0.5 else picture
