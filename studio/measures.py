"""What can be said of pictures once an eye has looked at them: the field's measures, and four more.

Every argument is features (n, d), rows of unit length, from one eye. Pictures come from a concept, photos
from its owner. Nearly all answers are one value per picture (n,), to be averaged last: a mean of cosines,
never the cosine of a mean, which is always the larger. Subject and prompt fidelity are those of DreamBooth
(Ruiz et al., arXiv 2208.12242, section 4.2): with CLIP they are CLIP-I and CLIP-T, with DINO the first is
DINO.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

# Student's t for a 95 % interval, by degrees of freedom from 1 on
T_95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
Z_95 = 1.959964


@dataclass(frozen=True)
class Figure:
    """A number as it is reported: the mean of `n` values and `half` the width of its 95 % interval (Student's
    t, values taken as independent), which one value alone does not have."""

    mean: float
    half: float | None
    n: int

    @classmethod
    def of(cls, values: Iterable[float] | Tensor) -> Figure | None:
        """The figure of some values; None where there are none."""
        kept = values.tolist() if isinstance(values, Tensor) else list(values)
        if not kept:
            return None
        if len(kept) == 1:
            return cls(kept[0], None, 1)
        return cls(
            statistics.fmean(kept),
            t_95(len(kept) - 1) * statistics.stdev(kept) / math.sqrt(len(kept)),
            len(kept),
        )

    def __str__(self) -> str:
        return f"{self.mean:.3f}" if self.half is None else f"{self.mean:.3f} ± {self.half:.3f}"


def t_95(freedom: int) -> float:
    """The 0.975 quantile of Student's t with this many degrees of freedom, to 0.003 (above ten by the first
    terms of Abramowitz and Stegun 26.7.5)."""
    if freedom <= len(T_95):
        return T_95[freedom - 1]
    z = Z_95
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def likeness(pictures: Tensor, photos: Tensor) -> Tensor:
    """Mean cosine of each picture with all photos, -1..1: its mean over n pictures and m photos is the mean
    over all n m pairs (DINO, CLIP-I)."""
    return (pictures @ photos.T).mean(1)


def agreement(pictures: Tensor, prompts: Tensor) -> Tensor:
    """Cosine of each picture with its own prompt, -1..1 (CLIP-T). `prompts` (n, d), or (1, d) for all: read
    with the noun in the place of the learned word, which means nothing to the reader."""
    return (pictures * prompts).sum(1)


def copying(pictures: Tensor, trained: Tensor) -> Tensor:
    """Cosine of each picture with the nearest photo it was learned from, -1..1. High likeness with high
    copying is the photo again, not the subject."""
    return (pictures @ trained.T).amax(1)


def copied(pictures: Tensor, trained: Tensor) -> Tensor:
    """Whether each picture (1.0 or 0.0) is nearer to a photo it was learned from than any two of these are to
    each other. Under two photos nothing can be said: no values."""
    if len(trained) < 2:
        return pictures.new_zeros(0)
    return (copying(pictures, trained) > pairs(trained).max()).float()


def bleed(pictures: Tensor, control: Tensor, absent: Tensor) -> Tensor:
    """How much more each picture, whose prompt names A and not B, shows of B than the plain noun of A does,
    -2..2; 0 is none. `control` are pictures of the plain noun with the same seeds, `absent` photos of B."""
    return likeness(pictures, absent) - likeness(control, absent)


def drift(before: Tensor, after: Tensor) -> Tensor:
    """How far the plain noun moved, 0..2: 1 - cosine of two pictures of one prompt and seed, without and with
    the concept's edits. 0 is untouched."""
    return 1 - (before * after).sum(1)


def diversity(pictures: Tensor) -> float | None:
    """Mean distance 1 - cosine between two pictures of one prompt with different seeds, 0..2; None under two
    pictures. 0 is one picture again and again."""
    return (1 - pairs(pictures)).mean().item() if len(pictures) > 1 else None


def pairs(features: Tensor) -> Tensor:
    """The cosines of all pairs of different rows (n (n - 1) / 2): of photos, what likeness can reach (the
    papers' row "real images")."""
    rows, columns = torch.triu_indices(len(features), len(features), offset=1)
    return (features[rows] * features[columns]).sum(1)
