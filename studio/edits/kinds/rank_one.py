"""Gated rank-one edits of the layers that read text (Perfusion, Tewel et al., arXiv 2305.01644).

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

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.edits.attaching import additive_hook, hooks_on
from studio.edits.edit import ActiveEdit, Attachment, Edit, EditMask
from studio.models.backbone import Backbone
from studio.settings import Knob

SAME_DIRECTION = 1e-4
NOUN = "<the-noun>"


class RankOne(Edit):
    """The target input i* of a concept and its target output at each site.

    `i_star` (D), its `dual` C^-1 i* (D), and `targets`: o* (d) by site.

    `global_lock` (0..1) blends two key locks. 0, local: only the concept token's key is replaced by the
    noun's key. 1, global: all keys come from the prompt with the noun in place of the concept, and no gate
    acts on them. Values between are our interpolation.

    `bias` and `temperature` shape the gate and can be changed at any time, without training again.
    The default gate is the paper's for painting with locally locked keys; a lower bias makes the concept
    stronger, since the gate then also opens for tokens with only a small share of i*.
    """

    kind = "rank_one"

    def __init__(
        self,
        handle: str,
        noun: str,
        i_star: Tensor,
        dual: Tensor,
        targets: Mapping[str, Tensor],
        bias: float = 0.6,
        temperature: float = 0.15,
    ) -> None:
        super().__init__(handle, noun)
        self.i_star, self.dual = i_star, dual
        self.targets = dict(targets)
        self.bias, self.temperature = bias, temperature
        self.global_lock = 0.0
        # (n, L, D): the encoded prompts with the noun in place of the concept, for the global lock
        self.with_noun: Tensor | None = None

    def knobs(self) -> dict[str, Knob]:
        """See `Edit.knobs`."""
        return {
            "bias": Knob(self.bias, 0.0, 1.0, "Low is faithful, high obeys the prompt."),
            "temperature": Knob(self.temperature, 0.02, 0.5, "How gradually the gate opens."),
            "global_lock": Knob(0.0, 0.0, 1.0, "High gives the scene more room, at some cost in likeness."),
        }

    def while_tuning_words(self) -> Self:
        """Return this edit with its keys locked locally: a global lock reads the prompt with other words."""
        return self.with_knobs({"global_lock": 0.0})

    def file_dtype(self, name: str) -> torch.dtype:
        """See `Edit.file_dtype`."""
        return torch.float16 if name.endswith("/o_star") else torch.float32

    def tensors(self) -> dict[str, Tensor]:
        """See `Edit.tensors`."""
        gate = torch.tensor([self.bias, self.temperature])
        directions = {"i_star": self.i_star, "dual": self.dual, "gate": gate}
        named = {f"{self.handle}/{name}": tensor for name, tensor in directions.items()}
        return named | {f"{self.handle}/{site}/o_star": target for site, target in self.targets.items()}

    def set_tensors(self, tensors: Mapping[str, Tensor]) -> None:
        """See `Edit.set_tensors`. Bias and temperature stay plain numbers."""
        self.i_star, self.dual = (tensors[f"{self.handle}/{name}"] for name in ("i_star", "dual"))
        self.targets = {site: tensors[f"{self.handle}/{site}/o_star"] for site in self.targets}

    @classmethod
    def from_tensors(
        cls, handle: str, noun: str, tensors: Mapping[str, Tensor], settings: Mapping[str, Any]
    ) -> Self:
        """See `Edit.from_tensors`."""
        named = {name.removeprefix(f"{handle}/"): tensor for name, tensor in tensors.items()}
        i_star, dual, gate = (named.pop(name, None) for name in ("i_star", "dual", "gate"))
        if i_star is None or dual is None or gate is None or i_star.ndim != 1 or i_star.shape != dual.shape:
            raise ValueError("a rank-one edit needs i_star and dual of one length, and a gate")
        if gate.shape != (2,) or not gate[1] > 0:
            raise ValueError("the gate of a rank-one edit is a bias and a temperature above 0")
        if not named or not all(name.endswith("/o_star") and o.ndim == 1 for name, o in named.items()):
            raise ValueError("a rank-one edit holds one vector o_star at each site")
        targets = {name.removesuffix("/o_star"): o for name, o in named.items()}
        return cls(handle, noun, i_star, dual, targets, *gate.tolist())

    def is_compatible(self, backbone: Backbone) -> bool:
        """See `Edit.is_compatible`."""
        for site, target in self.targets.items():
            layer = backbone.sites.get(site)
            if not isinstance(layer, nn.Linear) or layer.weight.shape != (len(target), len(self.i_star)):
                return False
        return len(self.i_star) == backbone.text.width

    def on_prompts(self, backbone: Backbone, columns: Sequence[Sequence[str]]) -> None:
        """See `Edit.on_prompts`."""
        self.with_noun = None
        if self.global_lock:
            handle = re.compile(re.escape(self.handle), re.IGNORECASE)
            with backbone.text.new_words({NOUN: backbone.text.initial_vectors(self.noun, 1)}):
                read = [backbone.text.read([handle.sub(NOUN, text) for text in column]) for column in columns]
            self.with_noun = torch.cat([words.hidden for words in read], dim=1)

    @contextmanager
    def gated(self, bias: float, temperature: float) -> Iterator[None]:
        """Context manager: use another gate."""
        before = self.bias, self.temperature
        self.bias, self.temperature = bias, temperature
        try:
            yield
        finally:
            self.bias, self.temperature = before

    @classmethod
    def prepare(cls, backbone: Backbone, actives: Sequence[ActiveEdit[Any]]) -> Attachment:
        """See `Edit.prepare`."""
        hooks = {}
        for site in dict.fromkeys(site for active in actives for site in active.edit.targets):
            groups: dict[EditMask | None, list[ActiveEdit[Any]]] = {}
            for active in actives:
                if site in active.edit.targets:
                    groups.setdefault(active.mask, []).append(active)
            hooks[site] = _projection_hook(site, site in backbone.key_sites, groups)
        return partial(hooks_on, backbone, hooks)


def _projection_hook(
    site: str, is_key: bool, groups: Mapping[EditMask | None, Sequence[ActiveEdit[Any]]]
) -> Callable[..., Tensor]:
    """Return the forward hook of one projection layer, in float32.

    It replaces what W makes of each i* by the gated target o* (eq. 3). Edits with the same mask are solved
    jointly (appendix B); edits with different masks are added.
    """

    def change(layer: nn.Linear, x: Tensor, output: Tensor) -> Tensor:
        e, total = x.float(), torch.zeros_like(output)
        for mask, actives in groups.items():
            delta = _delta(site, is_key, layer, e, output.float(), actives)
            if mask is not None:
                delta = delta * mask.tokens[-len(e) :, :, None].to(delta)
            total = total + delta.to(output.dtype)
        return total

    return additive_hook(change, steady=True)


def _delta(
    site: str, is_key: bool, layer: nn.Linear, e: Tensor, output: Tensor, actives: Sequence[ActiveEdit[Any]]
) -> Tensor:
    """Return what these edits together change (n, L, d) in a layer's output for encodings e (n, L, D)."""
    o_star = torch.stack([active.edit.targets[site] for active in actives])  # (J, d)
    strengths = _constant(tuple(active.strength for active in actives), e.device)
    removed, gates, inputs = decompose(e, [active.edit for active in actives])
    outputs = F.linear(inputs, layer.weight.float())  # (J, d): W i*
    delta = (strengths * gates) @ o_star - (strengths * removed) @ outputs
    for active in actives if is_key else ():
        edit = active.edit
        if edit.global_lock and edit.with_noun is not None:
            plain = F.linear(edit.with_noun[-len(e) :].to(layer.weight.dtype), layer.weight).float()
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
