"""Training pictures of the judge: drawings placed on backgrounds, in batches, on any device."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .judge_degradations import degrade
from .judge_fields import uniform


class Views(NamedTuple):
    """Pictures of n drawings, and where each patch lies.

    `pixels` (n, 3, side, side): -1..1. `cover` (n, p): share of each patch that the drawing covers.
    `objects` (n, p): the same, other drawings in the picture included. `places` (n, p, 2): of the patches'
    middles on the drawing, -1..1. `cleanliness` (n,): 0..1.
    """

    pixels: Tensor
    cover: Tensor
    objects: Tensor
    places: Tensor
    cleanliness: Tensor

    @staticmethod
    def join(parts: list[Views]) -> Views:
        """Put batches of views together."""
        return Views(*(torch.cat(each) for each in zip(*parts, strict=True)))


def random_placement(count: int, device: str, small: float = 0.38, large: float = 0.95) -> Tensor:
    """Return affine maps (n, 2, 3) from picture to drawing: position, size, turn, mirror.

    `small`, `large`: the longer side of the drawing, in fractions of the picture.
    """
    size = small + (large - small) * torch.rand(count, device=device)
    reach = (1 - size).clamp(min=0.1)
    centre = (torch.rand(count, 2, device=device) * 2 - 1) * reach[:, None] * 0.9
    return affine(centre, size, random_turns(count, device), torch.rand(count, device=device) < 0.4)


def random_turns(count: int, device: str) -> Tensor:
    """Return angles in radians: mostly up to 15 degrees, in every fifth case up to 40."""
    spread = torch.where(torch.rand(count, device=device) < 0.2, 40.0, 15.0)
    return (torch.rand(count, device=device) * 2 - 1) * spread * math.pi / 180


def affine(centre: Tensor, size: Tensor, turn: Tensor, mirrored: Tensor) -> Tensor:
    """Return maps (n, 2, 3) from picture to drawing for `grid_sample`.

    `centre` (n, 2): -1..1. `size`, `turn`, `mirrored` (n,).
    """
    cosine, sine = turn.cos() / size, turn.sin() / size
    flip = 1 - 2 * mirrored.float()
    matrix = torch.stack(
        [torch.stack([cosine * flip, sine * flip], dim=1), torch.stack([-sine, cosine], dim=1)], dim=1
    )
    return torch.cat([matrix, -matrix @ centre[..., None]], dim=2)


def placed(layers: Tensor, maps: Tensor, side: int) -> Tensor:
    """Draw layers (n, 4, h, w), straight alpha, at their places: (n, 4, side, side), premultiplied."""
    premultiplied = torch.cat([layers[:, :3] * layers[:, 3:], layers[:, 3:]], dim=1)
    grid = F.affine_grid(maps, [len(layers), 4, 2 * side, 2 * side], align_corners=False)
    # Twice the pixels, then halved, so that small drawings have smooth edges.
    return F.avg_pool2d(F.grid_sample(premultiplied, grid, align_corners=False), 2)


def over(layer: Tensor, pixels: Tensor) -> Tensor:
    """Put a premultiplied layer (n, 4, s, s) on pictures (n, 3, s, s)."""
    return layer[:, :3] + pixels * (1 - layer[:, 3:])


def beside(maps: Tensor) -> Tensor:
    """Return maps for smaller drawings on the other side of the picture from those at `maps`."""
    count, device = len(maps), maps.device
    size = 0.3 + 0.22 * torch.rand(count, device=device)
    matrix, offset = maps[:, :, :2], maps[:, :, 2:]
    scale = matrix[:, :1].square().sum(dim=2)  # the matrix is a turn and a scale: easy to invert
    centre = -(matrix.transpose(1, 2) @ offset)[..., 0] / scale  # of the drawing, in the picture
    away = -centre + 0.15 * torch.randn_like(centre)
    away = (
        away / away.norm(dim=1, keepdim=True).clamp(min=1e-3) * (0.5 + 0.2 * torch.rand_like(size))[:, None]
    )
    return affine(away, size, random_turns(count, str(device)), torch.rand(count, device=device) < 0.5)


def jitter(pixels: Tensor) -> Tensor:
    """Change brightness, contrast and tint: that is no dirt. Some get evening or night light."""
    light = torch.tensor([[1.0, 0.78, 0.68], [0.4, 0.46, 0.72]], device=pixels.device)
    light = light[torch.randint(2, (len(pixels),), device=pixels.device)][..., None, None]
    pixels = pixels * (1 + (light - 1) * uniform(pixels, 0, 1) * (uniform(pixels, 0, 1) < 0.2))
    tint = torch.randn(len(pixels), 3, 1, 1, device=pixels.device) * 0.015
    return 0.5 + (pixels - 0.5) * uniform(pixels, 0.88, 1.1) + uniform(pixels, -0.05, 0.05) + tint


def resample(pixels: Tensor, random: np.random.Generator) -> Tensor:
    """Bring a quarter of the pictures to fewer pixels and back: pictures come in several sizes."""
    side = pixels.shape[-1]
    rows = torch.from_numpy(random.permutation(len(pixels))[: len(pixels) // 4]).to(pixels.device)
    if len(rows):
        fewer = int(random.integers(round(0.68 * side), side))
        small = F.interpolate(pixels[rows], size=(fewer, fewer), mode="bicubic", antialias=True)
        pixels = pixels.index_copy(
            0, rows, F.interpolate(small, size=(side, side), mode="bicubic", align_corners=False)
        )
    return pixels


def compose(
    layers: Tensor,
    others: Tensor,
    backgrounds: Tensor,
    maps: Tensor,
    strength: np.ndarray,
    patch: int,
    random: np.random.Generator,
    others_share: float = 0.25,
) -> Views:
    """Compose views of drawings.

    `layers`, `others` (n, 4, h, w): drawings, 0..1; some pictures have the other one beside the first.
    `backgrounds` (n, 3, s, s). `maps`: as `random_placement` returns them. `strength` (n,): of the
    degradation. `patch`: side of a patch in pixels.
    """
    side, device = backgrounds.shape[-1], backgrounds.device
    pixels, objects = backgrounds, torch.zeros_like(backgrounds[:, :1])
    rows = torch.from_numpy(random.permutation(len(layers))[: round(others_share * len(layers))]).to(device)
    if len(rows):
        aside = placed(others[rows], beside(maps[rows]), side)
        pixels = pixels.index_copy(0, rows, over(aside, pixels[rows]))
        objects = objects.index_copy(0, rows, aside[:, 3:])
    layer = placed(layers, maps, side)
    pixels = jitter(over(layer, pixels)).clamp(0, 1)
    objects = torch.maximum(objects, layer[:, 3:])
    again = strength * random.random(len(strength)) * (random.random(len(strength)) < 0.25)
    for amount in (strength, again):
        pixels = degrade(pixels, objects, amount, random)
    pixels = resample(pixels, random).clamp(0, 1)
    cells = side // patch
    line = (torch.arange(cells, device=device) + 0.5) * 2 / cells - 1
    middles = torch.stack(
        [line.repeat(cells), line.repeat_interleave(cells), torch.ones_like(line).repeat(cells)]
    )
    return Views(
        pixels * 2 - 1,
        F.avg_pool2d(layer[:, 3:], patch).flatten(1),
        F.avg_pool2d(objects, patch).flatten(1),
        (maps @ middles).transpose(1, 2),
        torch.from_numpy((1 - strength) * (1 - 0.5 * again)).to(pixels),
    )
