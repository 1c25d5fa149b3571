"""Cross-attention computed apart from the recorder, from what enters the layers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from studio.models.backbone import Backbone


@dataclass(frozen=True)
class LayerCall:
    """One call of a cross-attention layer.

    Args:
        x (n, cells, width): the picture's side of its input.
        hidden (n, L, D): the text's side of its input.
        output (n, cells, width): what the layer returned.
    """

    layer: Any
    x: Tensor
    hidden: Tensor
    output: Tensor

    def probabilities(self) -> Tensor:
        """Return softmax(Q K' / sqrt(d)), (n, heads, cells, L), head by head."""
        heads = []
        queries, keys = self.layer.to_q(self.x), self.layer.to_k(self.hidden)
        d = queries.shape[-1] // self.layer.heads
        for head in range(self.layer.heads):
            columns = slice(head * d, (head + 1) * d)
            logits = queries[..., columns] @ keys[..., columns].mT / d**0.5
            heads.append(logits.exp() / logits.exp().sum(-1, keepdim=True))
        return torch.stack(heads, dim=1)


@contextmanager
def layer_calls(backbone: Backbone) -> Iterator[dict[str, LayerCall]]:
    """Context manager: collect the last call of every cross-attention layer, by its path."""
    calls: dict[str, LayerCall] = {}
    hooks = []

    def collect(site: str, layer: nn.Module) -> None:
        def after(module: nn.Module, arguments: tuple[Tensor, ...], options: dict, output: Tensor) -> None:
            calls[site] = LayerCall(module, arguments[0], options["encoder_hidden_states"], output)

        hooks.append(layer.register_forward_hook(after, with_kwargs=True))

    for site, layer in backbone.sites.items():
        if site.endswith(".attn2"):
            collect(site, layer)
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()
