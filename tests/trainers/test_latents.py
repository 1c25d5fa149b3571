"""Latents of photos: which are drawn, from which distribution, and with which masks."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from studio.models.backbone import Backbone
from studio.subject import Subject
from tests import tiny
from trainers.kit.latents import PhotoLatents


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


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
    masks = made.draw_photos(4, torch.Generator().manual_seed(0)).masks
    assert masks.shape == (4, 1, 8, 8)
    made.mask_with(photos, "<tom>", ground=0.25)
    assert torch.equal(made.masks[0, 0], own.clamp_min(0.25)) and made.masks.min() == 0.25
    made.masks = None
    made.mask_with(photos, "<nobody>", ground=0.25)
    assert made.draw_photos(1, torch.Generator()).masks is None


def test_each_photo_is_drawn_with_its_own_caption(backbone: Backbone) -> None:
    """A mirror image has that of its photo; one without a caption is learned in the method's own prompt."""
    photos = dataclasses.replace(tiny.photos(), captions=("a cat asleep", "", "{} in a box"))
    made = latents(backbone, flips=True)
    made.std = torch.zeros_like(made.std)
    made.caption_with(photos, Subject("<lily>", "cat"))
    drawn = made.draw_photos(6, torch.Generator().manual_seed(0))
    prompts = drawn.prompts([f"prompt {number}" for number in range(6)])
    expected = {0: "a <lily> asleep", 2: "<lily> in a box"}
    for row, latent in enumerate(drawn.latents):
        number = next(index for index, mean in enumerate(made.mean) if torch.equal(mean, latent))
        assert prompts[row] == expected.get(number % 3, f"prompt {row}")
    assert len(set(prompts)) == 4
    assert drawn.prompts(["one for all"]).count("one for all") == 2


def test_without_captions_one_prompt_serves_all(backbone: Backbone) -> None:
    made = latents(backbone)
    made.caption_with(tiny.photos(), Subject("<lily>", "cat"))
    assert made.draw_photos(3, torch.Generator()).prompts(["a photo of <lily>"]) == ["a photo of <lily>"]


def test_a_long_caption_begins_with_the_subject(backbone: Backbone) -> None:
    """Else the base would not read it, and the photo would teach nothing."""
    long = f"{'a chair and ' * 40}a cat"
    photos = dataclasses.replace(tiny.photos(1), captions=(long,))
    made = PhotoLatents(backbone, photos.pixels(backbone.resolution))
    made.caption_with(photos, Subject("<lily>", "cat"))
    assert made.captions == (f"<lily>, {long}",)
