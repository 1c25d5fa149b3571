"""The sampler against the bare scheduler of diffusers, and the noise schedule against its definition."""

from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler

from studio.models.families.stable_diffusion import StableDiffusion
from tests import tiny

STEPS = 7


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def backbone(request: pytest.FixtureRequest) -> StableDiffusion:
    return tiny.backbone(request.param)


def test_steps_equal_those_of_the_bare_scheduler(backbone: StableDiffusion) -> None:
    bare = DDIMScheduler.from_config(backbone.schedule.config)
    bare.set_timesteps(STEPS)
    sampler = backbone.sampler(STEPS)
    assert torch.equal(sampler.timesteps, bare.timesteps)
    noise = torch.randn(2, *backbone.latent_shape)
    ours, theirs = sampler.start(noise), noise * bare.init_noise_sigma
    for number, t in enumerate(bare.timesteps):
        assert torch.equal(sampler.scaled(ours, number), bare.scale_model_input(theirs, t))
        prediction = torch.randn_like(noise)
        ours = sampler.step(prediction, number, ours)
        theirs = bare.step(prediction, t, theirs).prev_sample
        assert torch.equal(ours, theirs)


def test_every_call_gives_a_fresh_sampler(backbone: StableDiffusion) -> None:
    few, many = backbone.sampler(2), backbone.sampler(5)
    assert (len(few.timesteps), len(many.timesteps)) == (2, 5)


def test_noise_and_target_are_those_of_the_scheduler(backbone: StableDiffusion) -> None:
    bare = DDIMScheduler.from_config(backbone.schedule.config)
    latents, noise = torch.randn(2, 3, *backbone.latent_shape)
    t = torch.tensor([0, 500, 999])
    torch.testing.assert_close(backbone.add_noise(latents, noise, t), bare.add_noise(latents, noise, t))
    velocity = backbone.prediction_type == "v_prediction"
    expected = bare.get_velocity(latents, noise, t) if velocity else noise
    torch.testing.assert_close(backbone.target(latents, noise, t), expected)


def test_a_share_of_the_noise_range_is_a_timestep(backbone: StableDiffusion) -> None:
    assert backbone.at_noise(0.261, 3).tolist() == [261, 261, 261]
    drawn = backbone.draw_timesteps(500, torch.Generator().manual_seed(0))
    assert drawn.min() >= 0 and drawn.max() < 1000 and len(drawn.unique()) > 300


def test_training_draws_each_tenth_of_the_noise_range_equally_often(backbone: StableDiffusion) -> None:
    drawn = backbone.draw_timesteps(5000, torch.Generator().manual_seed(0))
    counts = torch.bincount(drawn // 100, minlength=10)
    assert counts.tolist() == pytest.approx([500] * 10, abs=80)
