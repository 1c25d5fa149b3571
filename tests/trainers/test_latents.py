"""Latents of photos: which are drawn, from which distribution, and with which masks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from studio.models.backbone import Backbone
from tests import tiny
from trainers.kit.latents import PhotoLatents


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone(levels=1)


def latents(backbone: Backbone, flips: bool = False) -> PhotoLatents:
    return PhotoLatents(backbone, tiny.photos().pixels(backbone.resolution), flips)


def test_a_photo_is_drawn_from_its_whole_posterior(backbone: Backbone) -> None:
    made = latents(backbone)
    made.std = 0.1 + made.std  # that of an untrained encoder is nearly the same everywhere
    drawn = made.at(torch.full((2000,), 1), torch.Generator().manual_seed(0))
    torch.testing.assert_close(drawn.mean(0), made.mean[1], atol=0.2, rtol=0.1)
    torch.testing.assert_close(drawn.std(0), made.std[1], atol=0.01, rtol=0.1)


def test_none_repeats_before_all_were_drawn(backbone: Backbone) -> None:
    made, generator = latents(backbone), torch.Generator().manual_seed(0)
    for _ in range(10):
        chosen = made.choose(7, generator).tolist()
        assert sorted(chosen[:3]) == sorted(chosen[3:6]) == [0, 1, 2]
    assert len({tuple(made.choose(3, generator).tolist()) for _ in range(30)}) > 3


def test_mirror_images_are_mirrored_left_to_right(backbone: Backbone) -> None:
    pixels = tiny.photos().pixels(backbone.resolution)
    mirrored, _ = backbone.encode_photos(np.ascontiguousarray(pixels[:, :, ::-1]))
    made = latents(backbone, flips=True)
    torch.testing.assert_close(made.mean, torch.cat([latents(backbone).mean, mirrored]))


def test_each_photo_is_drawn_with_its_own_mask(backbone: Backbone) -> None:
    """A photo without one counts everywhere; a mirror image has the mirrored mask."""
    photos = tiny.pair()
    made = PhotoLatents(backbone, photos.pixels(backbone.resolution), flips=True)
    made.mask_with(photos, "<tom>")
    own = torch.from_numpy(photos.mask("<tom>", 0, 8))
    assert torch.equal(made.masks[:, 0], torch.stack([own, own.flip(1)]))
    assert not torch.equal(own, own.flip(1))
    _, masks = made.draw_masked(4, torch.Generator().manual_seed(0))
    assert masks.shape == (4, 1, 8, 8)
    made.masks = None
    made.mask_with(photos, "<nobody>")
    assert made.draw_masked(1, torch.Generator())[1] is None
