"""A picture equals one that is sampled by hand; seeds, guidance and the negative prompt all reach it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from studio.generation.composing import compose_sum
from studio.generation.conditions import Prompts
from studio.generation.generate import active_edits
from studio.generation.sampling import sample
from studio.models.backbone import Backbone
from studio.recipes.recipe import MODES, Recipe
from tests import tiny
from tests.generation.far_word import far_word
from tests.generation.two_concepts import painted, pixels, recipe_for, two

RECIPE = Recipe("a cat on blue", negative="a dog", seed=5, steps=4, guidance=3.0)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


@torch.no_grad()
def by_hand(backbone: Backbone, recipe: Recipe) -> np.ndarray:
    """Classifier-free guidance, eps_0 + w (eps_c - eps_0), over the steps of the bare scheduler."""
    across, down = (side // 2 if side else 8 for side in (recipe.width, recipe.height))
    z = torch.randn(1, 4, down, across, generator=torch.Generator().manual_seed(recipe.seed))
    scheduler = DDIMScheduler.from_config(backbone.schedule.config)
    scheduler.set_timesteps(recipe.steps)
    hidden = [backbone.text.read([text]).hidden for text in (recipe.negative, recipe.prompt)]
    for t in scheduler.timesteps:
        eps_0, eps_c = (backbone.unet(z, t, each).sample for each in hidden)
        z = scheduler.step(eps_0 + recipe.guidance * (eps_c - eps_0), t, z).prev_sample
    pixels = backbone.vae.decode(z / backbone.vae.config.scaling_factor).sample[0]
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round().permute(1, 2, 0).numpy().astype(int)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"guidance": 1.0},
        {"guidance": 0.0},
        {"guidance": 8.0},
        {"negative": ""},
        {"seed": 6},
        {"width": 24, "height": 24},
        {"width": 24},
        {"height": 32},
        {"steps": 7},
    ],
)
def test_a_picture_is_what_sampling_by_hand_gives(backbone: Backbone, change: dict) -> None:
    recipe = dataclasses.replace(RECIPE, **change)
    # prompts are read together here and one by one there: a rounding apart
    assert np.abs(pixels(backbone, recipe).astype(int) - by_hand(backbone, recipe)).max() <= 1


def test_every_value_of_a_recipe_shows_in_the_picture(backbone: Backbone) -> None:
    """Else the comparison above could not tell a value that is ignored."""
    plain = pixels(backbone, RECIPE)
    for change in ({"guidance": 1.0}, {"guidance": 8.0}, {"negative": ""}, {"seed": 6}, {"steps": 7}):
        assert np.abs(pixels(backbone, dataclasses.replace(RECIPE, **change)).astype(int) - plain).max() > 2


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("tuning", [0, 1])
def test_two_seeds_are_two_pictures(backbone: Backbone, mode: str, tuning: int) -> None:
    recipe = recipe_for(mode, refinements={"prompt_tuning_steps": tuning} if tuning else {}, count=2)
    first, second = painted(backbone, recipe, two(backbone))
    assert (first.recipe.seed, second.recipe.seed) == (recipe.seed, recipe.seed + 1)
    assert not np.array_equal(np.asarray(first.image), np.asarray(second.image))


def test_pictures_sampled_together_have_their_own_noise(backbone: Backbone) -> None:
    conditions = compose_sum(backbone, Prompts("", "a cat"), [])
    together = [*sample(backbone, RECIPE, conditions, [1, 2])][-1]
    for number, seed in enumerate((1, 2)):
        alone = [*sample(backbone, RECIPE, conditions, [seed])][-1]
        torch.testing.assert_close(together[number], alone[0], rtol=1e-3, atol=1e-3)
    assert not torch.allclose(together[0], together[1])


def test_a_picture_goes_on_from_the_steps_that_are_done(backbone: Backbone) -> None:
    conditions = compose_sum(backbone, Prompts("", "a cat"), [])
    steps = [*sample(backbone, RECIPE, conditions, [1])]
    rest = [*sample(backbone, RECIPE, conditions, [1], start=2, latents=steps[1])]
    assert len(rest) == 2 and torch.equal(rest[-1], steps[-1])


def test_a_concept_named_only_in_the_negative_prompt_is_attached(backbone: Backbone) -> None:
    lily = far_word(backbone)
    recipe = dataclasses.replace(RECIPE, negative="<lily>")
    plain = pixels(backbone, dataclasses.replace(RECIPE, negative="cat"))
    assert not np.array_equal(pixels(backbone, recipe, lily), plain)
    at_zero = dataclasses.replace(recipe, strengths={"<lily>": 0.0})
    assert np.array_equal(pixels(backbone, at_zero, lily), plain)


def test_what_a_concept_learned_acts_where_only_the_negative_prompt_names_it(backbone: Backbone) -> None:
    """Two that have one name and learned other vectors make two pictures."""
    recipe = dataclasses.replace(RECIPE, negative="<lily>")
    one, other = (pixels(backbone, recipe, far_word(backbone, seed=seed)) for seed in (0, 1))
    assert not np.array_equal(one, other)
    assert active_edits(recipe, [far_word(backbone)]) and not active_edits(RECIPE, [far_word(backbone)])


def test_the_recipe_in_a_picture_names_its_base(backbone: Backbone) -> None:
    (picture,) = painted(backbone, dataclasses.replace(RECIPE, base="another"), [])
    assert picture.recipe.base == backbone.name


@torch.no_grad()
def test_rescaled_guidance_has_the_spread_of_the_prompts_prediction(backbone: Backbone) -> None:
    """Lin et al. 2023, equations 15 and 16, on the first step."""
    recipe = dataclasses.replace(RECIPE, guidance=9.0, guidance_rescale=0.7)
    conditions = compose_sum(backbone, Prompts(recipe.negative, recipe.prompt), [])
    stepped = next(sample(backbone, recipe, conditions, [recipe.seed]))
    sampler = backbone.sampler(recipe.steps)
    z = sampler.start(backbone.draw(backbone.latent_shape, torch.Generator().manual_seed(recipe.seed))[None])
    eps_0, eps_c = backbone.predict(z.repeat(2, 1, 1, 1), sampler.timesteps[0], conditions.at(None)).chunk(2)
    guided = eps_0 + 9.0 * (eps_c - eps_0)
    rescaled = guided * (eps_c.std() / guided.std())
    expected = sampler.step(0.7 * rescaled + 0.3 * guided, 0, z)
    torch.testing.assert_close(stepped, expected, rtol=1e-4, atol=1e-5)
