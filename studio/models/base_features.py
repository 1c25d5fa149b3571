"""An image encoder that every base brings: the features of its own denoiser. Nothing is downloaded."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from studio.models.backbone import Backbone

TOGETHER = 16


class BaseFeatures:
    """Encodes structure and identity of pictures with the untouched denoiser of a base (`ImageEncoder`)."""

    def __init__(self, backbone: Backbone) -> None:
        self.backbone = backbone
        self.name = f"{backbone.features_title} of {backbone.name} [{backbone.fingerprint[:8]}]"

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        """Return features (n, d) of unit length, of pictures brought to the base's own size."""
        side = (self.backbone.resolution, self.backbone.resolution)
        squares = [picture.convert("RGB").resize(side, Image.Resampling.LANCZOS) for picture in pictures]
        mean, _ = self.backbone.encode_photos(np.stack([np.asarray(square) for square in squares]))
        return self.encode_latents(mean)

    @torch.no_grad()
    def encode_latents(self, latents: Tensor) -> Tensor:
        """Return features (n, d) of unit length, of latents (n, C, h, w). Runs with nothing attached."""
        parts = latents.to(self.backbone.device).split(TOGETHER)
        features = torch.cat([self.backbone.features(part) for part in parts])
        return F.normalize(features, dim=1).cpu()
