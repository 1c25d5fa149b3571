"""The hyper-network of ProSpect (Zhang et al., arXiv 2305.16225): one embedding in, a vector per stage out.

A transformer block on a sequence of one token x (D), here with LN for layer norm and drop for dropout:

    x <- x + drop(W_o W_v LN(x) + b)          twice, "self-attention" with 8 heads of 64
    g = A LN(x) + a                            (2 x 4 D), in halves h and k
    y = B drop(h * gelu(k)) + b                (S n D), no residual

Over a single token the softmax of attention is 1, so its output is the value: queries and keys decide nothing
and get no gradient, and are left out here. They are 1.6 of the published 31.5 million parameters at D = 768.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

INNER = 8 * 64  # heads by width of a head
ATTENTIONS = 2
GROWTH = 4  # of the feed-forward layer

Dropped = tuple[Tensor, ...]


class StageNetwork:
    """Makes the vectors (S, n, D) of S stages out of one embedding.

    Args:
        start (D,): the embedding, which stays as it is.
        stages, count: S and n.
        generator: draws the weights, each uniform in +-1/sqrt(inputs), as in a layer of torch.
    """

    def __init__(self, start: Tensor, stages: int, count: int, generator: torch.Generator) -> None:
        self.start, self.shape = start.detach(), (stages, count, len(start))
        width, inner = len(start), GROWTH * len(start)

        def layer(outputs: int, inputs: int, *shape: int) -> Tensor:
            bound = 1 / math.sqrt(inputs)
            drawn = torch.rand(outputs, *shape, generator=generator)
            return ((2 * drawn - 1) * bound).to(start.device).requires_grad_()

        def linear(outputs: int, inputs: int) -> tuple[Tensor, Tensor]:
            return layer(outputs, inputs, inputs), layer(outputs, inputs)

        def norm() -> tuple[Tensor, Tensor]:
            scale = torch.ones(width, device=start.device)
            return scale.requires_grad_(), torch.zeros_like(scale).requires_grad_()

        self.attentions = [
            (*norm(), layer(INNER, width, width), *linear(width, INNER)) for _ in range(ATTENTIONS)
        ]
        self.norm = norm()
        self.gate = linear(2 * inner, width)
        self.out = linear(stages * count * width, inner)

    def parameters(self) -> list[Tensor]:
        """Return everything that learns."""
        attentions = [tensor for attention in self.attentions for tensor in attention]
        return [*attentions, *self.norm, *self.gate, *self.out]

    def draw_dropout(self, share: float, generator: torch.Generator) -> Dropped:
        """Return the factors of every dropout: 0 for a `share` of places, 1 / (1 - share) for the rest."""
        width = len(self.start)
        sizes = [*[width] * ATTENTIONS, GROWTH * width]
        drawn = [torch.rand(size, generator=generator).to(self.start.device) for size in sizes]
        return tuple((one >= share).float() / (1 - share) for one in drawn)

    def vectors(self, dropped: Dropped | None = None) -> Tensor:
        """Return the vectors (S, n, D); without `dropped` as they are kept, without dropout."""
        x = self.start[None]  # a sequence of one token
        width = x.shape[1]
        for number, (scale, shift, value, weight, bias) in enumerate(self.attentions):
            attended = F.linear(F.linear(F.layer_norm(x, (width,), scale, shift), value), weight, bias)
            x = x + (attended if dropped is None else dropped[number] * attended)
        grown, gate = F.linear(F.layer_norm(x, (width,), *self.norm), *self.gate).chunk(2, dim=1)
        hidden = grown * F.gelu(gate)
        hidden = hidden if dropped is None else dropped[-1] * hidden
        return F.linear(hidden, *self.out).reshape(self.shape)
