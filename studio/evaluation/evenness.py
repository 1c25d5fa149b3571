"""How evenly pictures are spread over categories (ITI-GEN, Zhang et al., arXiv 2309.05569, section 4.1).

Every picture counts as the category that a zero-shot classifier sees in it, as in the paper; or, where words
do not say what tells the categories apart, as the one whose photos it is most like. With p_k the share of
category k of K, and 0 log 0 = 0,

    D_KL(p || uniform) = sum over k of p_k log(K p_k)

in natural logarithms: 0 for evenly spread pictures, log K for those of one category.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from PIL import Image
from torch import Tensor

from studio.models.clip import Clip
from studio.models.image_encoder import ImageEncoder
from studio.words import tr


@dataclass(frozen=True)
class Evenness:
    """How n pictures are spread.

    Args:
        counts: by category, how many pictures are seen as it.
    """

    counts: dict[str, int]

    @property
    def divergence(self) -> float:
        """Return D_KL of the shares from even ones, 0 to log K. Raises ValueError without pictures."""
        total = sum(self.counts.values())
        if not total:
            raise ValueError("there are no pictures")
        shares = [count / total for count in self.counts.values()]
        return sum(share * math.log(len(shares) * share) for share in shares if share)

    def table(self) -> str:
        """Return the counts and the divergence as Markdown."""
        rows = [f"| {category} | {count} |" for category, count in self.counts.items()]
        worst = math.log(len(self.counts))
        text = "D_KL from even: {divergence:.4f} (0 is even, {worst:.2f} one category alone)"
        last = tr(text, divergence=self.divergence, worst=worst)
        return "\n".join([f"| {tr('seen as')} | {tr('pictures')} |", "|---|---|", *rows, "", last])


def evenness(pictures: Sequence[Image.Image], categories: Sequence[str], judge: Clip) -> Evenness:
    """Return how pictures are spread over categories, named as the judge is to look for them: "red robot"."""
    seen = judge.guess(pictures, categories)
    return Evenness({category: seen.count(category) for category in categories})


class PhotoJudge:
    """Sees in a picture the category whose photos it is most like.

    A picture's likeness to a category is the mean of its cosines to the category's photos.

    Args:
        photos: by category, one or more photos.
    """

    def __init__(self, photos: Mapping[str, Sequence[Image.Image]], encoder: ImageEncoder) -> None:
        self.encoder = encoder
        self._features = {category: encoder.encode(each) for category, each in photos.items()}

    def evenness(self, pictures: Sequence[Image.Image]) -> Evenness:
        """Return how pictures are spread over the categories."""
        categories = list(self._features)
        likeness = self._likeness(self.encoder.encode(pictures))
        seen = likeness.argmax(1).bincount(minlength=len(categories)).tolist()
        return Evenness(dict(zip(categories, seen, strict=True)))

    def recognised(self) -> tuple[int, int]:
        """Return how many photos are seen as their own category by the other photos, and how many there are.

        The only photo of a category is left out. It says how far this judge can be trusted.
        """
        right = total = 0
        for number, own in enumerate(self._features.values()):
            if len(own) < 2:
                continue
            likeness = self._likeness(own)
            # without the photo itself, whose cosine to itself is 1
            likeness[:, number] = (len(own) * likeness[:, number] - 1) / (len(own) - 1)
            right += int((likeness.argmax(1) == number).sum())
            total += len(own)
        return right, total

    def _likeness(self, features: Tensor) -> Tensor:
        """Return the likeness (n, K) of pictures with features (n, d) to each category."""
        return torch.stack([(features @ own.T).mean(1) for own in self._features.values()], 1)
