"""The family of Stable Diffusion: pictures to latents and back, and what a fingerprint depends on."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from studio.models import fingerprint as fingerprints
from studio.models.families.stable_diffusion import StableDiffusion
from tests import tiny


@pytest.fixture(scope="module")
def backbone() -> StableDiffusion:
    return tiny.backbone(levels=2)


def test_photos_are_encoded_from_minus_one_to_one_times_the_factor(backbone: StableDiffusion) -> None:
    pixels = np.stack([np.asarray(square.resize((16, 16))) for square in tiny.photos(2).squares])
    mean, std = backbone.encode_photos(pixels)
    factor = backbone.vae.config.scaling_factor
    assert factor != 1
    for number, photo in enumerate(pixels):
        from_minus_one = torch.tensor(photo.astype(np.float32)).permute(2, 0, 1)[None] / 255 * 2 - 1
        with torch.no_grad():
            posterior = backbone.vae.encode(from_minus_one).latent_dist
        torch.testing.assert_close(mean[number : number + 1], posterior.mean * factor, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(std[number : number + 1], posterior.std * factor, atol=1e-5, rtol=1e-4)


def test_latents_are_decoded_divided_by_the_factor(backbone: StableDiffusion) -> None:
    latents = torch.randn(2, *backbone.latent_shape)
    for latent, picture in zip(latents, backbone.decode(latents), strict=True):
        with torch.no_grad():
            pixels = backbone.vae.decode(latent[None] / backbone.vae.config.scaling_factor).sample[0]
        levels = ((pixels.clamp(-1, 1) + 1) / 2 * 255).permute(1, 2, 0).numpy()
        assert isinstance(picture, Image.Image)
        assert np.abs(np.asarray(picture) - levels).max() <= 0.51


@pytest.mark.parametrize("part", ["text_encoder", "unet"])
@pytest.mark.parametrize("position", [0, -1])
def test_a_changed_weight_changes_the_fingerprint(part: str, position: int) -> None:
    """The first and the last number of a weight are among those that are sampled, and so is every part."""
    changed = tiny.backbone()
    weight = max(getattr(changed, part).parameters(), key=torch.numel).data.view(-1)
    weight[position] += 1
    parts = (changed.tokenizer, changed.text_encoder, changed.unet, changed.vae)
    schedule = dict(changed.schedule.config)
    assert StableDiffusion("tiny", *parts, schedule).fingerprint != tiny.backbone().fingerprint


def test_a_fingerprint_is_the_same_in_every_precision_and_tells_what_is_predicted() -> None:
    whole = tiny.backbone()
    assert tiny.backbone(dtype=torch.bfloat16).fingerprint == whole.fingerprint
    assert tiny.backbone("v_prediction").fingerprint != whole.fingerprint
    half = [part.half() for part in (tiny.backbone().text_encoder, tiny.backbone().unet)]
    assert fingerprints.fingerprint(half, "epsilon") == whole.fingerprint


def test_features_come_from_pictures_that_are_mostly_still_there(backbone: StableDiffusion) -> None:
    """Timestep 261 of 1000, with the same noise for every picture and an empty prompt."""
    latents = torch.randn(2, *backbone.latent_shape)
    read: list[torch.Tensor] = []
    hook = backbone.unet.up_blocks[1].register_forward_hook(lambda module, inputs, out: read.append(out))
    noise = torch.randn(backbone.latent_shape, generator=torch.Generator().manual_seed(0))
    level = backbone.schedule.alphas_cumprod[261]
    try:
        with torch.no_grad():
            hidden = backbone.text.read([""]).hidden.expand(2, -1, -1)
            backbone.unet(level.sqrt() * latents + (1 - level).sqrt() * noise, torch.tensor(261), hidden)
    finally:
        hook.remove()
    torch.testing.assert_close(backbone.features(latents), read[0].mean((2, 3)), rtol=1e-4, atol=1e-5)
