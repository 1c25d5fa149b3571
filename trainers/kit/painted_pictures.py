"""Pictures that the untouched base paints of a prompt, once, and that are kept for other trainings."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from studio.errors import DiskError
from studio.events import Note
from studio.files import png_bytes, write_atomic
from studio.generation.conditions import Conditions
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.models.devices import forget_unused
from studio.models.words import Words
from studio.recipes.recipe import Recipe
from studio.words import tr

MOST_TOGETHER = 8
PIXELS_TOGETHER = 8 * 512 * 512  # of the pictures that are painted at once


class PaintedPictures:
    """Square pictures of one prompt, from seeds 0 to `count` - 1 and a DDIM sampler.

    Args:
        side: in pixels.
        folder: where in a cache folder they are kept.
        brought: the picture, if there is only one and the base brings it; of another size it is not used.

    Attributes:
        refusal: what the disk said when it did not take one of them, None if it took all.
    """

    def __init__(
        self,
        backbone: Backbone,
        prompt: str,
        count: int,
        steps: int,
        guidance: float,
        side: int,
        folder: str,
        brought: Path | None = None,
    ) -> None:
        self.backbone, self.count, self.side, self.folder = backbone, count, side, folder
        self.brought = brought if brought and count == 1 and _is_picture(brought, side) else None
        self.recipe = Recipe(prompt, steps=steps, guidance=guidance, width=side, height=side)
        self.refusal: DiskError | None = None
        self._painted: dict[int, Image.Image] = {}

    def _paths(self, cache: Path) -> list[Path]:
        """Return the file of each picture: in `cache`, or what the base brings."""
        if self.brought:
            return [self.brought]
        recipe = self.recipe
        key = f"{self.backbone.fingerprint} {recipe.prompt} {recipe.steps} {recipe.guidance} {self.side}"
        folder = cache / self.folder / hashlib.sha256(key.encode()).hexdigest()[:16]
        return [folder / f"{seed:04d}.png" for seed in range(self.count)]

    def work_ahead(self, cache: Path) -> int:
        """Return how many sampling steps the missing pictures take, one picture at a time."""
        return self.recipe.steps * sum(not path.exists() for path in self._paths(cache))

    def missing(self, cache: Path) -> set[int]:
        """Return the seeds of the pictures that are not in `cache`, or damaged."""
        return {seed for seed, path in enumerate(self._paths(cache)) if not _is_picture(path, self.side)}

    def paint(self, cache: Path, missing: set[int]) -> Iterator[int]:
        """Paint the missing pictures; yields how many are painted by now. Runs with nothing attached.

        They are saved in `cache` per base, prompt and sampling. Those that are painted together are always
        the same, so that a training that was killed meanwhile gets the same pictures, bit for bit.
        """
        paths = self._paths(cache)
        with suppress(OSError):  # a disk that takes nothing says so when they are saved
            paths[0].parent.mkdir(parents=True, exist_ok=True)
        with torch.no_grad():
            words = self.backbone.text.read(["", self.recipe.prompt])
        together = max(1, min(MOST_TOGETHER, PIXELS_TOGETHER // self.side**2))
        for start in range(0, self.count, together):
            seeds = range(start, min(start + together, self.count))
            if missing.isdisjoint(seeds):
                continue
            for seed, picture in zip(seeds, self._sampled(words, seeds), strict=True):
                if seed in missing:
                    self._painted[seed] = picture
                    try:
                        write_atomic(paths[seed], png_bytes(picture))
                    except DiskError as error:
                        self.refusal = error
            yield len(self._painted)

    def _sampled(self, words: Words, seeds: Sequence[int]) -> list[Image.Image]:
        """Return the pictures of these seeds, painted together, or singly where memory is short."""
        try:
            *_, latents = sample(self.backbone, self.recipe, Conditions.of(words), seeds)
            return self.backbone.decode(latents)
        except torch.OutOfMemoryError:
            if len(seeds) == 1:
                raise
        forget_unused(self.backbone.device)
        return [picture for seed in seeds for picture in self._sampled(words, [seed])]

    def pixels(self, cache: Path) -> np.ndarray:
        """Return all pictures, of which none may be missing, as (count, side, side, 3) uint8."""
        pictures = (self._painted.get(seed) or path for seed, path in enumerate(self._paths(cache)))
        return np.stack([_pixels(picture) for picture in pictures])


def refusals(pictures: Iterable[PaintedPictures]) -> Iterator[Note]:
    """Yield a Note where the disk did not take some of the pictures, which are used all the same."""
    for refusal in [one.refusal for one in pictures if one.refusal is not None][:1]:
        yield Note(tr("They cannot be kept for other trainings: {reason}", reason=refusal.message))


def _pixels(picture: Image.Image | Path) -> np.ndarray:
    """Return the pixels (H, W, 3) uint8 of a picture or its file."""
    opened = picture if isinstance(picture, Image.Image) else Image.open(picture)
    return np.asarray(opened.convert("RGB"))


def _is_picture(path: Path, side: int) -> bool:
    """Return whether `path` is a whole square picture of this side."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return picture.size == (side, side)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return False
