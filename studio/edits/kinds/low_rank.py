"""Low-rank edits of linear layers and convolutions: W x + s B A x (LoRA, Hu et al., arXiv 2106.09685)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Self, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.edits.attaching import additive_hook, hooks_on, weights_replaced
from studio.edits.edit import ActiveEdit, Attachment, Edit
from studio.models.backbone import Backbone
from studio.models.placement import home_of

SMALL_WEIGHT = 1 << 15  # numbers of a weight below which calls cost more than multiplications


class LowRank(Edit):
    """Low-rank factors at each site: `A` (r, in) and `B` (out, r). W acts as W + s B A at strength s.

    At a convolution they are kernels: `A` (r, in, kh, kw), of its size, stride and padding, and `B`
    (out, r, 1, 1). Our methods train linear layers only; other programs' files have both.

    A starts normal with standard deviation 1/r and B at zero, so that the first step starts from the base
    (the `gaussian` start of the diffusers example). There is no separate alpha: the scale is folded in.

    A layer has one weight for the whole prompt, so all handles of a concept share the one change, at the
    largest strength of those that the prompts name. An edit with a mask adds s B (m A x) instead, m from 0
    to 1: layers that read text are changed at its tokens only, all others in its area only.
    """

    kind = "low_rank"
    common = True

    def __init__(self, handle: str, noun: str, A: Mapping[str, Tensor], B: Mapping[str, Tensor]) -> None:
        super().__init__(handle, noun)
        self.A, self.B = dict(A), dict(B)
        self.trains_A = True

    @classmethod
    def start(
        cls,
        handle: str,
        noun: str,
        sites: Mapping[str, nn.Linear],
        rank: int,
        generator: torch.Generator,
        block: int | None = None,
    ) -> LowRank:
        """Return an edit of `sites` that changes nothing yet, ready to be trained.

        With a `block`, A is that block of the shared basis and stays so; only B is trained.
        """
        A, B = {}, {}
        for site, layer in sites.items():
            r = min(rank, layer.in_features, layer.out_features)
            device = home_of(layer)
            if block is None:
                A[site] = (torch.randn(r, layer.in_features, generator=generator) / r).to(device)
                A[site].requires_grad_()
            else:
                A[site] = shared_rows(layer.in_features, r, block).to(device)
            B[site] = torch.zeros(layer.out_features, r, device=device).requires_grad_()
        edit = cls(handle, noun, A, B)
        edit.trains_A = block is None
        return edit

    def file_dtype(self, name: str) -> torch.dtype:
        """See `Edit.file_dtype`."""
        return torch.float16

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        return {f"{site}/A": self.A[site] for site in self.A} | {f"{site}/B": self.B[site] for site in self.B}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`."""
        self.A = {site: tensors[f"{site}/A"] for site in self.A}
        self.B = {site: tensors[f"{site}/B"] for site in self.B}

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        A = {name.removesuffix("/A"): tensor for name, tensor in tensors.items() if name.endswith("/A")}
        B = {name.removesuffix("/B"): tensor for name, tensor in tensors.items() if name.endswith("/B")}
        paired = set(A) == set(B) and len(A) + len(B) == len(tensors)
        if not paired or not all(_are_factors(A[site], B[site]) for site in A):
            raise ValueError("each low-rank site needs factors A (r, in) and B (out, r)")
        return cls(handle, noun, A, B)

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        for site, A in self.A.items():
            layer = backbone.sites.get(site)
            if not is_linear_or_convolution(layer) or layer.weight.shape != (len(self.B[site]), *A.shape[1:]):
                return False
        return True

    def parameters(self) -> list[Tensor]:
        """Return everything that is trained."""
        return [*(self.A.values() if self.trains_A else ()), *self.B.values()]

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        sites: dict[str, list[ActiveEdit[Any]]] = {}
        for active in actives:
            for site in active.edit.A:
                sites.setdefault(site, []).append(active)
        weights: dict[str, Tensor] = {}
        hooks: dict[str, Callable[..., Tensor]] = {}
        for site, here in sites.items():
            layer = backbone.sites[site]
            weight, is_away = layer.weight, layer.weight.device != home_of(layer)
            masked = any(active.mask is not None and active.mask.masks(backbone, site) for active in here)
            if (
                masked
                or is_away
                or backbone.is_plain
                or weight.dtype != torch.float32
                or not _is_cheaper_summed(weight, site, here)
            ):
                hooks[site] = _adding(backbone, site, here, masked)
            else:
                weights[f"{site}.weight"] = _summed(weight, site, here)
        return partial(_attaching, backbone, weights, hooks)


def is_linear_or_convolution(layer: nn.Module | None) -> TypeGuard[nn.Linear | nn.Conv2d]:
    """Return whether a layer can have low-rank factors: a convolution without groups, or a linear layer."""
    return isinstance(layer, nn.Linear) or (isinstance(layer, nn.Conv2d) and layer.groups == 1)


def _are_factors(A: Tensor, B: Tensor) -> bool:
    """Return whether A and B are the factors of a linear layer or of a convolution."""
    is_kernel = A.ndim == B.ndim == 4 and B.shape[2:] == (1, 1)
    return (A.ndim == B.ndim == 2 or is_kernel) and len(A) == B.shape[1]


