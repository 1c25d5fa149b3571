"""Where a word looks: cross-attention maps, recorded while the U-Net runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.backbone import Backbone

NOISE_LEVELS = (0.3, 0.5, 0.7)  # shares of the training timesteps


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
def recording(backbone: Backbone, side: int | None = None) -> Iterator[Recorder]:
    """Record every cross-attention of the U-Net calls in the block, or only those whose map is `side` x
    `side`. The layers themselves run as always: the probabilities are computed beside them from the same
    queries and keys, edits included."""
    recorder = Recorder()
    hooks = []
    sites = {site: module for site, module in backbone.sites.items() if site.endswith(".attn2")}

    def watch(site: str, layer: nn.Module) -> None:
        seen: dict[str, Tensor] = {}
        hooks.append(layer.to_q.register_forward_hook(lambda m, a, out: seen.__setitem__("q", out)))
        hooks.append(layer.to_k.register_forward_hook(lambda m, a, out: seen.__setitem__("k", out)))

        def finish(module: nn.Module, arguments: tuple[Tensor, ...], output: Tensor) -> None:
            q, k = (seen.pop(name).unflatten(-1, (layer.heads, -1)).transpose(1, 2) for name in "qk")
            if side is not None and q.shape[2] != side * side:
                return
            recorder.maps[site] = (q.float() @ k.float().transpose(-1, -2) * layer.scale).softmax(-1)

        hooks.append(layer.register_forward_hook(finish))

    try:
        for site, layer in sites.items():
            watch(site, layer)
        yield recorder
    finally:
        for hook in hooks:
            hook.remove()


@torch.no_grad()
def looks(backbone: Backbone, latents: Tensor, hidden: Tensor, places: list[list[int]]) -> Tensor:
    """Where words look in pictures, (k, n, s, s) with s = `attention_side`: the attention to the tokens at
    each of k lists of `places` in a prompt, encoded as `hidden` (1, L, D), at three noise levels, averaged
    over these and the layers. `latents` (n, C, h, w). Edits that are attached act."""
    generator = torch.Generator().manual_seed(0)
    maps = []
    for share in NOISE_LEVELS:
        t = torch.full((len(latents),), int(share * backbone.schedule.config.num_train_timesteps))
        noisy = backbone.add_noise(latents, backbone.draw(latents.shape, generator), t.to(backbone.device))
        with recording(backbone, backbone.attention_side) as recorder:
            backbone.predict(noisy, t.to(backbone.device), hidden.repeat(len(latents), 1, 1))
        maps.append(torch.stack([recorder.word(span, backbone.attention_side) for span in places]))
    return torch.stack(maps).mean(0)


@torch.no_grad()
def noun_masks(backbone: Backbone, latents: Tensor, noun: str) -> Tensor:
    """Where the base sees the noun in each picture, (n, 1, h, w) in 0..1, each with maximum 1.

    `latents` (n, C, h, w). The attention to the noun as `looks` gives it, stretched to 0..1 per picture.
    """
    handle = "<noun>"
    with backbone.text.new_words({handle: backbone.text.vectors_of(noun)}):
        words = backbone.text.read([f"a photo of a {handle}"])
    (mean,) = looks(backbone, latents, words.hidden, [words.tokens[0].spans[handle]])
    low, high = mean.amin((1, 2), keepdim=True), mean.amax((1, 2), keepdim=True)
    stretched = ((mean - low) / (high - low).clamp_min(1e-8))[:, None]
    resized = F.interpolate(stretched, latents.shape[-2:], mode="bilinear", align_corners=False)
    return resized / resized.amax((1, 2, 3), keepdim=True).clamp_min(1e-8)
