"""Contracts of image encoders, and how pictures are prepared for them.

Features are rows of unit length, so that a product of two is their cosine. The name of an encoder is saved
with every number that it gave: numbers of two encoders are not comparable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor


class ImageEncoder(Protocol):
    """Turns pictures into features."""

    @property
    def name(self) -> str:
        """Return what it is, with a hash of its weights."""

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return the features (n, d) of pictures, rows of unit length, float32 on the CPU."""


class ImageTextEncoder(ImageEncoder, Protocol):
    """Turns pictures and prompts into features of one space."""

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        """Return the features (n, d) of prompts, rows of unit length, float32 on the CPU."""


class JudgedPictures(Protocol):
    """What a judge sees in n pictures: their subject and how clean they are, apart from each other."""

    clean: Tensor
    """(n,): how clean each picture is, a logit; smears and half-finished parts lower it."""

    def subject_of(self, photos: Any) -> Tensor:
        """Return (n, m): how much of the subject of each of m photos each picture shows, -1..1.

        `photos`: what the same judge sees in them.
        """


class SubjectJudge(Protocol):
    """Looks at pictures."""

    @property
    def name(self) -> str:
        """Return what it is, with a hash of its weights."""

    def see(self, pictures: Sequence[Image.Image]) -> JudgedPictures:
        """Look at n pictures of any size."""


@dataclass(frozen=True)
class Preprocess:
    """Resizes, crops and normalises pictures as a model was trained.

    The shorter side is brought to `resize` pixels and the middle `side` x `side` cut out; with `squash` the
    whole picture is brought to `side` x `side`. Then (x / 255 - mean) / std per channel.
    """

    side: int
    resize: int
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    filter: Image.Resampling = Image.Resampling.BICUBIC
    squash: bool = False

    def __call__(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return pictures as (n, 3, side, side) float32."""
        squares = np.stack([np.asarray(self.square(picture)) for picture in pictures])
        pixels = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255
        mean, std = (torch.tensor(values).view(3, 1, 1) for values in (self.mean, self.std))
        return (pixels - mean) / std

    def square(self, picture: Image.Image) -> Image.Image:
        """Return the part of a picture that is encoded: RGB, `side` x `side`, rounded as by torchvision."""
        picture = picture.convert("RGB")
        if self.squash:
            return picture.resize((self.side, self.side), self.filter)
        short = min(picture.size)
        width, height = (
            self.resize if length == short else int(self.resize * length / short) for length in picture.size
        )
        left, top = round((width - self.side) / 2), round((height - self.side) / 2)
        whole = picture.resize((width, height), self.filter)
        return whole.crop((left, top, left + self.side, top + self.side))
