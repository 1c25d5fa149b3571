"""Every sampler against the scheduler of diffusers that it is, and the noise that one of them adds."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from studio.errors import StudioError
from studio.models.sampler import ADDS_NOISE, SCHEDULERS
from studio.models.unet_backbone import UNetBackbone
from studio.recipes.recipe import SAMPLERS
from tests import tiny

STEPS = 6
SEEDS = [3, 8]


@pytest.fixture(scope="module", params=["epsilon", "v_prediction"])
def backbone(request: pytest.FixtureRequest) -> UNetBackbone:
    return tiny.backbone(request.param)


def noises(backbone: UNetBackbone, count: int = STEPS) -> list[Tensor]:
    generator = torch.Generator().manual_seed(4)
    return [torch.randn(2, *backbone.latent_shape, generator=generator) for _ in range(count)]


def run(backbone: UNetBackbone, name: str, predictions: list[Tensor], start: int = 0) -> list[Tensor]:
    """Return the latents after every step from `start` on, with these as the network's predictions."""
    sampler = backbone.sampler(STEPS, name, SEEDS)
    latents, seen = predictions[0], []
    if start == 0:
        latents = sampler.start(latents)
    for number in range(start, STEPS):
        sampler.scaled(latents, number)
        latents = sampler.step(predictions[number], number, latents)
        seen.append(latents)
    return seen


def test_a_recipe_offers_those_that_there_are() -> None:
    assert tuple(SCHEDULERS) == SAMPLERS


@pytest.mark.parametrize("name", [name for name in SCHEDULERS if name not in ADDS_NOISE])
def test_steps_equal_those_of_the_bare_scheduler(backbone: UNetBackbone, name: str) -> None:
    kind, options = SCHEDULERS[name]
    bare = kind.from_config({**backbone.schedule.config, **options})
    bare.set_timesteps(STEPS)
    predictions = noises(backbone)
    theirs = predictions[0] * bare.init_noise_sigma
    for number, ours in enumerate(run(backbone, name, predictions)):
        t = bare.timesteps[number]
        bare.scale_model_input(theirs, t)
        theirs = bare.step(predictions[number], t, theirs).prev_sample
        assert torch.equal(ours, theirs)
    sampler = backbone.sampler(STEPS, name)
    assert torch.equal(sampler.timesteps, bare.timesteps)
    noise = predictions[0]
    assert torch.equal(sampler.scaled(noise, 0), bare_scaled(kind, options, backbone, noise))


def bare_scaled(kind, options: dict, backbone: UNetBackbone, noise: Tensor) -> Tensor:
    bare = kind.from_config({**backbone.schedule.config, **options})
    bare.set_timesteps(STEPS)
    return bare.scale_model_input(noise, bare.timesteps[0])


@pytest.mark.parametrize("name", ["DDIM", "Euler", "Euler a"])
def test_a_fresh_sampler_goes_on_as_the_first_would_have(backbone: UNetBackbone, name: str) -> None:
    """So a picture whose regions were found in two steps is that of a sampler that took all steps."""
    predictions = noises(backbone)
    whole = run(backbone, name, predictions)
    later = backbone.sampler(STEPS, name, SEEDS)
    latents = whole[1]
    for number in range(2, STEPS):
        later.scaled(latents, number)
        latents = later.step(predictions[number], number, latents)
    assert torch.equal(latents, whole[-1])


def test_noise_on_the_way_depends_on_the_seed_and_the_step_alone(backbone: UNetBackbone) -> None:
    predictions = noises(backbone)
    both = run(backbone, "Euler a", predictions)
    assert torch.equal(both[-1], run(backbone, "Euler a", predictions)[-1])
    sampler = backbone.sampler(STEPS, "Euler a", [SEEDS[1]])
    latents = sampler.start(predictions[0][1:])
    added = []
    for number in range(STEPS):
        sampler.scaled(latents, number)
        latents = sampler.step(predictions[number][1:], number, latents)
        added.append(both[number][1:] - latents)
    assert all(difference.abs().max() < 1e-5 for difference in added)  # alone as beside another picture
    other = backbone.sampler(STEPS, "Euler a", [SEEDS[1] + 1])
    first = other.step(predictions[0][1:], 0, other.scaled(other.start(predictions[0][1:]), 0))
    assert (first - both[0][1:]).abs().max() > 1e-2


def test_no_two_steps_and_no_two_pictures_add_the_same_noise(backbone: UNetBackbone) -> None:
    """With one noise for all steps it adds up, and nothing but it is seen."""
    sampler = backbone.sampler(STEPS, "Euler a", [3, 4])
    drawn = [torch.randn(5, generator=one) for number in range(STEPS) for one in sampler._noise_of(number)]
    drawn += [torch.randn(5, generator=torch.Generator().manual_seed(seed)) for seed in (3, 4)]
    assert len({tuple(noise.tolist()) for noise in drawn}) == 2 * STEPS + 2


def test_a_name_that_is_not_known_is_refused(backbone: UNetBackbone) -> None:
    with pytest.raises(StudioError, match="There is no sampler called 'UniPC'"):
        backbone.sampler(STEPS, "UniPC")
