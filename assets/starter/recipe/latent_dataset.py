"""Training data for the diffusion model: latents of pictures, and the token ids of their captions."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor
from transformers import CLIPTokenizer

from .autoencoder import encode
from .vocabulary import MAX_TOKENS


def token_ids(tokenizer: CLIPTokenizer, captions: list[str]) -> np.ndarray:
    """Return the token ids (n, MAX_TOKENS), int16, of captions, padded with the end token."""
    ids = tokenizer(captions, padding="max_length", max_length=MAX_TOKENS, truncation=True).input_ids
    return np.array(ids, np.int16)


class LatentDataset:
    """Latents with several captions each.

    `latents` (n, 8, 16, 16): scaled to unit standard deviation, half precision.
    `ids` (n, m, MAX_TOKENS): token ids of m captions of each, int16.
    Both should lie on the device that trains.
    """

    def __init__(self, latents: Tensor, ids: Tensor) -> None:
        self.latents, self.ids = latents, ids

    @classmethod
    def encode(
        cls, parts: Iterable[tuple[Tensor, Tensor]], autoencoder: AutoencoderKL, device: str
    ) -> LatentDataset:
        """Encode pictures (n, 3, 128, 128), bytes, that come in parts, each with its token ids."""
        latents, ids = [], []
        batch = 512 if torch.device(device).type == "cuda" else 16
        for pictures, part_ids in parts:
            encoded = encode(autoencoder, pictures, device, batch) * autoencoder.config.scaling_factor
            latents.append(encoded.half())
            ids.append(part_ids.to(device))
        return cls(torch.cat(latents).to(device), torch.cat(ids))

    @classmethod
    def load(cls, file: Path, device: str) -> LatentDataset:
        """Read what `save` wrote."""
        stored = torch.load(file, map_location=device, weights_only=True)
        return cls(stored["latents"], stored["ids"])

    def save(self, file: Path) -> None:
        """Write the dataset to a file."""
        torch.save({"latents": self.latents, "ids": self.ids}, file)

    def batch(self, count: int, device: str) -> tuple[Tensor, Tensor]:
        """Draw `count` random pictures. Returns latents (count, 8, 16, 16) and one caption's ids of each."""
        chosen = torch.randint(len(self.latents), (count,), device=self.latents.device)
        captions = torch.randint(self.ids.shape[1], (count,), device=self.latents.device)
        return self.latents[chosen].float().to(device), self.ids[chosen, captions].long().to(device)

    def used_token_ids(self) -> Tensor:
        """Return the token ids (n,) that occur in captions, each once."""
        return self.ids.unique().long().cpu()
