"""The drawings that the judge is trained on, as one tensor, with their palettes and near duplicates.

`python -m assets.starter.recipe.judge_drawings FOLDER OUT` writes a folder's drawings as WebP, less than half
the size, to take them to another machine.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from .drawings import DRAWING_SIDE, Drawing, cut_out, training_drawings, world
from .sceneries import restyle

COLOURS = 5  # of a palette
DUPLICATE = 0.035  # mean difference of two thumbnails below which drawings count as the same


def write_small(folder: Path, out: Path) -> int:
    """Write the drawings of a folder as `out/STYLE/NOUN.webp`. Returns their number."""
    drawings = training_drawings(folder)
    for drawing in drawings:
        file = out / drawing.source / f"{drawing.noun}.webp"
        file.parent.mkdir(parents=True, exist_ok=True)
        drawing.picture.save(file, quality=95)
    return len(drawings)


def square(drawing: Drawing) -> np.ndarray:
    """Return the drawing in the middle of a square: (4, DRAWING_SIDE, DRAWING_SIDE), bytes."""
    canvas = Image.new("RGBA", (DRAWING_SIDE, DRAWING_SIDE))
    width, height = drawing.picture.size
    canvas.paste(drawing.picture, ((DRAWING_SIDE - width) // 2, (DRAWING_SIDE - height) // 2))
    return np.asarray(canvas).transpose(2, 0, 1)


def with_marks(drawing: Drawing) -> Drawing:
    """Return the drawing with the marks of its style, as the starter's scenes show it."""
    return Drawing(drawing.noun, drawing.source, cut_out(restyle(drawing.picture, drawing.source)))


class DrawingBank:
    """Drawings on a device.

    `rgba`, `restyled` (n, 4, side, side): bytes; the latter with the marks of their style.
    `palettes` (n, COLOURS, 3): 0..1, dark to bright. `nouns`, `sources` (n,): numbers.
    `named` (n,): whether the noun is made of words. The first `known` drawings are of the world's nouns.
    """

    def __init__(self, known: list[Drawing], every: list[Drawing], device: str) -> None:
        pixels = {(drawing.source, square(drawing).tobytes()) for drawing in known}
        others = [drawing for drawing in every if (drawing.source, square(drawing).tobytes()) not in pixels]
        assert not [drawing.name for drawing in [*known, *others] if drawing.source not in world()["styles"]]
        self.drawings = [*known, *others]
        self.known = len(known)
        self.device = device
        self.rgba = torch.from_numpy(np.stack([square(drawing) for drawing in self.drawings])).to(device)
        with ThreadPoolExecutor() as pool:
            restyled = np.stack(list(pool.map(lambda drawing: square(with_marks(drawing)), self.drawings)))
        self.restyled = torch.from_numpy(restyled).to(device)
        self.words = [self._words(drawing, number) for number, drawing in enumerate(self.drawings)]
        numbers: dict[str, int] = {}
        nouns = [numbers.setdefault(words, len(numbers)) for words in self.words]
        self.nouns = torch.tensor(nouns, device=device)
        styles = list(world()["styles"])
        self.sources = torch.tensor([styles.index(each.source) for each in self.drawings], device=device)
        self.named = torch.tensor([not words.startswith("#") for words in self.words], device=device)
        self.of_noun: dict[int, list[int]] = {}
        for index, noun in enumerate(nouns):
            self.of_noun.setdefault(noun, []).append(index)
        self.noun_numbers = nouns
        parts = [self._describe(part) for part in self.rgba.split(256)]
        self.palettes, self.thumbnails = (torch.cat(each) for each in zip(*parts, strict=True))

    def _words(self, drawing: Drawing, number: int) -> str:
        """Return the noun in words, or "#NUMBER" where its name is not made of words."""
        if (number >= self.known and drawing.source == "fxemoji") or not drawing.noun:
            return f"#{number}"
        return drawing.noun.replace("-", " ")

    @staticmethod
    def _describe(rgba: Tensor) -> tuple[Tensor, Tensor]:
        """Return the palettes (n, COLOURS, 3) by k-means, and thumbnails (n, 4 * 144)."""
        alpha = rgba[:, 3:].float() / 255
        premultiplied = torch.cat([rgba[:, :3].float() / 255 * alpha, alpha], dim=1)
        small = F.adaptive_avg_pool2d(premultiplied, 32).flatten(2).transpose(1, 2)
        weights, colours = small[..., 3], small[..., :3] / small[..., 3:].clamp(min=1e-3)
        order = (colours.mean(dim=2) + 9 * (weights < 0.5)).argsort(
            dim=1
        )  # visible ones first, dark to bright
        visible = (weights >= 0.5).sum(dim=1).clamp(min=1)
        shares = (torch.arange(COLOURS, device=rgba.device) + 0.5) / COLOURS
        starts = order.gather(1, (visible[:, None] * shares).long())
        centres = colours.gather(1, starts[..., None].expand(-1, -1, 3))
        for _ in range(8):
            nearest = torch.cdist(colours, centres).argmin(dim=2)
            member = F.one_hot(nearest, COLOURS).float() * weights[..., None]
            sums, sizes = member.transpose(1, 2) @ colours, member.sum(dim=1)[..., None]
            centres = torch.where(sizes > 0.5, sums / sizes.clamp(min=1e-3), centres)
        bright = centres.mean(dim=2).argsort(dim=1)
        thumbnails = F.adaptive_avg_pool2d(premultiplied, 12).flatten(1)
        return centres.gather(1, bright[..., None].expand(-1, -1, 3)), thumbnails

    def layers(self, indices: Tensor, marks: Tensor | None = None) -> Tensor:
        """Return drawings (n, 4, side, side), 0..1. `marks` (n,) bool: with the marks of their style."""
        plain = self.rgba[indices]
        if marks is not None:
            plain = torch.where(marks.view(-1, 1, 1, 1), self.restyled[indices], plain)
        return plain.float() / 255

    def draw(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Draw `count` drawings: about half of them all drawings of random nouns of the world."""
        chosen: list[int] = []
        known = {noun for noun in self.noun_numbers[: self.known]}
        for noun in random.permutation(sorted(known)):
            if len(chosen) >= count // 2:
                break
            chosen += self.of_noun[int(noun)]
        chosen = chosen[:count]
        rest = np.setdiff1d(np.arange(len(self.drawings)), chosen)
        return np.concatenate([chosen, random.choice(rest, count - len(chosen), len(rest) < count)]).astype(
            int
        )

    def partners(self, indices: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Return for each drawing another one, in half of the cases one of the same noun if there is one."""
        partners = random.integers(len(self.drawings), size=len(indices))
        for row, index in enumerate(indices):
            siblings = [each for each in self.of_noun[self.noun_numbers[index]] if each != index]
            if siblings and random.random() < 0.5:
                partners[row] = siblings[int(random.integers(len(siblings)))]
        return partners

    def alike(self, indices: Tensor) -> Tensor:
        """Return (n, n) bool: pairs of different drawings that look the same."""
        thumbnails = self.thumbnails[indices]
        distances = torch.cdist(thumbnails, thumbnails, p=1) / thumbnails.shape[1]
        return (distances < DUPLICATE) & (indices[:, None] != indices)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    print(write_small(arguments.folder, arguments.out), "drawings")
