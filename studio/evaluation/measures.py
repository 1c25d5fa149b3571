"""What can be said of pictures once an eye has looked at them: the field's measures, and four more.

Every argument is features (n, d), rows of unit length, from one eye. Pictures come from a concept, photos
from its owner. Nearly all answers are one value per picture (n,), to be averaged last: a mean of cosines,
never the cosine of a mean, which is always the larger. Subject and prompt fidelity are those of DreamBooth
(Ruiz et al., arXiv 2208.12242, section 4.2): with CLIP they are CLIP-I and CLIP-T, with DINO the first is
DINO.
"""

from __future__ import annotations

import torch
from torch import Tensor


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
