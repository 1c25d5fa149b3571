"""How evenly pictures are spread over categories (ITI-GEN, Zhang et al., arXiv 2309.05569, section 4.1).

Every picture counts as the category that a zero-shot classifier sees in it. With p_k the share of category k
of K, and 0 log 0 = 0,

    D_KL(p || uniform) = sum over k of p_k log(K p_k)

in natural logarithms: 0 for evenly spread pictures, log K for those of one category.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from studio.models.clip import Clip


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
        last = f"D_KL from even: {self.divergence:.4f} (0 is even, {worst:.2f} one category alone)"
        return "\n".join(["| seen as | pictures |", "|---|---|", *rows, "", last])


def evenness(pictures: Sequence[Image.Image], categories: Sequence[str], judge: Clip) -> Evenness:
    """Return how pictures are spread over categories, named as the judge is to look for them: "red robot"."""
    seen = judge.guess(pictures, categories)
    return Evenness({category: seen.count(category) for category in categories})
