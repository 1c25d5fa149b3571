"""Weights of a frozen denoiser kept in 8 bits, and computed with in the precision of what a layer reads.

The format is float8 e4m3 (Micikevicius et al. 2022, arXiv 2209.05433), without scales: `layer.weight.float()`
stays the weight. Which layers are left as they are is what the model's class says to diffusers' layerwise
casting. That itself is not used: it casts a layer's weight back after the layer has run, so that in training
the graph keeps a copy of every weight in full precision, and the gradient of a convolution meets the one in
8 bits and fails (diffusers 0.42). Here the weight is cast again in the backward pass.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN
from torch import Tensor, nn

FLOAT8 = torch.float8_e4m3fn


class _Linear(torch.autograd.Function):
    """x W' + b with W in 8 bits; only x gets a gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight)
        return F.linear(x, weight.to(x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (weight,) = ctx.saved_tensors
        return gradients[0] @ weight.to(gradients[0].dtype), None, None


class _Convolution(torch.autograd.Function):
    """A convolution of x with W in 8 bits; only x gets a gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *how: Any) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.shape, ctx.how = x.shape, how
        return F.conv2d(x, weight.to(x.dtype), bias, *how)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        W = weight.to(gradients[0].dtype)
        x = torch.nn.grad.conv2d_input(ctx.shape, W, gradients[0], *ctx.how)
        return x, *[None] * (2 + len(ctx.how))


class Linear8(nn.Linear):
    """A linear layer whose frozen weight is kept in 8 bits."""

    def forward(self, x: Tensor) -> Tensor:
        """Return W x + b, in the precision of x."""
        if self.weight.dtype != FLOAT8:  # an edit has replaced it
            return super().forward(x)
        return _Linear.apply(x, self.weight, self.bias)


class Convolution8(nn.Conv2d):
    """A convolution whose frozen weight is kept in 8 bits."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution, in the precision of x."""
        if self.weight.dtype != FLOAT8:
            return super().forward(x)
        how = (self.stride, self.padding, self.dilation, self.groups)
        return _Convolution.apply(x, self.weight, self.bias, *how)


IN_8_BITS = {nn.Linear: Linear8, nn.Conv2d: Convolution8}


def can_float8(denoiser: nn.Module, device: torch.device) -> bool:
    """Return whether a denoiser can be kept in 8 bits: whether its class says which layers must not be."""
    return device.type != "mps" and getattr(denoiser, "_skip_layerwise_casting_patterns", None) is not None


def float8_layers(denoiser: nn.Module) -> dict[str, nn.Module]:
    """Return the layers whose weights may be in 8 bits, by path: no norms, nor what the class keeps."""
    kept = (
        *DEFAULT_SKIP_MODULES_PATTERN,
        *(getattr(denoiser, "_keep_in_fp32_modules", None) or ()),
        *(getattr(denoiser, "_skip_layerwise_casting_patterns", None) or ()),
    )

    def walk(module: nn.Module, path: str) -> Iterator[tuple[str, nn.Module]]:
        if any(re.search(pattern, path) for pattern in kept):
            return
        if type(module) in IN_8_BITS and getattr(module, "padding_mode", "zeros") == "zeros":
            yield path, module
        for name, child in module.named_children():
            yield from walk(child, f"{path}.{name}" if path else name)

    return dict(walk(denoiser, ""))


def keep_in_float8(denoiser: nn.Module) -> None:
    """Keep the weights of a frozen denoiser in 8 bits, where its class allows it. There is no way back."""
    for layer in float8_layers(denoiser).values():
        layer.weight.data = layer.weight.data.to(FLOAT8)
        layer.__class__ = IN_8_BITS[type(layer)]
