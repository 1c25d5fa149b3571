"""Attention of a base model: recorded as maps, and masked by region.

Shapes: n pictures, L tokens, D text width, J regions, (h, w) cells of a latent.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.models.backbone import Backbone

NOISE_LEVELS = (
    0.3,
    0.5,
    0.7,
)  # shares of the noise range at which the attention in a finished picture is recorded
HALF = 0.5


class AttentionMaps:
    """Recorded cross-attention: for each layer that reads text, probabilities (n, heads, cells, L)."""

    def __init__(self) -> None:
        self.maps: dict[str, Tensor] = {}

    def shape(self, wanted: int, height: int, width: int) -> tuple[int, int]:
        """Return rows and columns of the smallest maps with at least `wanted`² cells, else of the largest.

        Args:
            height, width: of the latents.
        """
        counts = sorted({maps.shape[2] for maps in self.maps.values()})
        count = next((count for count in counts if count >= wanted * wanted), counts[-1])
        return shape_of_cells(count, height, width)

    def word(self, positions: Sequence[int], rows: int, columns: int = 0) -> Tensor:
        """Return the mean probability of these token positions, (n, rows, columns).

        The mean is over the positions, and over the heads of all layers whose maps have that many cells.

        Args:
            columns: 0 for as many as there are rows.
        """
        columns = columns or rows
        fitting = [maps for maps in self.maps.values() if maps.shape[2] == rows * columns]
        means = [maps[..., list(positions)].mean(dim=(1, 3)) for maps in fitting]
        return torch.stack(means).mean(0).unflatten(1, (rows, columns))


class AttentionAccess(ABC):
    """Records and masks the attention of a base model; each family has its own."""

    @abstractmethod
    def record(self, side: int | None = None) -> AbstractContextManager[AttentionMaps]:
        """Context manager: record the cross-attention of every prediction in the block.

        The layers are unchanged; the probabilities are computed again from the same queries and keys, edits
        included.

        Args:
            side: record only layers whose maps are `side` x `side`; None for all.
        """

    @abstractmethod
    def apply(self, mask: RegionMask | None, mask_self_attention: bool) -> AbstractContextManager[None]:
        """Context manager: apply a region mask to every attention layer; None changes nothing.

        Cross-attention is always masked, self-attention only if `mask_self_attention`.
        """


def keep_output(hooks: ExitStack, layer: nn.Module, outputs: dict[str, Tensor], name: str) -> None:
    """Keep the last output of a layer under a name, as long as `hooks` is open."""
    hooks.enter_context(layer.register_forward_hook(lambda m, a, output: outputs.__setitem__(name, output)))


def shape_of_cells(count: int, height: int, width: int) -> tuple[int, int]:
    """Return rows and columns of the `count` cells of a layer, in latents of this height and width."""
    rows = max(1, round((count * height / width) ** 0.5))
    return rows, count // rows


def cells_of(area: Tensor, count: int) -> Tensor:
    """Return areas (..., h, w) averaged onto the `count` cells of a layer of the same shape, (..., count)."""
    height, width = area.shape[-2:]
    return F.adaptive_avg_pool2d(area, shape_of_cells(count, height, width)).flatten(-2)


@dataclass(frozen=True, eq=False)
class RegionMask:
    """Attention mask for regional prompting.

    The picture has J regions; the prompt is encoded J times, and the encodings are joined along the token
    axis, (n, J L, D). A cell attends only to the encodings of its regions, and there only to some tokens.

    Args:
        areas (J, h, w), 0 or 1: the cells of each region; every cell is in at least one.
        readable (2, J L) bool: tokens that may be attended to, for the negative prompt and the prompt.
        ground: whether the last region is the background, which self-attention never masks.
    """

    areas: Tensor
    readable: Tensor
    ground: bool = False
    _biases: dict[tuple[str, int, int, int], Tensor] = field(default_factory=dict, init=False, repr=False)

    def regions_of(self, cells: int) -> Tensor:
        """Return which regions each of a layer's cells is in, (J, cells) bool.

        A cell is in the regions that cover half of it, or in the one that covers most.
        """
        cover = cells_of(self.areas.float(), cells)
        return cover >= cover.amax(0).clamp(max=HALF)

    def cells_together(self, inside: Tensor) -> Tensor:
        """Return which cells may see each other, (cells, cells) bool: those of a region, the background all.

        Args:
            inside (J, cells) bool: the regions of each cell.
        """
        together = inside.T.float() @ inside.float() > 0
        return together | inside[-1] | inside[-1][:, None] if self.ground else together

    def bias(self, heads: int, x: Tensor, reads_text: bool) -> Tensor:
        """Return what is added to attention logits, (n heads, cells, keys): 0, or -inf where masked.

        Args:
            heads: how many the layer has.
            x (n, cells, D): the layer's input.
            reads_text: whether it attends to tokens, else to the cells themselves.
        """
        n, cells = x.shape[:2]
        key = ("text" if reads_text else "self", n, heads, cells)
        if key not in self._biases:
            inside = self.regions_of(cells)
            if reads_text:
                columns = inside.T.repeat_interleave(self.readable.shape[1] // len(inside), 1)
                allowed = columns & self.readable[-n:, None].to(columns.device)
            else:
                allowed = self.cells_together(inside).expand(n, -1, -1)
            bias = torch.zeros(allowed.shape, dtype=x.dtype, device=x.device).masked_fill(
                ~allowed, -torch.inf
            )
            self._biases[key] = bias.repeat_interleave(heads, 0)
        return self._biases[key]


@torch.no_grad()
def word_attention_maps(
    backbone: Backbone, latents: Tensor, prompt: str, token_positions: Sequence[Sequence[int]]
) -> Tensor:
    """Return cross-attention maps of k words in n pictures, (k, n, s, s) with s = `attention_side_of(w)`.

    They are averaged over layers, heads and three noise levels. Attached edits act.

    Args:
        latents (n, C, h, w): the pictures.
        prompt: what is read beside them.
        token_positions: for each word, the positions of its tokens in the prompt.
    """
    generator = torch.Generator().manual_seed(0)
    side, maps = backbone.attention_side_of(latents.shape[-1]), []
    for share in NOISE_LEVELS:
        t = backbone.at_noise(share, len(latents))
        noisy = backbone.add_noise(latents, backbone.draw(latents.shape, generator), t)
        words = backbone.text.read([prompt], t[:1])
        with backbone.require_attention().record(side) as recorded:
            backbone.predict(noisy, t, words.repeat(len(latents)))
        maps.append(torch.stack([recorded.word(positions, side) for positions in token_positions]))
    return torch.stack(maps).mean(0)


@torch.no_grad()
def noun_masks(backbone: Backbone, latents: Tensor, noun: str) -> Tensor:
    """Return where the base sees a noun in each picture, (n, 1, h, w) in 0..1, each with maximum 1.

    It is the attention to the noun, stretched to 0..1 per picture. `latents` (n, C, h, w).
    """
    handle = "<noun>"
    prompt = f"a photo of a {handle}"
    with backbone.text.new_words({handle: backbone.text.embeddings_of(noun)}):
        positions = backbone.text.tokenize(prompt).spans[handle]
        (mean,) = word_attention_maps(backbone, latents, prompt, [positions])
    low, high = mean.amin((1, 2), keepdim=True), mean.amax((1, 2), keepdim=True)
    stretched = ((mean - low) / (high - low).clamp_min(1e-8))[:, None]
    resized = F.interpolate(stretched, latents.shape[-2:], mode="bilinear", align_corners=False)
    return resized / resized.amax((1, 2, 3), keepdim=True).clamp_min(1e-8)
