"""Where a word looks: cross-attention maps, recorded while the U-Net runs; and who may look where."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.models.backbone import Backbone

NOISE_LEVELS = (0.3, 0.5, 0.7)  # shares of the training timesteps
HALF = 0.5
SELF_MASK_SIDE = 32  # finer self-attention mixes textures, not objects, and its masks would be large


class AttentionMaps:
    """What `recording` collects: for each layer that reads text, softmax probabilities (n, heads, h w, L)."""

    def __init__(self) -> None:
        self.maps: dict[str, Tensor] = {}

    def side(self, wanted: int) -> int:
        """The side of the smallest recorded maps that have at least the `wanted` one, or of the largest."""
        sides = sorted({round(maps.shape[2] ** 0.5) for maps in self.maps.values()})
        return next((side for side in sides if side >= wanted), sides[-1])

    def word(self, positions: list[int], side: int) -> Tensor:
        """Mean probability of these token positions over layers and heads whose map is `side` x `side`,
        as (n, side, side)."""
        fitting = [maps for maps in self.maps.values() if maps.shape[2] == side * side]
        means = [maps[..., positions].mean(dim=(1, 3)) for maps in fitting]
        return torch.stack(means).mean(0).unflatten(1, (side, side))


@contextmanager
def record_attention(backbone: Backbone, side: int | None = None) -> Iterator[AttentionMaps]:
    """Record every cross-attention of the U-Net calls in the block, or only those whose map is `side` x
    `side`. The layers themselves run as always: the probabilities are computed beside them from the same
    queries and keys, edits included."""
    recorder = AttentionMaps()
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
def word_attention_maps(
    backbone: Backbone, latents: Tensor, hidden: Tensor, places: list[list[int]]
) -> Tensor:
    """Where words look in pictures, (k, n, s, s) with s = `attention_side`: the attention to the tokens at
    each of k lists of `places` in a prompt, encoded as `hidden` (1, L, D), at three noise levels, averaged
    over these and the layers. `latents` (n, C, h, w). Edits that are attached act."""
    generator = torch.Generator().manual_seed(0)
    maps = []
    for share in NOISE_LEVELS:
        t = torch.full((len(latents),), int(share * backbone.schedule.config.num_train_timesteps))
        noisy = backbone.add_noise(latents, backbone.draw(latents.shape, generator), t.to(backbone.device))
        with record_attention(backbone, backbone.attention_side) as recorder:
            backbone.predict(noisy, t.to(backbone.device), hidden.repeat(len(latents), 1, 1))
        maps.append(torch.stack([recorder.word(span, backbone.attention_side) for span in places]))
    return torch.stack(maps).mean(0)


@torch.no_grad()
def noun_masks(backbone: Backbone, latents: Tensor, noun: str) -> Tensor:
    """Where the base sees the noun in each picture, (n, 1, h, w) in 0..1, each with maximum 1.

    `latents` (n, C, h, w). The attention to the noun as `looks` gives it, stretched to 0..1 per picture.
    """
    handle = "<noun>"
    with backbone.text.new_words({handle: backbone.text.embeddings_of(noun)}):
        words = backbone.text.read([f"a photo of a {handle}"])
    (mean,) = word_attention_maps(backbone, latents, words.hidden, [words.tokens[0].spans[handle]])
    low, high = mean.amin((1, 2), keepdim=True), mean.amax((1, 2), keepdim=True)
    stretched = ((mean - low) / (high - low).clamp_min(1e-8))[:, None]
    resized = F.interpolate(stretched, latents.shape[-2:], mode="bilinear", align_corners=False)
    return resized / resized.amax((1, 2, 3), keepdim=True).clamp_min(1e-8)


@dataclass(frozen=True, eq=False)
class RegionMask:
    """Who may look where, in a picture of J areas.

    The text stands in J columns: the encodings of J readings side by side, (n, J L, D). Each cell of the
    picture reads the columns whose `areas` (J, h, w), 0 or 1, it is in, and of these only the tokens that are
    `readable` (2, J L), for the negative prompt and the prompt. Every cell is in at least one area. With
    `ground`, the last area is what the others leave: in self-attention it sees all and is seen by all.
    """

    areas: Tensor
    readable: Tensor
    ground: bool = False
    _biases: dict[tuple[str, int, int, int], Tensor] = field(default_factory=dict, init=False, repr=False)

    def here(self, side: int) -> Tensor:
        """(J, side^2) which areas the cells of a `side` x `side` layer are in: those that cover half of a
        cell, or the largest."""
        cover = F.adaptive_avg_pool2d(self.areas.float(), side)
        return (cover >= cover.amax(0).clamp(max=HALF)).flatten(1)

    def bias(self, layer: nn.Module, x: Tensor, reads_text: bool) -> Tensor:
        """What is added to the logits of an attention layer with input x (n, cells, D): 0, or -inf where
        a cell may not look."""
        n, cells = x.shape[:2]
        key = ("text" if reads_text else "self", n, layer.heads, cells)
        if key not in self._biases:
            here = self.here(round(cells**0.5))
            if reads_text:
                columns = here.T.repeat_interleave(self.readable.shape[1] // len(here), 1)
                sees = columns & self.readable[-n:, None].to(columns.device)
            else:
                sees = here.T.float() @ here.float() > 0
                if self.ground:
                    sees = sees | here[-1] | here[-1][:, None]
                sees = sees.expand(n, -1, -1)
            bias = torch.zeros(sees.shape, dtype=x.dtype, device=x.device).masked_fill(~sees, -torch.inf)
            self._biases[key] = bias.repeat_interleave(layer.heads, 0)
        return self._biases[key]


@contextmanager
def apply_region_mask(backbone: Backbone, sight: RegionMask | None, apart: bool) -> Iterator[None]:
    """Keep the attention of all U-Net calls in the block to what `sight`, if there is one, allows: in
    cross-attention always, and as long as the areas stay `apart` also in self-attention, in layers of at
    most `APART_SIDE` cells a side."""
    hooks = []

    def confine(reads_text: bool) -> Callable[..., Any]:
        def before(layer: nn.Module, arguments: tuple[Tensor, ...], options: dict[str, Any]) -> Any:
            x = arguments[0]
            if not reads_text and x.shape[1] > SELF_MASK_SIDE**2:
                return None
            return arguments, options | {"attention_mask": sight.bias(layer, x, reads_text)}

        return before

    try:
        for site, layer in backbone.sites.items() if sight else ():
            if site.endswith(".attn2") or (apart and site.endswith(".attn1")):
                before = confine(site.endswith(".attn2"))
                hooks.append(layer.register_forward_pre_hook(before, with_kwargs=True))
        yield
    finally:
        for hook in hooks:
            hook.remove()
