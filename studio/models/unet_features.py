"""The base's own eye: what the U-Net's features say of a picture. Every base has one, with no download.

Features of a denoising U-Net tell things apart and find the same thing again (DIFT, Tang et al. 2023, arXiv
2306.03881): the picture's latent is noised to timestep 261 of 1000, and the output of the second decoder
block is kept. The paper compares places and averages eight noises; here places are averaged, the prompt is
empty, and one fixed noise serves all pictures.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from studio.models.backbone import Backbone

NOISE_SHARE = 0.261
DECODER_BLOCK = 1
TOGETHER = 16


class UNetFeatures:
    """An eye for structure and identity, by the untouched U-Net of a base."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.name = f"U-Net features of {backbone.name} [{backbone.fingerprint[:8]}]"
        blocks = backbone.unet.up_blocks
        self.block = blocks[min(DECODER_BLOCK, len(blocks) - 1)]

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """(n, d) unit-norm features of pictures, brought to the base's own size."""
        side = (self.backbone.resolution, self.backbone.resolution)
        squares = [picture.convert("RGB").resize(side, Image.Resampling.LANCZOS) for picture in pictures]
        mean, _ = self.backbone.encode_photos(np.stack([np.asarray(square) for square in squares]))
        return self.encode_latents(mean)

    @torch.no_grad()
    def encode_latents(self, latents: Tensor) -> Tensor:
        """(n, d) unit-norm features of latents (n, C, h, w). Runs with nothing attached."""
        backbone = self.backbone
        seen: list[Tensor] = []
        noise = backbone.draw(latents.shape[1:], torch.Generator().manual_seed(0))
        t = int(NOISE_SHARE * backbone.schedule.config.num_train_timesteps)
        hidden = backbone.text.read([""]).hidden
        hook = self.block.register_forward_hook(lambda module, arguments, output: seen.append(output))
        try:
            for part in latents.to(backbone.device).split(TOGETHER):
                timesteps = torch.full((len(part),), t, device=backbone.device)
                noisy = backbone.add_noise(part, noise.expand_as(part), timesteps)
                backbone.predict(noisy, timesteps, hidden.expand(len(part), -1, -1))
        finally:
            hook.remove()
        return F.normalize(torch.cat(seen).float().mean((2, 3)), dim=1).cpu()
