"""The size of the pictures that a base was trained on, from its files alone (no torch)."""

from __future__ import annotations

from pathlib import Path

from studio.bases.base_files import json_object


def trained_pixels(base: Path) -> int:
    """Return the side of the pictures that a diffusers folder with a U-Net was trained on; 0 if unknown.

    It is the side of the U-Net's latents times the factor of the autoencoder, which halves the side after
    every block but the last.
    """
    unet, vae = (json_object(base / part / "config.json") or {} for part in ("unet", "vae"))
    side, blocks = unet.get("sample_size"), vae.get("block_out_channels")
    if not isinstance(side, int) or not isinstance(blocks, list):
        return 0
    return side * 2 ** max(0, len(blocks) - 1)
