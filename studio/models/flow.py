"""Base models with rectified flow: noise levels from 0 to 1, and a velocity that is predicted.

z_s = (1 - s) z + s eps, and the network predicts eps - z (Liu et al. 2023, arXiv 2209.03003). Timesteps are
1000 s, as diffusers has them. Training levels are drawn from a logit-normal distribution (Esser et al. 2024,
arXiv 2403.03206, section 3.1), shifted as the base's own sampler shifts them (section 5.3.2).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from torch import Tensor

from studio.errors import StudioError
from studio.models.backbone import Backbone, Sampler
from studio.models.spread import spread_evenly

TIMESTEPS = 1000
NAMES = ("", "DDIM", "Euler")  # on a straight path both steps are the same
MANY_STEPS = 200  # training sees all levels, as if a picture took very many steps


class FlowBackbone(Backbone):
    """The part of a backbone that its noise decides. A family calls `use_schedule` first."""

    def use_schedule(self, config: Mapping[str, Any]) -> None:
        """Set the schedule from a scheduler's config. `device` must be set."""
        self.schedule = FlowMatchEulerDiscreteScheduler.from_config(dict(config))

    def draw_timesteps(self, count: int, generator: torch.Generator, shape: Sequence[int] = ()) -> Tensor:
        """Return training timesteps (count,), their levels logit-normal. See `Backbone.draw_timesteps`."""
        level = torch.special.ndtri(spread_evenly(count, generator)).sigmoid()
        shift = self.shift_of(shape or self.latent_shape, MANY_STEPS)
        return (TIMESTEPS * shift * level / (1 + (shift - 1) * level)).to(self.device)

    def at_noise(self, share: float, count: int) -> Tensor:
        """See `Backbone.at_noise`."""
        return torch.full((count,), share * TIMESTEPS, device=self.device)

    def noise_share(self, timesteps: Tensor) -> Tensor:
        """See `Backbone.noise_share`."""
        return timesteps / TIMESTEPS

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return z_s of latents z and noise eps."""
        level = self.noise_share(timesteps).view(-1, 1, 1, 1)
        return (1 - level) * latents + level * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return eps - z."""
        return noise - latents

    def shift_of(self, shape: Sequence[int], steps: int) -> float:
        """Return the factor by which noise levels are shifted, for latents (C, h, w) and so many steps.

        Raises StudioError where it depends on them and the family does not say how.
        """
        if self.schedule.config.use_dynamic_shifting:
            hint = "Choose another base."
            raise StudioError("{base} shifts its noise by the size of a picture.", hint, base=self.name)
        return float(self.schedule.config.shift)

    def sampler(
        self, steps: int, name: str = "", seeds: Sequence[int] = (), shape: Sequence[int] = ()
    ) -> Sampler:
        """See `Backbone.sampler`. Levels go down evenly from 1 to 1/steps before they are shifted."""
        if name not in NAMES:
            hint = "Choose Euler: on its straight paths the others are not defined."
            raise StudioError(
                "{base} cannot be sampled with {sampler}.", hint, base=self.name, sampler=name[:60]
            )
        scheduler = FlowMatchEulerDiscreteScheduler.from_config(self.schedule.config)
        shift = self.shift_of(shape or self.latent_shape, steps)
        scheduler.set_timesteps(sigmas=torch.linspace(1, 1 / steps, steps).tolist(), mu=math.log(shift))
        return FlowSampler(scheduler.sigmas, self.device)


class FlowSampler:
    """Euler steps along the predicted velocity; `levels` (steps + 1,) end with 0."""

    def __init__(self, levels: Tensor, device: torch.device) -> None:
        self._levels: list[float] = levels.tolist()
        self.timesteps = (levels[:-1] * TIMESTEPS).to(device)

    def start(self, noise: Tensor) -> Tensor:
        """Return noise (n, C, h, w) as it is."""
        return noise

    def scaled(self, latents: Tensor, number: int) -> Tensor:
        """Return the latents as they are."""
        return latents

    def step(self, prediction: Tensor, number: int, latents: Tensor) -> Tensor:
        """Return the latents after step `number`."""
        return latents + (self._levels[number + 1] - self._levels[number]) * prediction
