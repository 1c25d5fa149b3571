"""The losses of the judge that sees patches."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

IGNORED = -1e4  # logit of a pair that does not count


def multi_target_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Return the mean cross-entropy of each row with the uniform distribution over its targets.

    `logits` (n, m). `targets` (n, m): bool. Rows without a target do not count.
    """
    distribution = targets.float() / targets.sum(dim=1, keepdim=True).clamp(min=1)
    losses = -(distribution * logits.float().log_softmax(dim=1)).sum(dim=1)
    counts = targets.any(dim=1).float()
    return (losses * counts).sum() / counts.sum().clamp(min=1)


def caption_loss(logits: Tensor, matches: Tensor) -> Tensor:
    """Return the contrastive loss of captions with pictures. `logits`, `matches`: (captions, pictures)."""
    rows, columns = (multi_target_cross_entropy(*each) for each in ((logits, matches), (logits.T, matches.T)))
    return (rows + columns) / 2


class Picked(NamedTuple):
    """Some patches of each picture (n, k, d), their numbers (n, k), and how much they count (n, k)."""

    patches: Tensor
    numbers: Tensor
    weights: Tensor

    def rows(self, start: int, end: int | None = None) -> Picked:
        """Return those of some pictures."""
        return Picked(*(each[start:end] for each in self))


def pick_patches(patches: Tensor, cover: Tensor, count: int) -> Picked:
    """Pick `count` random patches of every picture, those on the subject first; only these count.

    `patches` (n, p, d). `cover` (n, p): share of each patch that the subject covers.
    """
    on_subject = (cover > 0.3).float()
    numbers = (on_subject + torch.rand_like(cover) * 0.9).topk(count, dim=1).indices
    picked = patches.gather(1, numbers[..., None].expand(-1, -1, patches.shape[-1]))
    return Picked(picked, numbers, on_subject.gather(1, numbers))


def both_ways(first: Picked, second: Picked) -> tuple[Tensor, Tensor]:
    """Return (n, m) twice: how much of each first is found in each second, and of the second in the first."""
    (n, k, d), (m, q, _) = first.patches.shape, second.patches.shape
    flat = first.patches.reshape(n * k, d), second.patches.reshape(m * q, d)
    similar = (flat[0] @ flat[1].T).view(n, k, m, q)
    shares = [each.weights / each.weights.sum(dim=1, keepdim=True).clamp(min=1) for each in (first, second)]
    forward = (similar.amax(dim=3).float() * shares[0][..., None]).sum(dim=1)
    return forward, (similar.amax(dim=1).float() * shares[1]).sum(dim=2)


def drawing_loss(first: Picked, second: Picked, scale: Tensor, ignored: Tensor) -> Tensor:
    """Return the contrastive loss of two placements of each drawing, by matching their patches.

    `first` (n): patches of the first placements; `second` (m): of the second ones, in the same order, then of
    impostors. `ignored` (n, m): bool, pairs that are too similar to be told apart.
    """
    count = len(first.patches)
    targets = torch.arange(count, device=ignored.device)
    forward, backward = ((scale * each).masked_fill(ignored, IGNORED) for each in both_ways(first, second))
    columns = F.cross_entropy(((forward + backward) / 2)[:, :count].T, targets)
    return (F.cross_entropy(forward, targets) + F.cross_entropy(backward, targets) + columns) / 3


def place_loss(picked: Picked, places: Tensor, others: Tensor, other_places: Tensor, wrong: Tensor) -> Tensor:
    """Return the loss of finding each picked patch again in the other placement of the same drawing.

    `others` (n, p, d), `wrong` (n, q, d): patches of the other placement, and of an impostor. `places`
    (n, k, 2), `other_places` (n, p, 2): where the picked and the other patches are on the drawing, -1..1.
    """
    distances = torch.cdist(places.float(), other_places.float())
    wanted = (-(distances**2) / (2 * 0.08**2)).softmax(dim=2)
    logits = picked.patches @ torch.cat([others, wrong], dim=1).transpose(1, 2)
    found = (15 * logits.float()).log_softmax(dim=2)[..., : others.shape[1]]
    # The same part can lie outside the other picture.
    counts = (distances.amin(dim=2) < 0.25).float() * picked.weights
    return (-(wanted * found).sum(dim=2) * counts).sum() / counts.sum().clamp(min=1)


def cleanliness_loss(logits: Tensor, cleanliness: Tensor, pairs: int) -> Tensor:
    """Return the loss of grading pictures, and of ordering two pictures of the same drawing.

    `logits`, `cleanliness` (n,), the latter 0..1; picture i and picture i + `pairs` show the same drawing,
    for i below `pairs`.
    """
    grading = F.binary_cross_entropy_with_logits(logits, cleanliness)
    better = cleanliness[:pairs] - cleanliness[pairs : 2 * pairs]
    lead = (logits[:pairs] - logits[pairs : 2 * pairs]) * better.sign()
    return grading + (F.softplus(-lead) * better.abs()).mean()
