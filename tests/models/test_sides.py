"""Squares of other sizes than a base's own: their sides, and those of their attention maps."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.tiny_families import FAMILIES

SHARES = (0.5, 1.0, 1.5, 2.0)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_square_has_the_nearest_side_that_the_network_can_read(family: str) -> None:
    backbone = FAMILIES[family]()
    own = backbone.resolution
    assert backbone.side_of() == backbone.side_of(own) == own
    sides = {pixels: backbone.side_of(pixels) for pixels in range(1, 2 * own + 1)}
    readable = set(sides.values())
    for pixels, side in sides.items():
        assert abs(side - pixels) == min(abs(other - pixels) for other in readable)
    for side in readable:
        assert backbone.side_of(side) == side
        mean, _ = backbone.encode_photos(np.zeros((1, side, side, 3), np.uint8))
        assert mean.shape[1:] == backbone.shape_of(side, side)


@pytest.mark.parametrize("family", sorted(FAMILIES))
@pytest.mark.parametrize("share", SHARES)
@torch.no_grad()
def test_attention_maps_grow_with_the_picture(family: str, share: float) -> None:
    backbone = FAMILIES[family]()
    pixels = int(share * backbone.resolution)
    shape = backbone.shape_of(pixels, pixels)
    side = backbone.attention_side_of(shape[-1])
    assert side == share * backbone.attention_side
    t = backbone.at_noise(0.5, 1)
    with backbone.require_attention().record(side) as recorded:
        backbone.predict(torch.randn(1, *shape), t, backbone.text.read(["a cat"], t))
    assert recorded.word([1], side).shape == (1, side, side)
