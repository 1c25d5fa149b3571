"""Draw the pairs of pictures of the judge's exam, from unseen drawings only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from .drawings import Drawing, cut_out, drawing_from_package, rasterise, svg_text, world
from .scenes import Placement, Scene, gradient_colours

SIDE = 128  # pixels of a picture
Fault = Callable[[np.ndarray, np.ndarray, np.random.Generator], np.ndarray]


class Spot(NamedTuple):
    """Where a drawing is in a picture: its centre and longer side in fractions, and its turn in degrees."""

    x: float
    y: float
    size: float
    turn: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Pair:
    """One question of the exam: three pictures (SIDE square) and what they were made of."""

    reference: Image.Image
    better: Image.Image
    worse: Image.Image
    made_of: str


class ExamMaker:
    """Draws the pictures of one group after the other.

    `modules`: folder of unpacked npm packages.
    """

    def __init__(self, modules: Path, seed: int = 7) -> None:
        self.modules = modules
        self.random = np.random.default_rng(seed)

    @cache  # noqa: B019 (one maker lives as long as the program)
    def drawing(self, name: str) -> Drawing:
        """Return the drawing SOURCE/NOUN; "openmoji/ICON" may be any icon of that set."""
        source, noun = name.split("/")
        assert source == "openmoji" or name in world()["left_out"], f"{name} is a training drawing"
        if noun in world()["nouns"] and (found := drawing_from_package(self.modules, noun, source)):
            return found
        return Drawing(noun, source, cut_out(rasterise(svg_text(self.modules, source, noun), 160)))

    def scene(
        self, drawing: Drawing, colour: str, spot: Spot, beside: Drawing | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Compose a drawing on a colour. Returns the picture (SIDE, SIDE, 3), bytes, and the subject's mask.

        `beside`: another drawing, on the other side of the picture.
        """
        picture = ImageOps.mirror(drawing.picture) if spot.mirrored else drawing.picture
        picture = picture.rotate(spot.turn, Image.Resampling.BICUBIC, expand=True)
        placements = [Placement(replace(drawing, picture=picture), spot.x, spot.y, spot.size)]
        if beside:
            placements.append(Placement(beside, 1 - spot.x, 0.5, 0.42))
        scene = Scene(placements, colour, *gradient_colours(colour, self.random))
        return np.asarray(scene.compose(SIDE)).copy(), scene.masks[0]

    def middle(self) -> Spot:
        """Return a spot in the middle, nearly upright."""
        x, y = 0.5 + self.random.uniform(-0.05, 0.05, 2)
        return Spot(x, y, self.random.uniform(0.66, 0.82), self.random.uniform(-6, 6))

    def aside(self) -> Spot:
        """Return a spot near an edge: small, turned, perhaps mirrored."""
        x, y = self.random.choice([0.28, 0.72]), self.random.uniform(0.35, 0.65)
        turn = self.random.uniform(12, 25) * self.random.choice([-1, 1])
        return Spot(x, y, self.random.uniform(0.46, 0.54), turn, bool(self.random.random() < 0.5))

    def backgrounds(self, *drawings: Drawing) -> list[str]:
        """Return three different background colours on which the drawings stand out."""
        colours = list(world()["colours"])
        for drawing in drawings:
            pixels = np.asarray(drawing.picture).reshape(-1, 4)
            own = pixels[pixels[:, 3] > 127][:, :3].mean(axis=0)
            near = [name for name in colours if np.abs(own - world()["colours"][name]).mean() < 40]
            colours = [name for name in colours if name not in near or len(colours) - len(near) < 3]
        return [str(name) for name in self.random.choice(colours, 3, replace=False)]

    def cleanliness(self, name: str, fault: Fault, other: str = "", milder: Fault | None = None) -> Pair:
        """Ask which is cleaner: the drawing, or the drawing with a fault.

        `other`: an unseen drawing to show clean in place of it. `milder`: a fault of the cleaner picture.
        """
        drawing, clean = self.drawing(name), self.drawing(other or name)
        first, second, _ = self.backgrounds(drawing, clean)
        reference, _ = self.scene(drawing, first, self.middle())
        spot = self.middle()
        worse = fault(*self.scene(drawing, second, spot), self.random)
        better, mask = self.scene(clean, second, spot)
        if milder:
            better = milder(better, mask, self.random)
        return self._pair(reference, better, worse, f"{name}, {other or name} cleaner")

    def subject(
        self, name: str, wrong: Drawing, fault: Fault | None = None, moved: bool = False, beside: str = ""
    ) -> Pair:
        """Ask which shows the subject: the drawing, or a wrong one exactly where the reference has it.

        `fault`: of the better picture. `moved`: whether its subject is small and aside. `beside`: another
        drawing in the better picture.
        """
        drawing = self.drawing(name)
        first, second, _ = self.backgrounds(drawing, wrong)
        spot = self.middle()
        reference, _ = self.scene(drawing, first, spot)
        other = self.drawing(beside) if beside else None
        better, mask = self.scene(drawing, second, self.aside() if moved or beside else self.middle(), other)
        if fault:
            better = fault(better, mask, self.random)
        worse, _ = self.scene(wrong, first, spot)
        return self._pair(reference, better, worse, f"{name} against {wrong.name}")

    @staticmethod
    def _pair(reference: np.ndarray, better: np.ndarray, worse: np.ndarray, made_of: str) -> Pair:
        return Pair(*(Image.fromarray(pixels) for pixels in (reference, better, worse)), made_of)
