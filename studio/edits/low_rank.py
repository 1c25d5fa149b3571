"""Low-rank edits: W x + s B A x at named linear layers (LoRA, Hu et al., arXiv 2106.09685)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.backbone import Backbone
from studio.edits.edit import Active, Edit
from studio.recipe import Recipe, handles_in


class LowRank(Edit):
    """At each site, `A` (r, in) and `B` (out, r): the layer's weight W acts as W + s B A at strength s.

    A starts normal with standard deviation 1/r and B at zero, so that the first step starts from the base
    (the `gaussian` start of the diffusers example). There is no separate alpha: the scale is folded in.

    A layer has one weight for the whole prompt, so all handles of a concept share the one change.
    """

    kind = "low_rank"

    def __init__(self, handle: str, noun: str, A: Mapping[str, Tensor], B: Mapping[str, Tensor]) -> None:
        super().__init__(handle, noun)
        self.A, self.B = dict(A), dict(B)

    @classmethod
    def start(
        cls, handle: str, noun: str, sites: Mapping[str, nn.Linear], rank: int, generator: torch.Generator
    ) -> LowRank:
        """An edit of `sites` that changes nothing yet, ready to be trained."""
        A, B = {}, {}
        for site, layer in sites.items():
            r = min(rank, layer.in_features, layer.out_features)
            device = layer.weight.device
            A[site] = (torch.randn(r, layer.in_features, generator=generator) / r).to(device).requires_grad_()
            B[site] = torch.zeros(layer.out_features, r, device=device).requires_grad_()
        return cls(handle, noun, A, B)

    def strength(self, recipe: Recipe, handles: Sequence[str]) -> float:
        """The largest strength among those of the concept's handles that the prompts name."""
        named = [handle for handle in handles_in(f"{recipe.prompt} {recipe.negative}") if handle in handles]
        return max(map(recipe.strength, named), default=super().strength(recipe, handles))

    def kept(self, name: str) -> torch.dtype:
        return torch.float16

    def tensors(self) -> dict[str, Tensor]:
        return {f"{site}/A": self.A[site] for site in self.A} | {f"{site}/B": self.B[site] for site in self.B}

    @classmethod
    def from_tensors(cls, handle: str, noun: str, tensors: Mapping[str, Tensor]) -> Self:
        A = {name.removesuffix("/A"): tensor for name, tensor in tensors.items() if name.endswith("/A")}
        B = {name.removesuffix("/B"): tensor for name, tensor in tensors.items() if name.endswith("/B")}
        paired = set(A) == set(B) and len(A) + len(B) == len(tensors)
        if not paired or any(
            A[site].ndim != 2 or B[site].ndim != 2 or len(A[site]) != B[site].shape[1] for site in A
        ):
            raise ValueError("each low-rank site needs matrices A (r, in) and B (out, r)")
        return cls(handle, noun, A, B)

    def fits(self, backbone: Backbone) -> bool:
        for site, A in self.A.items():
            layer = backbone.sites.get(site)
            if not isinstance(layer, nn.Linear) or layer.weight.shape != (len(self.B[site]), A.shape[1]):
                return False
        return True

    def parameters(self) -> list[Tensor]:
        """Everything that is trained."""
        return [*self.A.values(), *self.B.values()]

    @classmethod
    @contextmanager
    def attach(cls, backbone: Backbone, actives: Sequence[Active]) -> Iterator[None]:
        pairs: dict[str, list[tuple[Tensor, Tensor, float]]] = {}
        for active in actives:
            for site, A in active.edit.A.items():
                pairs.setdefault(site, []).append((A, active.edit.B[site], active.strength))
        hooks = []
        try:
            for site, deltas in pairs.items():
                hooks.append(backbone.sites[site].register_forward_hook(_adding(deltas)))
            yield
        finally:
            for hook in hooks:
                hook.remove()


def _adding(deltas: list[tuple[Tensor, Tensor, float]]) -> Any:
    """A forward hook that adds the sum of s B A x, computed in the edits' own precision."""

    def add(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> Tensor:
        for A, B, strength in deltas:
            delta = F.linear(F.linear(arguments[0].to(A.dtype), A), B)
            output = output + (strength * delta).to(output.dtype)
        return output

    return add
