"""The size of the pictures that a base was trained on, from its files alone (no torch)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def trained_pixels(base: Path) -> int:
    """Return the side of the pictures that a diffusers folder with a U-Net was trained on; 0 if unknown.

    It is the side of the U-Net's latents times the factor of the autoencoder, which halves the side after
    every block but the last.
    """
    unet, vae = (_config(base / part / "config.json") for part in ("unet", "vae"))
    side, blocks = unet.get("sample_size"), vae.get("block_out_channels")
    if not isinstance(side, int) or not isinstance(blocks, list):
        return 0
    return side * 2 ** max(0, len(blocks) - 1)


def _config(file: Path) -> dict[str, Any]:
    """Return a part's config; empty if it cannot be read."""
    try:
        values = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}
