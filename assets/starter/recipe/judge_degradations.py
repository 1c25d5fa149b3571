"""What goes wrong in pictures, drawn on batches on any device, by a strength of 0 (nothing) to 1 (ruined).

A degradation takes pictures (n, 3, s, s), 0..1, the cover of their objects (n, 1, s, s), 0..1, and strengths
(n, 1, 1, 1), and returns the pictures. The judge's exam uses other code.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .judge_fields import blur_by, blur_once, cloud, coordinates, shift, uniform

Degradation = Callable[[Tensor, Tensor, Tensor], Tensor]


def blurred(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Blur the picture."""
    return blur_by(pixels, 0.2 + 0.75 * strength)


def smeared(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Drag paint along strokes, in several short moves, each a little blurred."""
    near = (cloud(pixels, 4, 1) * 1.5).sigmoid() ** 1.5
    angle = uniform(pixels, 0, 2 * math.pi) + cloud(pixels, 3, 1) * 0.8
    step = torch.cat([angle.cos(), angle.sin()], dim=1) * near * strength * uniform(pixels, 0.06, 0.13)
    result = pixels
    for _ in range(4):
        result = shift(result, step)
        result = result + (blur_once(result, 0.012 * pixels.shape[-1]) - result) * near * strength
    return result


def melted(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Bend the shapes without a blur."""
    moves = cloud(pixels, 5, 2) * 0.09 + cloud(pixels, 10, 2) * 0.05
    return shift(pixels, moves * strength)


def striped(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Draw stripes across the objects, or across the whole picture."""
    x, y = coordinates(pixels)
    angle, waves = uniform(pixels, 0, math.pi), torch.exp(uniform(pixels, math.log(4), math.log(18)))
    phase = cloud(pixels, 3, 1) * 0.8 * (uniform(pixels, 0, 1) < 0.3)
    wave = torch.sin(math.pi * waves * (x * angle.cos() + y * angle.sin()) + phase + uniform(pixels, 0, 6))
    bars = (wave * uniform(pixels, 0.6, 4) + uniform(pixels, -0.4, 0.6)).clamp(0, 1)
    wide = F.max_pool2d(cover, 5, 1, 2)
    where = torch.where(uniform(pixels, 0, 1) < 0.75, wide, torch.ones_like(wide))
    colour = torch.rand(len(pixels), 3, 1, 1, device=pixels.device)
    return pixels + (colour - pixels) * bars * where * (0.15 + 0.8 * strength)


def noisy(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Blur, then add grain of one or two pixels' size, coloured or grey."""
    side = pixels.shape[-1]
    coarse = torch.randn(len(pixels), 3, side // 2, side // 2, device=pixels.device)
    grain = torch.where(
        uniform(pixels, 0, 1) < 0.5,
        torch.randn_like(pixels),
        F.interpolate(coarse, size=(side, side), mode="nearest"),
    )
    grain = torch.where(uniform(pixels, 0, 1) < 0.3, grain[:, :1], grain)
    return blur_by(pixels, strength * uniform(pixels, 0, 0.6)) + grain * (0.02 + 0.2 * strength)


def half_denoised(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Mix the blurred picture with clouds of several sizes, as when denoising stops too early."""
    soft = blur_by(pixels, 0.15 + 0.8 * strength)
    mean = blur_once(pixels, 0.1 * pixels.shape[-1])
    clouds = cloud(pixels, 6) * 0.5 + cloud(pixels, 12) + cloud(pixels, 24) * uniform(pixels, 0.2, 1)
    wide = blur_once(F.max_pool2d(cover, 7, 1, 3), 0.03 * pixels.shape[-1])
    where = wide + (1 - wide) * uniform(pixels, 0, 0.6)
    patchy = (cloud(pixels, 8, 1) * 3 + 4 * (strength - 0.6)).sigmoid() * strength
    return soft + (mean - soft) * patchy + clouds * where * 0.16 * strength


def blocky(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Quantise the frequencies of blocks of 8 pixels, as JPEG does."""
    count, channels, side, _ = pixels.shape
    line = torch.arange(8, device=pixels.device, dtype=pixels.dtype)
    cosines = torch.cos(math.pi / 8 * (line + 0.5) * line[:, None]) / 2
    cosines[0] /= math.sqrt(2)
    blocks = pixels.view(count, channels, side // 8, 8, side // 8, 8).permute(0, 1, 2, 4, 3, 5)
    frequencies = cosines @ blocks @ cosines.T
    step = (line + line[:, None] + 2) * (0.004 + 0.07 * strength[..., None, None])
    blocks = cosines.T @ ((frequencies / step).round() * step) @ cosines
    return blocks.permute(0, 1, 2, 4, 3, 5).reshape_as(pixels)


def over_trained(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Exaggerate edges, contrast and colours, and add blotches."""
    blotches = (cloud(pixels, 10) + cloud(pixels, 24) + cloud(pixels, 48)) * uniform(pixels, 0, 0.04)
    values = pixels + blotches * strength
    for share in (0.012, 0.03):
        values = values + strength * uniform(pixels, 0, 2.0) * (
            values - blur_once(values, share * pixels.shape[-1])
        )
    grey = values.mean(dim=1, keepdim=True)
    values = grey + (1 + strength * uniform(pixels, 0.3, 1.2)) * (values - grey)
    return 0.5 + (1 + strength * uniform(pixels, 0.3, 1.2)) * (values - 0.5)


def ghosted(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Mix in another picture of the batch, or the picture itself a little to the side."""
    itself = uniform(pixels, 0, 1) < 0.5
    other = torch.where(itself, pixels, pixels.roll(1, dims=0))
    moves = torch.randn(len(pixels), 2, 1, 1, device=pixels.device).clamp(-1.5, 1.5) * 0.2
    other = shift(other, moves.expand(-1, -1, *pixels.shape[-2:]))
    return pixels + (other - pixels) * (0.1 + 0.45 * strength)


def painted_over(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Cover spots of the objects with the colour around them, so that eyes and other parts are missing."""
    around = blur_once(pixels * cover, 0.1 * pixels.shape[-1])
    around = around / blur_once(cover, 0.1 * pixels.shape[-1]).clamp(min=0.05)
    spots = ((cloud(pixels, 6, 1) - 1.6 + 1.7 * strength) * 5).sigmoid()
    return pixels + (around - pixels) * spots * cover


def woven(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Add a fine regular grid, as decoders do."""
    x, y = coordinates(pixels)
    waves = uniform(pixels, 0.15, 0.5) * pixels.shape[-1] * math.pi
    grid = torch.sin(x * waves + uniform(pixels, 0, 6)) * torch.sin(y * waves + uniform(pixels, 0, 6))
    tint = torch.randn(len(pixels), 3, 1, 1, device=pixels.device) * 0.5 + 1
    return pixels + grid * tint * (0.02 + 0.2 * strength)


def speckled(pixels: Tensor, cover: Tensor, strength: Tensor) -> Tensor:
    """Strew blots of random colours."""
    cells = 20
    coarse = torch.rand(len(pixels), 4, cells, cells, device=pixels.device)
    spread = F.interpolate(coarse, size=pixels.shape[-2:], mode="bicubic", align_corners=False)
    blots = ((spread[:, 3:] - 1 + 0.45 * strength) * 20).sigmoid()
    return pixels + (spread[:, :3] - pixels) * blots


KINDS: tuple[Degradation, ...] = (
    smeared,
    striped,
    half_denoised,
    over_trained,
    noisy,
    blurred,
    melted,
    ghosted,
    painted_over,
    blocky,
    woven,
    speckled,
)


def degrade(pixels: Tensor, cover: Tensor, strength: np.ndarray, random: np.random.Generator) -> Tensor:
    """Degrade every picture of a strength above 0 in one way.

    `pixels` (n, 3, s, s), 0..1. `cover` (n, 1, s, s). `strength` (n,), 0..1.
    """
    result = pixels.clone()
    order = random.permutation(np.flatnonzero(strength > 0))
    for kind, part in zip(random.permutation(len(KINDS)), np.array_split(order, len(KINDS)), strict=True):
        if len(part):
            rows = torch.from_numpy(part).to(pixels.device)
            by = torch.from_numpy(strength[part]).to(pixels).view(-1, 1, 1, 1)
            result[rows] = KINDS[kind](pixels[rows], cover[rows], by)
    return result.clamp(0, 1)
