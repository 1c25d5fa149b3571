"""Losses that tell the categories of an attribute apart in CLIP's space (ITI-GEN, Zhang et al. 2023).

With I_k the mean of the unit features of some photos of category k, f(P_k) the unit feature of the prompt
with its tokens, and f(T) that of the prompt without tokens, for a pair i < j of K categories

    L_dir = 1 - <norm(I_i - I_j), norm(f(P_i) - f(P_j))>
    L_sem = max(0, lambda - (cos(f(P_i), f(T)) + cos(f(P_j), f(T))) / 2)

both summed over the pairs and divided by K - 1, so that a category is moved as strongly whatever K is. Tokens
start at zero, where all prompts are the same and L_dir is no number; then, and whenever two prompts coincide,
L_cos = mean over k of 1 - <I_k, f(P_k)> takes its place.

Shapes: K categories, R combinations of the other attributes' categories, d features.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor

SAME = 1e-5  # two features closer than this are the same, up to rounding


def over_pairs(losses: Tensor, categories: int) -> Tensor:
    """Return the sum over the pairs of K categories, divided by K - 1."""
    return losses.sum() / (categories - 1)


def direction_loss(pictures: Tensor, prompts: Tensor) -> Tensor:
    """Return L_dir over all pairs, or L_cos where it is no number; a scalar.

    Args:
        pictures (K, d): I_k.
        prompts (K, R, d): f(P_k).
    """
    first, second = torch.tensor(list(itertools.combinations(range(len(pictures)), 2))).T
    seen = F.normalize(pictures[first] - pictures[second], dim=-1)[:, None]
    read = prompts[first] - prompts[second]
    is_same = read.detach().norm(dim=-1, keepdim=True) < SAME
    # ones in place of a zero, or its gradient would be no number although it is not used
    read = F.normalize(torch.where(is_same, torch.ones_like(read), read), dim=-1)
    directions = over_pairs((1 - (seen * read).sum(-1)).mean(1), len(pictures))
    cosines = (1 - (pictures[:, None] * prompts).sum(-1)).mean()
    return torch.where(is_same.any(), cosines, directions)


def semantic_loss(prompts: Tensor, plain: Tensor, least: float) -> Tensor:
    """Return L_sem over all pairs, a scalar.

    Args:
        prompts (K, R, d): f(P_k).
        plain (d,): f(T).
        least: lambda, the cosine at which it ends.
    """
    first, second = torch.tensor(list(itertools.combinations(range(len(prompts)), 2))).T
    agreement = prompts @ plain
    means = (agreement[first] + agreement[second]) / 2
    return over_pairs((least - means).clamp_min(0).mean(1), len(prompts))
