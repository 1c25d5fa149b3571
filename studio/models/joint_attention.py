"""Attention of a transformer whose layers read picture and prompt in one sequence (Z-Image, FLUX.2).

A layer's sequence holds the cells of the picture and the tokens of the prompt that count, each in a row, and
places that only fill it up. Cells attend to tokens and cells alike. In FLUX.2's first layers, cells and
tokens are projected apart and stand in one sequence for the attention alone.

Shapes: n pictures, S length of a sequence, L tokens of a prompt, J regions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from studio.models.attention import AttentionAccess, AttentionMaps, RegionMask, cells_of, keep_output

# Of queries and keys; a layer that projects tokens apart has those of the tokens too, which stand first.
NORMS = ("norm_added_q", "norm_added_k", "norm_q", "norm_k")


@dataclass(frozen=True)
class Layout:
    """Where picture and prompts stand in the sequences of one prediction.

    Args:
        height, width: cells of the picture.
        present (n, L) bool: the tokens of each prompt that count; they stand in a row.
        first_cell, first_token: where each begins.
    """

    height: int
    width: int
    present: Tensor
    first_cell: int
    first_token: int

    @property
    def cells(self) -> int:
        """Return how many cells the picture has."""
        return self.height * self.width

    @property
    def picture(self) -> slice:
        """Return the places of the cells."""
        return slice(self.first_cell, self.first_cell + self.cells)

    def places(self) -> Tensor:
        """Return where each token stands in its sequence, (n, L); of one that does not count, any place."""
        return self.first_token + (self.present.cumsum(1) - 1).clamp_min(0)

    def rows(self, cells: Tensor, tokens: Tensor, length: int) -> Tensor:
        """Return weights (n, S) of the places of sequences; those that only fill up get 0.

        Args:
            cells (n or 1, cells): of the picture.
            tokens (n, L): of the prompts.
        """
        n = len(self.present)
        rows = torch.zeros(n, length, dtype=cells.dtype, device=cells.device)
        rows[:, self.picture] = cells.expand(n, -1)
        counted = torch.where(self.present, tokens.to(rows), 0)
        return rows.scatter_add(1, self.places(), counted)


class JointAttention(AttentionAccess):
    """The attention of the main layers, and of those that read the prompt before them.

    Args:
        recorded: the attention module of every main layer that is recorded, by its path.
        others: those of the other main layers.
        readers: those of the layers that read the prompt alone, before the main layers.
        refiners: those of the layers that see the picture alone, before the main layers.
    """

    def __init__(
        self,
        recorded: dict[str, nn.Module],
        others: Sequence[nn.Module] = (),
        readers: Sequence[nn.Module] = (),
        refiners: Sequence[nn.Module] = (),
    ) -> None:
        self.recorded, self.layers = recorded, [*recorded.values(), *others]
        self.readers, self.refiners = readers, refiners
        self.layout: Layout | None = None
        self._seen: dict[tuple[str, int], Tensor] = {}  # by kind of layer and length, during a prediction

    @contextmanager
    def predicting(self, layout: Layout) -> Iterator[None]:
        """Context manager: the layers work on sequences of this layout."""
        self.layout = layout
        try:
            yield
        finally:
            self.layout = None
            self._seen.clear()

    @contextmanager
    def record(self, side: int | None = None) -> Iterator[AttentionMaps]:
        """See `AttentionAccess.record`: the attention of cells to tokens, as shares of what the prompt gets.

        That is the softmax over the tokens alone, which is what layers of cross-attention compute.
        """
        recorded = AttentionMaps()

        def watch(site: str, layer: Any) -> None:
            normed: dict[str, Tensor] = {}
            norms = [name for name in NORMS if getattr(layer, name, None) is not None]

            def finish(
                module: Any, arguments: tuple[Any, ...], options: dict[str, Any], output: Tensor
            ) -> None:
                layout = self.layout
                parts = {name: normed.pop(name) for name in norms}
                if layout is None or (side is not None and layout.cells != side * side):
                    return
                angles = _angles(options)
                q, k = (
                    turned(torch.cat([part for name, part in parts.items() if name.endswith(end)], 1), angles)
                    for end in ("q", "k")
                )
                queries = q[:, layout.picture].transpose(1, 2)
                places = layout.places()[:, :, None, None].expand(-1, -1, *k.shape[2:])
                keys = k.gather(1, places).transpose(1, 2)
                logits = queries @ keys.transpose(-1, -2) * q.shape[-1] ** -0.5
                logits = logits.masked_fill(~layout.present[:, None, None], -torch.inf)
                # the mean over heads at once: those of all layers together would need many gigabytes
                recorded.maps[site] = logits.softmax(-1).mean(1, keepdim=True)

            for name in norms:
                keep_output(hooks, getattr(layer, name), normed, name)
            hooks.enter_context(layer.register_forward_hook(finish, with_kwargs=True))

        with ExitStack() as hooks:
            for site, layer in self.recorded.items():
                watch(site, layer)
            yield recorded

    @contextmanager
    def apply(self, mask: RegionMask | None, mask_self_attention: bool) -> Iterator[None]:
        """See `AttentionAccess.apply`. Tokens of a region read the cells and tokens of that region alone."""

        def masked(kind: str, allowed: Callable[[Layout, int], Tensor]) -> Callable[..., Any]:
            def before(layer: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
                assert self.layout is not None  # only predictions call the layers
                key = (kind, _length(arguments, options))
                if key not in self._seen:
                    self._seen[key] = allowed(self.layout, key[1])
                seen = self._seen[key]
                own = options.get("attention_mask")
                if own is not None:
                    seen = seen & own[:, None, None, :]
                return arguments, options | {"attention_mask": seen}

            return before

        with ExitStack() as hooks:
            if mask is not None:
                apart = mask_self_attention
                both = masked("both", lambda layout, length: _joint(mask, layout, length, apart))
                text = masked("text", lambda layout, length: _columns(mask, layout, length))
                pairs = [(layer, both) for layer in self.layers]
                pairs += [(layer, text) for layer in self.readers]
                if apart:
                    picture = masked("picture", lambda layout, length: _cells(mask, layout, length))
                    pairs += [(layer, picture) for layer in self.refiners]
                for layer, before in pairs:
                    hooks.enter_context(layer.register_forward_pre_hook(before, with_kwargs=True))
            yield

    def mask_rows(self, tokens: Tensor, area: Tensor | None, length: int) -> Tensor:
        """Return the weights (n, S) of an edit's mask in the sequences of a main layer."""
        layout = self.layout
        assert layout is not None  # only predictions call the layers
        n = len(layout.present)
        ones = tokens.new_ones(1, layout.cells, dtype=torch.float32)
        cells = ones if area is None else cells_of(area[None].float(), layout.cells)
        return layout.rows(cells, tokens[-n:].float(), length)

    def token_rows(self, tokens: Tensor, length: int) -> Tensor:
        """Return the weights (n, S) of an edit's mask in a layer that reads the prompt alone."""
        layout = self.layout
        assert layout is not None  # only predictions call the layers
        counted = torch.where(layout.present, tokens[-len(layout.present) :].float(), 0)
        rows = counted.new_zeros(len(counted), length)
        return rows.scatter_add(1, layout.places() - layout.first_token, counted)

    def cell_rows(self, area: Tensor, length: int) -> Tensor:
        """Return the weights (1, S) of an edit's mask in a layer that sees the picture alone."""
        layout = self.layout
        assert layout is not None  # only predictions call the layers
        cells = cells_of(area[None].float(), layout.cells)
        return F.pad(cells, (0, length - layout.cells))


