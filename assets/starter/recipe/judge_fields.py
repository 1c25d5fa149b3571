"""Fields of numbers over batches of pictures (n, c, s, s), on any device: blurs, clouds, waves, shifts."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor


def blur_once(pixels: Tensor, sigma: float) -> Tensor:
    """Blur all pictures with a Gaussian of `sigma` pixels."""
    reach = max(1, math.ceil(2.5 * sigma))
    line = torch.arange(-reach, reach + 1, device=pixels.device, dtype=pixels.dtype)
    line = torch.exp(-(line**2) / (2 * sigma**2))
    line = (line / line.sum()).expand(pixels.shape[1], 1, -1)
    padded = F.pad(pixels, (reach,) * 4, mode="replicate")
    across = F.conv2d(padded, line[:, :, None], groups=pixels.shape[1])
    return F.conv2d(across, line[..., None], groups=pixels.shape[1])


def blur_by(pixels: Tensor, amount: Tensor) -> Tensor:
    """Blur each picture by its own amount (n, 1, 1, 1): 0 is not at all, 1 a sigma of 8 % of the side."""
    side = pixels.shape[-1]
    levels = [pixels, *(blur_once(pixels, share * side) for share in (0.006, 0.015, 0.035, 0.08))]
    position = amount.clamp(0, 1) * (len(levels) - 1)
    return sum(level * (1 - (position - number).abs()).clamp(min=0) for number, level in enumerate(levels))


def cloud(pixels: Tensor, cells: int, channels: int = 3) -> Tensor:
    """Return smooth normal noise (n, channels, s, s) with `cells` bumps along a side."""
    coarse = torch.randn(len(pixels), channels, cells, cells, device=pixels.device)
    return F.interpolate(coarse, size=pixels.shape[-2:], mode="bicubic", align_corners=False)


def uniform(pixels: Tensor, low: float, high: float) -> Tensor:
    """Return a random number per picture (n, 1, 1, 1)."""
    return low + (high - low) * torch.rand(len(pixels), 1, 1, 1, device=pixels.device)


def coordinates(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Return x and y (1, 1, s, s), -1..1."""
    line = torch.linspace(-1, 1, pixels.shape[-1], device=pixels.device)
    return line.view(1, 1, 1, -1), line.view(1, 1, -1, 1)


def shift(pixels: Tensor, moves: Tensor) -> Tensor:
    """Fetch every pixel from elsewhere: `moves` (n, 2, s, s) in half sides."""
    x, y = coordinates(pixels)
    grid = torch.stack([x.expand_as(y * x), y.expand_as(y * x)], dim=-1)[:, 0] + moves.permute(0, 2, 3, 1)
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=True)
