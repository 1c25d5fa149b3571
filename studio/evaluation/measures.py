"""Measures of pictures, from the features of an image encoder.

Every argument is features (n, d), rows of unit length, all from one encoder. Pictures come from a concept,
photos from its owner. Nearly all functions return one value per picture (n,), to be averaged last: the mean
of cosines, never the cosine of a mean, which is always the larger. Subject and prompt fidelity are those of
DreamBooth (Ruiz et al., arXiv 2208.12242, section 4.2): CLIP-I and CLIP-T with CLIP, DINO with DINO.
"""

from __future__ import annotations

import torch
from torch import Tensor


def likeness(pictures: Tensor, photos: Tensor) -> Tensor:
    """Return the mean cosine of each picture with all photos, -1..1 (DINO, CLIP-I).

    Its mean over n pictures is the mean over all n m pairs with m photos.
    """
    return (pictures @ photos.T).mean(1)


def agreement(pictures: Tensor, prompts: Tensor) -> Tensor:
    """Return the cosine of each picture with its own prompt, -1..1 (CLIP-T).

    `prompts` (n, d), or (1, d) for all: encoded with the noun in place of the learned word, which means
    nothing to the encoder.
    """
    return (pictures * prompts).sum(1)


def copying(pictures: Tensor, trained: Tensor) -> Tensor:
    """Return the cosine of each picture with the nearest training photo, -1..1.

    High likeness with high copying is the photo again, not the subject.
    """
    return (pictures @ trained.T).amax(1)


def copied(pictures: Tensor, trained: Tensor) -> Tensor:
    """Return 1.0 for each picture that is nearer to a training photo than any two of these are to each other.

    0.0 for the others. With fewer than two photos nothing can be said: no values.
    """
    if len(trained) < 2:
        return pictures.new_zeros(0)
    return (copying(pictures, trained) > pairs(trained).max()).float()


def bleed(pictures: Tensor, control: Tensor, absent: Tensor) -> Tensor:
    """Return how much more of an absent subject each picture shows than the plain noun does, -2..2.

    0 is none.

    Args:
        control: pictures of the plain noun, with the same seeds in the same order.
        absent: photos of a subject that the prompts do not name.
    """
    return likeness(pictures, absent) - likeness(control, absent)


def drift(before: Tensor, after: Tensor) -> Tensor:
    """Return how far the plain noun moved, 0..2; 0 is untouched.

    It is 1 - cosine of two pictures of one prompt and seed, without and with the concept's edits.
    """
    return 1 - (before * after).sum(1)


def diversity(pictures: Tensor) -> float | None:
    """Return the mean distance 1 - cosine between pictures of one prompt, 0..2; None for fewer than two.

    0 is one picture again and again.
    """
    return (1 - pairs(pictures)).mean().item() if len(pictures) > 1 else None


def pairs(features: Tensor) -> Tensor:
    """Return the cosines of all pairs of different rows (n (n - 1) / 2,).

    Of photos, they are what likeness can reach: the row "real images" in papers.
    """
    rows, columns = torch.triu_indices(len(features), len(features), offset=1)
    return (features[rows] * features[columns]).sum(1)
