"""Impostors: drawings that share colours, outline or parts with a subject and are not it."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from .judge_fields import blur_once, cloud, coordinates, uniform


def recolour(layers: Tensor, palettes: Tensor, targets: Tensor) -> Tensor:
    """Give drawings (n, 4, s, s) other palettes (n, k, 3): darkest for darkest, and so on."""
    colours = layers[:, :3]
    distances = ((colours[:, None] - palettes[..., None, None]) ** 2).sum(dim=2)
    nearest = distances.argmin(dim=1).flatten(1)[..., None].expand(-1, -1, 3)
    own, new = (each.gather(1, nearest).transpose(1, 2).reshape_as(colours) for each in (palettes, targets))
    return torch.cat([(new + 0.5 * (colours - own)).clamp(0, 1), layers[:, 3:]], dim=1)


def join(first: Tensor, second: Tensor) -> Tensor:
    """Join parts of two drawings along a line through the middle."""
    x, y = coordinates(first)
    angle = uniform(first, 0, 2 * math.pi)
    side = x * angle.cos() + y * angle.sin() > uniform(first, -0.2, 0.2)
    return torch.where(side, second, first)


def fill_outline(layers: Tensor, palettes: Tensor) -> Tensor:
    """Fill the rounded outline of drawings with stripes or clouds of two of their colours."""
    x, y = coordinates(layers)
    alpha = (blur_once(layers[:, 3:], 5.0) > 0.45).float()
    angle = uniform(layers, 0, math.pi)
    wave = torch.sin((x * angle.cos() + y * angle.sin()) * uniform(layers, 12, 40))
    wave = torch.where(uniform(layers, 0, 1) < 0.6, wave, cloud(layers, 5, 1))
    picks = torch.rand(palettes.shape[:2], device=layers.device).topk(2, dim=1).indices
    first, second = palettes.gather(1, picks[..., None].expand(-1, -1, 3)).unbind(dim=1)
    bands = (wave * uniform(layers, 1, 20)).sigmoid()
    return torch.cat([first[..., None, None] + (second - first)[..., None, None] * bands, alpha], dim=1)


def shuffle_parts(layers: Tensor) -> Tensor:
    """Exchange the left and right halves of drawings, or the upper and lower ones."""
    half = layers.shape[-1] // 2
    across = uniform(layers, 0, 1) < 0.5
    return torch.where(across, layers.roll(half, dims=3), layers.roll(half, dims=2))


def exchange_colours(layers: Tensor) -> Tensor:
    """Exchange red, green and blue."""
    return torch.cat([layers[:, [1, 2, 0]], layers[:, 3:]], dim=1)


def impostors(subjects: Tensor, others: Tensor, palettes: Tensor, other_palettes: Tensor) -> Tensor:
    """Return an impostor of each subject, of random kinds in turn.

    `subjects`, `others` (n, 4, s, s): drawings, 0..1. `palettes`, `other_palettes` (n, k, 3): theirs.
    """
    disguised = recolour(others, other_palettes, palettes)
    makers = (
        lambda rows: disguised[rows],
        lambda rows: disguised[rows],
        lambda rows: join(subjects[rows], disguised[rows]),
        lambda rows: fill_outline(subjects[rows], palettes[rows]),
        lambda rows: shuffle_parts(subjects[rows]),
        lambda rows: torch.where(
            uniform(subjects[rows], 0, 1) < 0.5,
            exchange_colours(subjects[rows]),
            join(subjects[rows], others[rows]),
        ),
    )
    result = torch.empty_like(subjects)
    numbers = torch.arange(len(subjects), device=subjects.device)
    for kind, make in enumerate(makers):
        rows = numbers[kind :: len(makers)]
        if len(rows):
            result[rows] = make(rows)
    return result


def too_similar(subjects: Tensor, changed: Tensor) -> Tensor:
    """Return (n,) bool: impostors that hardly differ from their subjects."""
    alphas = subjects[:, 3:], changed[:, 3:]
    colours = (subjects[:, :3] * alphas[0] - changed[:, :3] * alphas[1]).abs().mean(dim=(1, 2, 3))
    area = alphas[0].mean(dim=(1, 2, 3)).clamp(min=0.02)
    return (colours + (alphas[0] - alphas[1]).abs().mean(dim=(1, 2, 3))) / area < 0.08
