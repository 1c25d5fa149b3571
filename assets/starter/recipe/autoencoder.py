"""Train the autoencoder: 128 px pictures <-> 8 x 16 x 16 latents (Rombach et al. 2022, section 3.1)."""

from __future__ import annotations

import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL
from torch import Tensor, nn

from .muon import build_optimizers, set_learning_rate, step_optimizers
from .precision import autocast
from .scenes import PIXELS
from .timed_training import TrainingTimer, load_checkpoint, save_checkpoint

CHANNELS = (32, 64, 96, 96)
LATENT_CHANNELS = 8
KL_WEIGHT = 2e-4  # per latent number: enough to keep latents near unit scale, too little to blur


def build_autoencoder(channels: tuple[int, ...] = CHANNELS) -> AutoencoderKL:
    """Build an untrained autoencoder. `channels`: width per resolution, highest resolution first."""
    return AutoencoderKL(
        block_out_channels=channels,
        down_block_types=("DownEncoderBlock2D",) * len(channels),
        up_block_types=("UpDecoderBlock2D",) * len(channels),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=16,
        sample_size=PIXELS,
        # Without attention it is fully convolutional and can be trained on crops, which is several times
        # cheaper per useful pixel.
        mid_block_add_attention=False,
    )


def normalise(picture_bytes: Tensor) -> Tensor:
    """Convert bytes 0..255 to floats -1..1."""
    return picture_bytes.float() / 127.5 - 1


def random_crops(pictures: Tensor, count: int, side: int) -> Tensor:
    """Crop random squares from random pictures and mirror half of them, on their device.

    `pictures` (n, 3, 128, 128): bytes. Returns (count, 3, side, side), -1..1.
    """
    device = pictures.device
    indices = torch.randint(len(pictures), (count, 1, 1), device=device)
    corners = torch.randint(PIXELS - side + 1, (2, count, 1), device=device)
    rows, columns = corners + torch.arange(side, device=device)
    mirrored = torch.rand(count, 1, device=device) < 0.5
    columns = torch.where(mirrored, columns.flip(-1), columns)
    crops = pictures[indices, :, rows[:, :, None], columns[:, None, :]]
    return normalise(crops.permute(0, 3, 1, 2).contiguous())


def reconstruction_loss(decoded: Tensor, target: Tensor) -> Tensor:
    """Return the L1 loss of the pixels plus half the L1 loss of their horizontal and vertical gradients.

    The second term keeps outlines sharp. `decoded`, `target` (n, 3, h, w): -1..1.
    """
    error = decoded - target
    gradients = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    return error.abs().mean() + 0.5 * gradients


class Reconstruction(nn.Module):
    """Encode pictures, sample their latents and decode them, in one module that can be compiled."""

    def __init__(self, autoencoder: AutoencoderKL, frozen_encoder: bool = False) -> None:
        super().__init__()
        self.autoencoder, self.frozen_encoder = autoencoder, frozen_encoder

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Return the decoded pictures (n, 3, h, w) and the mean KL divergence per latent number.

        `pictures` (n, 3, h, w): -1..1.
        """
        model = self.autoencoder
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen_encoder):
            mean, log_variance = model.quant_conv(model.encoder(pictures)).float().chunk(2, dim=1)
        log_variance = log_variance.clamp(-30, 20)
        latents = mean + torch.exp(log_variance / 2) * torch.randn_like(mean)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean()
        return model.decoder(model.post_quant_conv(latents)), kl


def train(
    pictures: Tensor,
    scale_pictures: Tensor,
    file: Path,
    minutes: float,
    device: str = "cpu",
    channels: tuple[int, ...] = CHANNELS,
    batch: int = 32,
    learning_rate: float = 1.2e-3,
    start: AutoencoderKL | None = None,
    decoder_only: bool = False,
    compiled: bool = False,
) -> AutoencoderKL:
    """Train the autoencoder on crops, and in the last quarter of the time on whole pictures.

    `pictures` (n, 3, 128, 128): bytes, the training set; on a GPU it should lie there.
    `scale_pictures` (m, 3, 128, 128): bytes; `scaling_factor` gives their latents unit standard deviation.
    `file`: the checkpoint, resumed from if it exists.
    `batch`: crops per step; of whole pictures half as many.
    `start`: a trained autoencoder to continue from; None begins with random weights.
    `decoder_only`: freeze the encoder, so that a diffusion model trained on its latents stays valid.
    """
    torch.manual_seed(int(time.time()))
    model = (start or build_autoencoder(channels)).to(device).train()
    if torch.device(device).type == "cuda":
        model.to(memory_format=torch.channels_last)
    if decoder_only:
        for part in (model.encoder, model.quant_conv):
            part.requires_grad_(False)
    optimizers = build_optimizers(model, learning_rate)
    timer = TrainingTimer(minutes, decay_share=0.4)
    step = load_checkpoint(file, timer, model=model, **optimizers)
    reconstruct: nn.Module = Reconstruction(model, decoder_only)
    if compiled:
        reconstruct.compile(dynamic=False)
    while timer.progress < 1:
        whole = timer.progress > 0.75
        target = random_crops(pictures, batch // 2 if whole else batch, PIXELS if whole else PIXELS // 2)
        target = target.to(device)
        with autocast(target.device):
            decoded, kl = reconstruct(target)
        (reconstruction_loss(decoded.float(), target) + KL_WEIGHT * kl).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        set_learning_rate(optimizers, learning_rate * timer.learning_rate_factor)
        step_optimizers(optimizers)
        step += 1
        if step % 100 == 0:
            l1 = (decoded.float() - target).abs().mean()
            print(f"{step} {timer.elapsed:.0f} s: L1 {l1:.4f}, KL per latent number {kl:.2f}", flush=True)
        if timer.checkpoint_due(3):
            save_checkpoint(file, timer, step, model=model, **optimizers)
    if not decoder_only:
        set_scaling_factor(model, scale_pictures, device)
    save_checkpoint(file, timer, step, model=model, **optimizers)
    return model


@torch.no_grad()
def encode(model: AutoencoderKL, pictures: Tensor, device: str, batch: int = 16) -> Tensor:
    """Encode pictures (n, 3, 128, 128), bytes. Returns mean latents (n, 8, 16, 16), unscaled, on the CPU."""
    model.eval()
    parts = []
    for part in pictures.split(batch):
        with autocast(device):
            parts.append(model.encode(normalise(part.to(device))).latent_dist.mean.float().cpu())
    return torch.cat(parts)


def set_scaling_factor(model: AutoencoderKL, pictures: Tensor, device: str) -> float:
    """Set `scaling_factor` so that the scaled latents of `pictures` have unit standard deviation.

    `pictures` (n, 3, 128, 128): bytes. Returns the factor.
    """
    factor = 1 / encode(model, pictures, device).std().item()
    model.register_to_config(scaling_factor=factor)
    return factor


@torch.no_grad()
def psnr(model: AutoencoderKL, pictures: Tensor, device: str) -> float:
    """Return the mean peak signal-to-noise ratio of decoded against original pictures, in decibels.

    `pictures` (n, 3, 128, 128): bytes.
    """
    target = normalise(pictures)
    latents = encode(model, pictures, device)
    decoded = [model.decode(part.to(device)).sample.clamp(-1, 1).cpu() for part in latents.split(16)]
    error = ((torch.cat(decoded) - target) / 2).pow(2).mean(dim=(1, 2, 3))
    return (-10 * error.log10()).mean().item()
