"""The network that speaks a word for each timestep and block (NeTI, Alaluf et al., arXiv 2305.15391).

    code = [sin(W_f x), cos(W_f x)] / |..|                    x = (t, l), t in 0..999, l in 0..S-1
    h    = lrelu(LN(W_2 lrelu(LN(W_1 (W_0 code)))))           H units
    v, b = the halves of W_out h                              only the first c units of h count

W_f (K, 2) is not learned. Rows of W_0 start as the codes of timesteps 0, 100, .. 900 at every block. The
output gets the length of the noun's embedding.

Shapes: m pairs of a timestep and a block, D text width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

TIMESTEPS = 1000
FREQUENCIES, UNITS = 1024, 128  # K and H of the released code
TIME_ANCHORS = 10
LAYERS = ("anchors", "first", "second", "output")  # W_0, W_1, W_2, W_out
NORMS = ("first_norm", "second_norm")


def positional_code(frequencies: Tensor, t: Tensor, blocks: Tensor) -> Tensor:
    """Return the codes (m, 2 K), of unit length, of timesteps 0..999 and numbers of blocks, both (m,)."""
    angles = torch.stack([t.float(), blocks.float()], dim=1) @ frequencies.T
    return F.normalize(torch.cat([angles.sin(), angles.cos()], dim=1))


def shapes_of(frequencies: int, anchors: int, outputs: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor of a mapper, by its name.

    Args:
        frequencies: K.
        anchors: rows of W_0.
        outputs: D, or 2 D with a bypass.
    """
    shapes: dict[str, tuple[int, ...]] = {"frequencies": (frequencies, 2)}
    sizes = (2 * frequencies, anchors, UNITS, UNITS, outputs)
    for name, width, height in zip(LAYERS, sizes, sizes[1:], strict=False):
        shapes |= {f"{name}/weight": (height, width), f"{name}/bias": (height,)}
    return shapes | {f"{name}/{part}": (UNITS,) for name in NORMS for part in ("weight", "bias")}


@dataclass(frozen=True)
class Form:
    """What a mapper's output means.

    Args:
        length: of the output.
        bypass: whether its second half is a bypass.
        joint: whether both halves together have that length, as in the released code, or the word alone.
    """

    length: float
    bypass: bool = True
    joint: bool = True


@dataclass(frozen=True)
class SpaceTimeMapper:
    """A mapper: its tensors, float32, by the names of `shapes_of`, and what its output means."""

    tensors: Mapping[str, Tensor]
    form: Form

    @classmethod
    def start(
        cls, width: int, blocks: int, sigmas: tuple[float, float], form: Form, generator: torch.Generator
    ) -> Self:
        """Return a mapper to learn, on the CPU.

        Args:
            width: D.
            sigmas: the standard deviations of W_f along timesteps and along blocks.
        """
        anchors = torch.cartesian_prod(
            torch.arange(0, TIMESTEPS, TIMESTEPS // TIME_ANCHORS), torch.arange(blocks)
        )
        tensors = {}
        for name, shape in shapes_of(FREQUENCIES, len(anchors), width * (1 + form.bypass)).items():
            layer, _, part = name.partition("/")
            if layer == "frequencies":
                tensors[name] = torch.randn(shape, generator=generator) * torch.tensor(sigmas)
            elif layer in NORMS:
                tensors[name] = torch.full(shape, float(part == "weight"))
            else:  # as layers of torch start: uniform, by the number of inputs
                if part == "weight":
                    bound = shape[1] ** -0.5
                tensors[name] = torch.empty(shape).uniform_(-bound, bound, generator=generator)
        tensors["anchors/weight"] = positional_code(tensors["frequencies"], *anchors.T)
        return cls(tensors, form)

    def parameters(self) -> list[Tensor]:
        """Return the tensors that are learned: all but W_f."""
        return [tensor for name, tensor in self.tensors.items() if name != "frequencies"]

    @property
    def width(self) -> int:
        """Return D."""
        return len(self.tensors["output/bias"]) // (1 + self.form.bypass)

    @property
    def blocks(self) -> int:
        """Return S."""
        return len(self.tensors["anchors/bias"]) // TIME_ANCHORS

    def units(self, t: Tensor, blocks: Tensor) -> Tensor:
        """Return h (m, H) at timesteps 0..999 and numbers of blocks, both (m,)."""
        x = self._linear("anchors", positional_code(self.tensors["frequencies"], t, blocks))
        for layer, norm in zip(("first", "second"), NORMS, strict=True):
            weight, bias = (self.tensors[f"{norm}/{part}"] for part in ("weight", "bias"))
            x = F.leaky_relu(F.layer_norm(self._linear(layer, x), (UNITS,), weight, bias))
        return x

    def __call__(self, t: Tensor, blocks: Tensor, counting: Tensor) -> tuple[Tensor, Tensor]:
        """Return the embeddings v (m, D), and b (m, D) of unit length, or zeros without a bypass.

        Args:
            t, blocks (m,): timesteps 0..999 and numbers of blocks.
            counting (m,): c, how many units count.
        """
        counts = torch.arange(UNITS, device=counting.device) < counting[:, None]
        output = self._linear("output", counts * self.units(t, blocks))
        if self.form.joint:
            output = F.normalize(output) * self.form.length
        v, b = output[:, : self.width], output[:, self.width :]
        if not self.form.joint:
            v = F.normalize(v) * self.form.length
        return v, F.normalize(b) if self.form.bypass else torch.zeros_like(v)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self.tensors[f"{name}/weight"], self.tensors[f"{name}/bias"])
