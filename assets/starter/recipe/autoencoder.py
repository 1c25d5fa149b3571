"""The autoencoder: 64 px pictures to 4 x 16 x 16 latents and back (Rombach et al. 2022, section 3.1)."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from .budget import Budget, load_state, save_state
from .drawings import Drawing
from .leaves import dead_leaves
from .muon import optimizers, take_step
from .precision import mixed
from .scenes import PIXELS, scenes

CHANNELS = (32, 64, 96)
KL_WEIGHT = 2e-4  # per latent number: enough to keep latents near a unit scale, too little to blur
LEAVES = 0.3  # share of the pictures that are dead leaves, so that it learns edges and not five emoji sets


def build(channels: tuple[int, ...] = CHANNELS) -> AutoencoderKL:
    """Fully convolutional, so that it can be trained on crops: several times cheaper per useful pixel."""
    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=16,
        sample_size=PIXELS,
        mid_block_add_attention=False,
    )


def pictures(drawings: list[Drawing], count: int, seed: int = 0) -> Tensor:
    """(count, 3, 64, 64) bytes of random scenes."""
    painted = [np.asarray(scene.compose()) for scene in scenes(drawings, count, seed)]
    return torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).contiguous()


def mixed_pictures(drawings: list[Drawing], count: int, seed: int = 0) -> Tensor:
    """(count, 3, 64, 64) bytes: scenes, and in a share of `LEAVES` dead leaves, half of them over a scene."""
    random = np.random.default_rng(seed)
    painted = []
    for scene in scenes(drawings, count, seed):
        picture = scene.compose()
        if random.random() < LEAVES:
            picture = dead_leaves(PIXELS, random, picture if random.random() < 0.5 else None)
        painted.append(np.asarray(picture))
    return torch.from_numpy(np.stack(painted)).permute(0, 3, 1, 2).contiguous()


def as_pixels(picture_bytes: Tensor) -> Tensor:
    """Bytes to the range -1..1."""
    return picture_bytes.float() / 127.5 - 1


def crops(pool: Tensor, count: int, side: int, random: torch.Generator) -> Tensor:
    """(count, 3, side, side) random windows of random pictures, half of them mirrored, -1..1."""
    which = torch.randint(len(pool), (count,), generator=random)
    corners = torch.randint(PIXELS - side + 1, (count, 2), generator=random)
    windows = [
        pool[i, :, y : y + side, x : x + side] for i, (y, x) in zip(which, corners.tolist(), strict=True)
    ]
    taken = as_pixels(torch.stack(windows))
    mirrored = torch.rand(count, generator=random) < 0.5
    return torch.where(mirrored[:, None, None, None], taken.flip(-1), taken)


def reconstruction_loss(painted: Tensor, wanted: Tensor) -> Tensor:
    """L1 of the colours plus L1 of their differences to the right and lower neighbours (sharp outlines)."""
    error = painted - wanted
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + 0.5 * edges


def train(
    pool: Tensor,
    typical: Tensor,
    file: Path,
    minutes: float,
    device: str = "cpu",
    channels: tuple[int, ...] = CHANNELS,
    batch: int = 32,
    rate: float = 1.2e-3,
    start: AutoencoderKL | None = None,
    decoder_only: bool = False,
) -> AutoencoderKL:
    """Train for `minutes`, resuming from `file`; the last fifth of it on whole pictures instead of crops.

    `pool` (n, 3, 64, 64) bytes are the pictures to learn from; the latents of `typical` ones get unit
    standard deviation. `start`: begin with the weights of a finished autoencoder instead of random ones.
    `decoder_only`: leave the latents as they are, so that a painter trained on them stays right.
    """
    torch.manual_seed(0)
    random = torch.Generator().manual_seed(int(time.time()))
    model = (start or build(channels)).to(device).train()
    if decoder_only:
        for part in (model.encoder, model.quant_conv):
            part.requires_grad_(False)
    pair = optimizers(model, rate)
    budget = Budget(minutes, decay=0.4)
    step = load_state(file, budget, model=model, **pair)
    while budget.progress < 1:
        whole = budget.progress > 0.8
        wanted = crops(pool, batch // 2 if whole else batch, PIXELS if whole else PIXELS // 2, random).to(
            device
        )
        with mixed(wanted.device):
            with torch.set_grad_enabled(not decoder_only):
                posterior = model.encode(wanted).latent_dist
            painted = model.decode(posterior.sample()).sample
        reconstruction = reconstruction_loss(painted.float(), wanted)
        kl = posterior.kl().float().mean() / posterior.mean[0].numel()
        (reconstruction + KL_WEIGHT * kl).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        take_step(pair, rate * budget.rate)
        step += 1
        if step % 100 == 0:
            l1 = (painted.float() - wanted).abs().mean()
            print(f"{step} {budget.elapsed:.0f} s: L1 {l1:.4f}, KL a number {kl:.2f}", flush=True)
        if budget.due(3):
            save_state(file, budget, step, model=model, **pair)
    if not decoder_only:
        measure_scale(model, typical, device)
    save_state(file, budget, step, model=model, **pair)
    return model


@torch.no_grad()
def encode(model: AutoencoderKL, pool: Tensor, device: str, batch: int = 16) -> Tensor:
    """(n, 3, 64, 64) bytes -> (n, 4, 16, 16) mean latents, unscaled, on the CPU."""
    model.eval()
    parts = []
    for part in pool.split(batch):
        with mixed(device):
            parts.append(model.encode(as_pixels(part).to(device)).latent_dist.mean.float().cpu())
    return torch.cat(parts)


def measure_scale(model: AutoencoderKL, pool: Tensor, device: str) -> float:
    """Set `scaling_factor` so that scaled latents have unit standard deviation; returns it."""
    factor = 1 / encode(model, pool, device).std().item()
    model.register_to_config(scaling_factor=factor)
    return factor


@torch.no_grad()
def psnr(model: AutoencoderKL, pool: Tensor, device: str) -> float:
    """Mean peak signal-to-noise ratio of the round trip of (n, 3, 64, 64) bytes, in decibels."""
    wanted = as_pixels(pool)
    latents = encode(model, pool, device)
    decoded = [model.decode(part.to(device)).sample.clamp(-1, 1).cpu() for part in latents.split(16)]
    error = ((torch.cat(decoded) - wanted) / 2).pow(2).mean(dim=(1, 2, 3))
    return (-10 * error.log10()).mean().item()
