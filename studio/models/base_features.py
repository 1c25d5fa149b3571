"""Features of a base model's denoiser as an image encoder: every base has them, nothing is downloaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from studio.models.backbone import Backbone

MAX_CELLS_A_SIDE = 16  # of `Backbone.cell_features`: enough to tell parts of a subject apart
BATCH = 16


class BaseFeatures:
    """Encodes pictures by the features of a base model's denoiser, without edits (`ImageEncoder`)."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.name = f"{backbone.features_title} of {backbone.name} [{backbone.fingerprint[:8]}]"

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return features (n, d) of unit length, of pictures resized to the base's resolution."""
        return self.encode_latents(self.latents(pictures))

    def latents(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return the latents (n, C, h, w) of pictures resized to the base's resolution."""
        side = (self.backbone.resolution, self.backbone.resolution)
        squares = [picture.convert("RGB").resize(side, Image.Resampling.LANCZOS) for picture in pictures]
        mean, _ = self.backbone.encode_photos(np.stack([np.asarray(square) for square in squares]))
        return mean

    @torch.no_grad()
    def encode_latents(self, latents: Tensor) -> Tensor:
        """Return features (n, d) of unit length, of latents (n, C, h, w), with no edit attached."""
        parts = latents.to(self.backbone.device).split(BATCH)
        features = torch.cat([self.backbone.features(part) for part in parts])
        return F.normalize(features, dim=1).cpu()

    @torch.no_grad()
    def cells_and_errors(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """Return the features of cells (n, d, k, k) and the base's error about each of n latents, on the CPU.

        See `Backbone.cell_features`.
        """
        parts = latents.to(self.backbone.device).split(BATCH)
        cells, errors = zip(*(self.backbone.cell_features(part) for part in parts), strict=True)
        return torch.cat(cells).cpu(), torch.cat(errors).cpu()


def pooled_cells(cells: Tensor) -> Tensor:
    """Return features (n, d, h, w) averaged into at most MAX_CELLS_A_SIDE cells a side."""
    height, width = (min(side, MAX_CELLS_A_SIDE) for side in cells.shape[2:])
    return F.adaptive_avg_pool2d(cells, (height, width))