def _length(arguments: tuple[Any, ...], options: dict[str, Any]) -> int:
    """Return S of an attention module's input, which may come as one sequence or as two parts of it."""
    parts = [*arguments[:1], options.get("hidden_states"), options.get("encoder_hidden_states")]
    return sum(part.shape[1] for part in parts if part is not None)


def _angles(options: dict[str, Any]) -> Tensor:
    """Return the turns of every place as complex numbers, (n or 1, S, d / 2).

    FLUX.2 has them as cosines and sines (S, d), each twice in a row.
    """
    if "freqs_cis" in options:
        return options["freqs_cis"]
    cosines, sines = (each[:, ::2] for each in options["image_rotary_emb"])
    return torch.complex(cosines, sines)[None]


def turned(x: Tensor, freqs_cis: Tensor) -> Tensor:
    """Return queries or keys (n, S, heads, d) turned by their positions (RoPE, Su et al. 2021), float32."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * freqs_cis[:, :, None]).flatten(3)


def _column_of(mask: RegionMask, layout: Layout) -> Tensor:
    """Return the number of the region that each of the J L tokens belongs to, (J L,)."""
    count = len(mask.areas)
    length = layout.present.shape[1] // count
    return torch.arange(count, device=layout.present.device).repeat_interleave(length)


def _seen_by_place(values: Tensor, layout: Layout, length: int, first: int) -> Tensor:
    """Return values of tokens (n, L) by the place (n, S) where they stand; -1 where no token stands."""
    found = torch.full((len(layout.present), length), -1, dtype=torch.long, device=values.device)
    places = layout.places() - layout.first_token + first
    for row, present in enumerate(layout.present):
        found[row, places[row, present]] = values.expand(len(layout.present), -1)[row, present]
    return found


def _columns(mask: RegionMask, layout: Layout, length: int) -> Tensor:
    """Return which tokens see each other while the prompt is read alone, (n, 1, S, S)."""
    column = _seen_by_place(_column_of(mask, layout), layout, length, 0)
    return _filled(column[:, :, None] == column[:, None, :], column < 0)[:, None]


def _joint(mask: RegionMask, layout: Layout, length: int, mask_self_attention: bool) -> Tensor:
    """Return which places of a main layer's sequences see each other, (n, 1, S, S)."""
    n, cells, first = len(layout.present), layout.cells, layout.first_token
    device = layout.present.device
    inside = mask.regions_of(cells).to(device)  # (J, cells)
    every_cell = layout.first_cell + torch.arange(cells, device=device)
    column = _seen_by_place(_column_of(mask, layout), layout, length, first)
    readable = _seen_by_place(mask.readable[-n:].to(device).long(), layout, length, first) == 1
    seen = column[:, :, None] == column[:, None, :]  # tokens of one region
    if mask_self_attention:
        seen[:, layout.picture, layout.picture] = mask.cells_together(inside)
    for row in range(n):
        places = (column[row] >= 0).nonzero()[:, 0]
        of_region = inside[column[row, places]]  # (tokens, cells)
        seen[row, places[:, None], every_cell] = of_region
        seen[row, every_cell[:, None], places] = (of_region & readable[row, places, None]).T
    filling = column < 0
    filling[:, layout.picture] = False
    return _filled(seen, filling)[:, None]


def _cells(mask: RegionMask, layout: Layout, length: int) -> Tensor:
    """Return which cells see each other while the picture is seen alone, (n, 1, S, S)."""
    device, cells = layout.present.device, layout.cells
    seen = torch.zeros(1, length, length, dtype=torch.bool, device=device)
    seen[:, :cells, :cells] = mask.cells_together(mask.regions_of(cells).to(device))
    filling = (torch.arange(length, device=device) >= cells)[None]
    return _filled(seen, filling).expand(len(layout.present), -1, -1)[:, None]


def _filled(seen: Tensor, filling: Tensor) -> Tensor:
    """Return what is seen (n, S, S) with places that only fill up: all see them, they see each other alone.

    Nothing gets from one region into another through them.
    """
    return torch.where(filling[:, :, None], filling[:, None, :], seen | filling[:, None, :])
