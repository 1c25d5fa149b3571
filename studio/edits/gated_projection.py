"""Gated projections: what a layer that reads text computes with rank-one edits (Perfusion, arXiv 2305.01644).

An edited projection W turns one direction of the text space, the target input i*, into a learned target
output o*, as far as a gate allows (eq. 3). For a token's encoding e (D), in the metric of C, the uncentred
second moment of the encoder's outputs:

    r = e' C^-1 i* / (i*' C^-1 i*)        how much of the concept is in this token
    g = sigmoid((r - beta) / tau)          the gate, with bias beta and temperature tau
    W e  becomes  W (e - r i*) + g o*

Several concepts share one picture exactly (appendix B): the part of e that is taken away is its projection
on the span of all i*, and the gated targets add up. Stacking i* into I (J, D):

    W e  becomes  W (e - I' M^-1 I C^-1 e) + sum_j g_j o*_j,    M = I C^-1 I'

Only i* and its dual C^-1 i* are needed for that, so a file does without C.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.edits.attaching import additive_hook
from studio.edits.edit import ActiveEdit, EditMask

if TYPE_CHECKING:
    from studio.edits.kinds.rank_one import RankOne

SAME_DIRECTION = 1e-4  # eigenvalues of M below this share of the largest count as 0


def projection_hook(
    site: str, is_key: bool, groups: Mapping[EditMask | None, Sequence[ActiveEdit[RankOne]]], steady: bool
) -> Callable[..., Tensor]:
    """Return the forward hook of one projection layer, in float32.

    It replaces what W makes of each i* by the gated target o* (eq. 3). Edits with the same mask are solved
    jointly (appendix B); edits with different masks are added. `steady`: see `additive_hook`.
    """

    def change(layer: nn.Linear, x: Tensor, output: Tensor) -> Tensor:
        e, total = x.float(), torch.zeros_like(output)
        for mask, actives in groups.items():
            delta = _delta(site, is_key, layer, e, output, actives)
            if mask is not None:
                delta = delta * mask.tokens[-len(e) :, :, None].to(delta)
            total = total + delta.to(output.dtype)
        return total

    return additive_hook(change, steady)


def _delta(
    site: str,
    is_key: bool,
    layer: nn.Linear,
    e: Tensor,
    output: Tensor,
    actives: Sequence[ActiveEdit[RankOne]],
) -> Tensor:
    """Return what these edits together change (n, L, d) in a layer's output for encodings e (n, L, D)."""
    o_star = torch.stack([active.edit.targets[site] for active in actives])  # (J, d)
    strengths = _constant(tuple(active.strength for active in actives), e.device)
    removed, gates, inputs = decompose(e, [active.edit for active in actives])
    outputs = F.linear(inputs, layer.weight.float())  # (J, d): W i*
    precision, output = output.dtype, output.float()  # that of the weights, unless they are in 8 bits
    delta = (strengths * gates) @ o_star - (strengths * removed) @ outputs
    for active in actives if is_key else ():
        edit = active.edit
        if edit.global_lock and edit.with_noun is not None:
            noun = edit.with_noun[-len(e) :].to(precision)
            plain = F.linear(noun, layer.weight.to(precision)).float()
            delta = delta + active.strength * edit.global_lock * (plain - output - delta)
    return delta


@lru_cache(maxsize=256)
def _constant(values: tuple[float, ...], device: torch.device) -> Tensor:
    """Return these numbers as a tensor on a device. Copied once: every layer of every step needs them."""
    return torch.tensor(values).to(device)


def decompose(e: Tensor, edits: Sequence[RankOne]) -> tuple[Tensor, Tensor, Tensor]:
    """Express encodings e (n, L, D) by J concepts.

    Returns how much of each i* is taken away (n, L, J), how far each gate is open (n, L, J), and the stacked
    i* (J, D).

    With one concept the first is r of eq. 3; with several it is the projection on their span, where equal
    or nearly parallel directions count once.
    """
    I = torch.stack([edit.i_star for edit in edits])  # noqa: E741  the paper's letter
    duals = torch.stack([edit.dual for edit in edits])
    bias = _constant(tuple(edit.bias for edit in edits), e.device)
    temperature = _constant(tuple(edit.temperature for edit in edits), e.device)
    similarity = e @ duals.T  # e' C^-1 i*_j
    r = similarity / (I * duals).sum(1)
    gates = torch.sigmoid((r - bias) / temperature)
    if len(edits) == 1:
        return r, gates, I
    M = I @ duals.T
    M = (M + M.T) / 2
    return similarity @ torch.linalg.pinv(M, rtol=SAME_DIRECTION, hermitian=True), gates, I
