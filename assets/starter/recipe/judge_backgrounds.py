"""Backgrounds of the judge's training pictures: colours, sceneries, and clouds of colours.

`python -m assets.starter.recipe.judge_backgrounds MODULES OUT` draws sceneries as `OUT/PLACE__TIME/*.webp`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .drawings import world
from .judge_fields import cloud, coordinates, uniform
from .sceneries import SCENERIES, TIMES, draw_scenery, props_from_packages

Option = TypeVar("Option")
ANYTHING = -1  # number of the place "clouds of colours", and of the time "not said"
DRAWN_SIDE = 128  # pixels of a scenery in a folder


def pick(options: Sequence[Option], random: np.random.Generator) -> Option:
    """Return one of the options. Much faster than `random.choice`."""
    return options[int(random.integers(len(options)))]


class Backgrounds:
    """Backgrounds by place and time of day.

    `places`: names; first the colours of the world, then the sceneries of `folder`, if there is one.
    `times`: names. A background is asked for by their numbers. `phrases`: how captions say places and times.
    """

    def __init__(self, side: int, device: str, folder: Path | None = None) -> None:
        self.side = side
        self.device = device
        self.places = list(world()["colours"])
        self.colours = len(self.places)
        self.times: list[str] = []
        self.rgb = torch.tensor(list(world()["colours"].values()), device=device).float() / 255
        self.rows: dict[tuple[int, int], list[int]] = {}  # (place, time or ANYTHING) -> rows of `bank`
        self.time_of_row: list[int] = []
        pictures = []
        for file in sorted(folder.glob("*__*/*.webp")) if folder else []:
            place, time = file.parent.name.split("__")
            for name, names in ((place, self.places), (time, self.times)):
                if name not in names:
                    names.append(name)
            keys = self.places.index(place), self.times.index(time)
            self.time_of_row.append(keys[1])
            for key in (keys, (keys[0], ANYTHING)):
                self.rows.setdefault(key, []).append(len(pictures))
            picture = Image.open(file).convert("RGB").resize((side, side), Image.Resampling.LANCZOS)
            pictures.append(np.asarray(picture).transpose(2, 0, 1))
        self.phrases: dict[str, dict[str, list[str]]] = {}
        if folder and pictures:
            self.phrases = json.loads((folder / "phrases.json").read_text())
        self.bank = torch.from_numpy(np.stack(pictures)).to(device) if pictures else None

    def draw_places(self, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw places and times: colours, sceneries and clouds of colours, a third each."""
        sceneries = len(self.places) - self.colours
        colours = random.integers(self.colours, size=count)
        places = np.where(random.random(count) < 0.5, colours, ANYTHING)
        if sceneries:
            found = self.colours + random.integers(sceneries, size=count)
            places = np.where(random.random(count) < 0.4, found, places)
        return places, np.full(count, ANYTHING)

    def draw(
        self, places: np.ndarray, times: np.ndarray, random: np.random.Generator
    ) -> tuple[Tensor, np.ndarray]:
        """Draw backgrounds (n, 3, side, side), 0..1. Returns them and the number of each one's time.

        A time of ANYTHING stands for any of the place's times.
        """
        count, colours = len(places), len(self.rgb)
        pixels = self._clouds(count)
        numbers = torch.from_numpy(places).to(self.device)
        plain = self._gradients(self.rgb[numbers.clamp(0, colours - 1)])
        is_colour = ((numbers >= 0) & (numbers < colours)).view(-1, 1, 1, 1)
        pixels = torch.where(is_colour, plain, pixels)
        drawn = np.flatnonzero(places >= self.colours)
        if len(drawn) and self.bank is not None:
            rows = [pick(self.rows[int(places[i]), int(times[i])], random) for i in drawn]
            scenes = self.bank[torch.tensor(rows, device=self.device)].float() / 255
            mirrored = torch.rand(len(rows), 1, 1, 1, device=self.device) < 0.5
            pixels[torch.from_numpy(drawn).to(self.device)] = torch.where(mirrored, scenes.flip(3), scenes)
            times = times.copy()
            times[drawn] = [self.time_of_row[row] for row in rows]
        return pixels, times

    def _gradients(self, colours: Tensor) -> Tensor:
        """Return gradients near colours (n, 3), mostly from top to bottom."""
        blank = colours[..., None, None].expand(-1, -1, self.side, self.side)
        x, y = coordinates(blank)
        slant = uniform(blank, -1, 1) * (uniform(blank, 0, 1) < 0.3)
        middle = blank + torch.randn_like(colours)[..., None, None] * 0.03
        return (middle + uniform(blank, -0.05, 0.05) * (y + slant * x)).clamp(0, 1)

    def _clouds(self, count: int) -> Tensor:
        """Return clouds of three colours with soft or sharp edges."""
        blank = torch.zeros(count, 3, self.side, self.side, device=self.device)
        result = torch.rand(count, 3, 1, 1, device=self.device).expand_as(blank)
        for cells in (3, 5):
            colour = torch.rand(count, 3, 1, 1, device=self.device)
            sharp = torch.exp(uniform(blank, -1, 4))
            result = result + (colour - result) * (cloud(blank, cells, 1) * sharp).sigmoid()
        return result.clamp(0, 1)


def draw_sceneries(modules: Path, folder: Path, repeats: int = 1, seed: int = 0) -> int:
    """Write sceneries at all their times in all styles, `repeats` of each. Returns their number."""
    random = np.random.default_rng(seed)
    props = props_from_packages(modules)
    count = 0
    for name, scenery in SCENERIES.items():
        for time in scenery.times:
            target = folder / f"{name}__{time}"
            target.mkdir(parents=True, exist_ok=True)
            for style in world()["styles"]:
                for number in range(repeats):
                    picture = draw_scenery(name, time, style, DRAWN_SIDE, random, props[style])
                    picture.save(target / f"{style}-{number}.webp", quality=92)
                    count += 1
    phrases = {
        "places": {name: scenery.phrases for name, scenery in SCENERIES.items()},
        "times": {name: list(filter(None, spoken)) for name, spoken in TIMES.items()},
    }
    (folder / "phrases.json").write_text(json.dumps(phrases))
    return count


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--repeats", type=int, default=1)
    arguments = parser.parse_args()
    print(draw_sceneries(arguments.modules, arguments.out, arguments.repeats), "sceneries")
