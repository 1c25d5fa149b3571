"""The size of the pictures that a base was trained on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from studio.bases.trained_size import trained_pixels


@pytest.mark.parametrize(
    ("side", "blocks", "pixels"), [(16, 4, 128), (64, 4, 512), (None, 4, 0), (8, None, 0)]
)
def test_pixels_are_the_latents_times_the_factor_of_the_autoencoder(
    tmp_path: Path, side: int | None, blocks: int | None, pixels: int
) -> None:
    for part, values in (
        ("unet", {"sample_size": side}),
        ("vae", {"block_out_channels": blocks and [8] * blocks}),
    ):
        (tmp_path / part).mkdir()
        (tmp_path / part / "config.json").write_text(json.dumps(values))
    assert trained_pixels(tmp_path) == pixels
    assert trained_pixels(tmp_path / "nowhere") == 0