def project(layer: nn.Module, A: Tensor, x: Tensor) -> Tensor:
    """Return A x (..., r) of a layer's input x; of a convolution's (n, in, h, w) as (n, cells, r)."""
    x = x.to(A.dtype)
    if not isinstance(layer, nn.Conv2d):
        return F.linear(x, A)
    inner = F.conv2d(x, A, None, layer.stride, layer.padding, layer.dilation)
    return inner.flatten(2).transpose(1, 2)


@lru_cache(maxsize=16)
def _orthogonal(width: int) -> Tensor:
    """Return a random orthogonal matrix (width, width), always the same one."""
    noise = torch.randn(width, width, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    return torch.linalg.qr(noise).Q.float()


def shared_rows(width: int, rank: int, block: int) -> Tensor:
    """Return rows (rank, width) of the orthogonal matrix that all concepts share.

    Orthogonal Adaptation (Po et al., arXiv 2312.02432). Different blocks use different rows, so they are
    orthogonal; once all `width` rows are used, blocks begin again with the first. The paper draws rows at
    random; a library can hand out blocks that do not overlap.
    """
    rows = torch.arange(block * rank, (block + 1) * rank) % width
    return _orthogonal(width)[rows].clone()


@contextmanager
def _attaching(
    backbone: Backbone, weights: Mapping[str, Tensor], hooks: Mapping[str, Callable[..., Tensor]]
) -> Iterator[None]:
    """Context manager: replace the weights of some layers and put hooks on others."""
    with weights_replaced(backbone, weights), hooks_on(backbone, hooks):
        yield


def _stacked(site: str, actives: Sequence[ActiveEdit[Any]]) -> tuple[Tensor, Tensor]:
    """Return all A stacked (R, in ...) and all s B joined (out, R ...): their product is the sum of s B A."""
    A = [active.edit.A[site] for active in actives]
    B = [
        active.edit.B[site] if active.strength == 1 else active.strength * active.edit.B[site]
        for active in actives
    ]
    return (A[0], B[0]) if len(actives) == 1 else (torch.cat(A), torch.cat(B, dim=1))


def _is_cheaper_summed(weight: Tensor, site: str, actives: Sequence[ActiveEdit[Any]]) -> bool:
    """Return whether W + s B A is cheaper as one weight than as a path of its own.

    It always is while nothing of it learns. Learning takes the gradient of the whole weight, in x out
    multiplications a row, where the path of its own takes 3 R (in + out), and two calls more.
    """
    factors = [tensor for active in actives for tensor in (active.edit.A[site], active.edit.B[site])]
    if not torch.is_grad_enabled() or not any(factor.requires_grad for factor in factors):
        return True
    ranks = sum(len(active.edit.A[site]) for active in actives)
    most = max(SMALL_WEIGHT, 3 * ranks * (weight.shape[0] + weight[0].numel()))
    return weight.numel() <= most


def _summed(weight: Tensor, site: str, actives: Sequence[ActiveEdit[Any]]) -> Tensor:
    """Return W + sum of s B A. It costs nothing per step, but half precision rounds small changes away."""
    A, B = _stacked(site, actives)
    return torch.addmm(weight.flatten(1), B.flatten(1), A.flatten(1)).view_as(weight)


def _adding(
    backbone: Backbone, site: str, actives: Sequence[ActiveEdit[Any]], masked: bool
) -> Callable[..., Tensor]:
    """Return a forward hook that adds the sum of s B (m A x), computed in the edits' own precision."""
    A, B = _stacked(site, actives)
    known: dict[tuple[int, int], Tensor] = {}

    def weights(prompts: int, positions: int) -> Tensor:
        """Return m of every row of A, (prompts or 1, positions, R)."""
        if (prompts, positions) not in known:
            each = [_weights(backbone, site, active, prompts, positions).to(A) for active in actives]
            ranks = [len(active.edit.A[site]) for active in actives]
            each = [
                m[..., None].expand(*m.shape, r)
                for m, r in zip(torch.broadcast_tensors(*each), ranks, strict=True)
            ]
            known[prompts, positions] = torch.cat(each, -1)
        return known[prompts, positions]

    def masked_rows(layer: nn.Module, x: Tensor) -> Tensor:
        inner = project(layer, A, x)
        return inner * weights(*inner.shape[:2]) if masked and inner.ndim == 3 else inner

    def change(layer: nn.Module, x: Tensor, output: Tensor) -> Tensor:
        changed = F.linear(masked_rows(layer, x), B.flatten(1)).to(output.dtype)
        return changed.transpose(1, 2).reshape_as(output) if isinstance(layer, nn.Conv2d) else changed

    def add_at_once(layer: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        inner = masked_rows(layer, arguments[0])
        return torch.addmm(output.flatten(0, -2), inner.flatten(0, -2), B.T).view_as(output)

    # other layers that read text get another input in every step: keeping it would only take memory
    steady = site in (*backbone.key_sites, *backbone.value_sites) and not backbone.is_plain
    layer = backbone.sites[site]
    at_once = isinstance(layer, nn.Linear) and layer.weight.dtype == B.dtype
    if at_once and not steady and not backbone.is_plain:
        return add_at_once
    return additive_hook(change, steady)


def _weights(backbone: Backbone, site: str, active: ActiveEdit[Any], prompts: int, positions: int) -> Tensor:
    """Return m of one edit at a layer with input (prompts, positions, D): (prompts or 1, positions)."""
    if active.mask is None or not active.mask.masks(backbone, site):
        return torch.ones(1, positions)
    return active.mask.rows(backbone, site, prompts, positions)
