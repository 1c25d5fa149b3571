"""Gated rank-one edits of the layers that read text (Perfusion, Tewel et al., arXiv 2305.01644).

What a layer computes with them is in `studio.edits.gated_projection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import torch
from torch import Tensor, nn

from studio.edits.attaching import hooks_on
from studio.edits.edit import ActiveEdit, Attachment, Edit, EditMask
from studio.edits.gated_projection import projection_hook
from studio.models.backbone import Backbone
from studio.settings import Knob

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
        """See `Edit.knobs`. The temperature reaches as far as it was set in training."""
        low, high = min(0.02, self.temperature), max(0.5, self.temperature)
        return {
            "bias": Knob(self.bias, 0.0, 1.0, "Low is faithful, high obeys the prompt."),
            "temperature": Knob(self.temperature, low, high, "How gradually the gate opens."),
            "global_lock": Knob(0.0, 0.0, 1.0, "High gives the scene more room, at some cost in likeness."),
        }

    def while_tuning_words(self) -> Self:
        """Return this edit with its keys locked locally.

        The keys of the global lock come from the picture's prompts, which are not those compared in tuning.
        """
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
        """See `Edit.on_prompts`. Other words that change with the noise are read in the middle of it."""
        self.with_noun = None
        if self.global_lock:
            middle = backbone.at_noise(0.5, 1)[0]
            handle = re.compile(re.escape(self.handle), re.IGNORECASE)
            word = {NOUN: backbone.text.initial_vectors(self.noun, 1)}
            with backbone.text.on_device(), backbone.text.new_words(word):
                texts = [[handle.sub(NOUN, text) for text in column] for column in columns]
                read = [backbone.text.read(column, middle) for column in texts]
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
            hooks[site] = projection_hook(
                site, site in backbone.key_sites, groups, steady=not backbone.is_plain
            )
        return partial(hooks_on, backbone, hooks)
