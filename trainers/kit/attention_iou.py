"""Cross-attention maps of handles in a photo, and how well they meet masks."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from studio.edits import ActiveEdit, attach
from studio.models.attention import word_attention_maps
from studio.models.backbone import Backbone
from trainers.kit.scene import Scene

THRESHOLD = 0.5  # a cell is attended to when it has at least this share of its map's maximum


@torch.no_grad()
def handle_attention_maps(
    backbone: Backbone, latents: Tensor, prompt: str, handles: Sequence[str], edits: Sequence[ActiveEdit]
) -> Tensor:
    """Return the cross-attention maps of k handles in one photo, (k, s, s) with s = `attention_side_of(w)`.

    Args:
        latents (1, C, h, w): the photo.
        prompt: names all of the handles.
        edits: are attached.
    """
    with attach(backbone, edits):
        spans = backbone.text.tokenize(prompt).spans
        return word_attention_maps(backbone, latents, prompt, [spans[handle] for handle in handles])[:, 0]


def intersection_over_union(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the intersection over union of attended cells and masks, (k, m) by map and mask.

    Args:
        maps (k, s, s): attention.
        masks (m, s, s), 0 or 1.
    """
    attended = (maps >= THRESHOLD * maps.amax((1, 2), keepdim=True))[:, None]
    masked = masks.bool()[None]
    return (attended & masked).sum((2, 3)) / (attended | masked).sum((2, 3))


def mean_overlaps(maps: Sequence[Tensor], scene: Scene) -> Tensor:
    """Return the mean over photos of each subject's intersection over union with each mask, (J, J).

    It is nan for two subjects that share no photo.

    Args:
        maps: for each photo of the scene, the attention (k, s, s) of the subjects that are in it.
    """
    subjects = scene.attention_masks.shape[1]
    sums, counts = torch.zeros(2, subjects, subjects)
    for number, attention in enumerate(maps):
        present = scene.present[number]
        pairs = torch.meshgrid(torch.tensor(present), torch.tensor(present), indexing="ij")
        sums[pairs] += intersection_over_union(attention, scene.attention_masks[number, present]).cpu()
        counts[pairs] += 1
    return sums / counts
