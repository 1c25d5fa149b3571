"""A folder of one's own captioned pictures: `cat.png` beside `cat.txt`, which has a caption a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from studio.errors import StudioError
from studio.photos.photo import open_photo

from .autoencoder import encode
from .leaves import dead_leaves
from .scenes import PIXELS, UNSAID


@dataclass(frozen=True)
class Captioned:
    """One picture, (64, 64, 3) bytes, cut square from its middle, and all that can be said of it."""

    pixels: np.ndarray
    captions: tuple[str, ...]


def from_folder(folder: Path) -> list[Captioned]:
    """Every picture that has captions, subfolders included. Raises StudioError when there is none."""
    found = []
    for text in sorted(folder.rglob("*.txt")):
        captions = tuple(
            line.strip() for line in text.read_text(encoding="utf-8").splitlines() if line.strip()
        )
        pictures = [path for path in text.parent.glob(f"{text.stem}.*") if path != text]
        found += [Captioned(np.asarray(open_photo(path).square(PIXELS)), captions) for path in pictures[:1]]
    found = [each for each in found if each.captions]
    if not found:
        raise StudioError(f"There are no captioned pictures in {folder}.", "Put cat.txt beside cat.png.")
    return found


def words_of(found: list[Captioned]) -> set[str]:
    """Every word of the captions."""
    return {word for each in found for said in each.captions for word in re.findall(r"[a-z]+", said.lower())}


def pictures(found: list[Captioned], count: int, leaves: float = 0.0, seed: int = 0) -> Tensor:
    """(count, 3, 64, 64) bytes: the pictures in turn, and in a share of `leaves` dead leaves."""
    random = np.random.default_rng(seed)
    painted = [
        np.asarray(dead_leaves(PIXELS, random))
        if random.random() < leaves
        else found[number % len(found)].pixels
        for number in range(count)
    ]
    return torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).contiguous()


class CaptionedLatents:
    """Scaled latents of the pictures and their mirror images, with captions; what a painter learns from."""

    def __init__(self, found: list[Captioned], autoencoder: AutoencoderKL, device: str) -> None:
        upright = pictures(found, len(found))
        pool = torch.cat([upright, upright.flip(-1)])
        self.latents = (encode(autoencoder, pool, device) * autoencoder.config.scaling_factor).half()
        self.said = [each.captions for each in found] * 2

    def batch(
        self, count: int, random: torch.Generator, words: np.random.Generator, single: bool = False
    ) -> tuple[Tensor, list[str]]:
        """(count, 4, 16, 16) latents and one of the captions of each; `single` makes no difference here."""
        which = torch.randint(len(self.said), (count,), generator=random)
        captions = [
            "" if words.random() < UNSAID else str(words.choice(self.said[number]))
            for number in which.tolist()
        ]
        return self.latents[which].float(), captions

    def captions(self) -> list[str]:
        """All that may be said."""
        return sorted({"", *(caption for captions in self.said for caption in captions)})
