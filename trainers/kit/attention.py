"""Where a word looks: cross-attention maps, recorded while the U-Net runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from studio.backbone import Backbone


class Recorder:
    """What `recording` collects: for each layer that reads text, softmax probabilities (n, heads, h w, L)."""

    def __init__(self) -> None:
        self.maps: dict[str, Tensor] = {}

    def word(self, positions: list[int], side: int) -> Tensor:
        """Mean probability of these token positions over layers and heads whose map is `side` x `side`,
        as (n, side, side)."""
        fitting = [maps for maps in self.maps.values() if maps.shape[2] == side * side]
        means = [maps[..., positions].mean(dim=(1, 3)) for maps in fitting]
        return torch.stack(means).mean(0).unflatten(1, (side, side))


@contextmanager
def recording(backbone: Backbone) -> Iterator[Recorder]:
    """Record every cross-attention of the U-Net calls in the block. The layers themselves run as always:
    the probabilities are computed beside them from the same queries and keys, edits included."""
    recorder = Recorder()
    hooks = []
    sites = {site: module for site, module in backbone.sites.items() if site.endswith(".attn2")}

    def watch(site: str, layer: nn.Module) -> None:
        seen: dict[str, Tensor] = {}
        hooks.append(layer.to_q.register_forward_hook(lambda m, a, out: seen.__setitem__("q", out)))
        hooks.append(layer.to_k.register_forward_hook(lambda m, a, out: seen.__setitem__("k", out)))

        def finish(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            q, k = (seen.pop(name).unflatten(-1, (layer.heads, -1)).transpose(1, 2) for name in "qk")
            recorder.maps[site] = (q.float() @ k.float().transpose(-1, -2) * layer.scale).softmax(-1)

        hooks.append(layer.register_forward_hook(finish))

    try:
        for site, layer in sites.items():
            watch(site, layer)
        yield recorder
    finally:
        for hook in hooks:
            hook.remove()
