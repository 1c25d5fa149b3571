"""Samplers of diffusers behind the contract of `studio.models.backbone.Sampler`, by the names people know.

DDIM (Song et al. 2021, arXiv 2010.02502), DPM-Solver++ of second order over Karras' noise levels (Lu et al.
2022, arXiv 2211.01095; Karras et al. 2022, arXiv 2206.00364), Euler and Euler ancestral.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from diffusers import (
    DDIMScheduler,
    DPMSolverMultistepScheduler,
    EulerAncestralDiscreteScheduler,
    EulerDiscreteScheduler,
)
from torch import Tensor

from studio.errors import StudioError

OWN = "DDIM"  # of the families with DDPM's noise schedule
SCHEDULERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "DDIM": (DDIMScheduler, {}),
    "DPM++ 2M Karras": (DPMSolverMultistepScheduler, {"use_karras_sigmas": True}),
    "Euler": (EulerDiscreteScheduler, {}),
    "Euler a": (EulerAncestralDiscreteScheduler, {}),
}
ADDS_NOISE = ("Euler a",)


def make_sampler(
    config: Mapping[str, Any], name: str, steps: int, seeds: Sequence[int], device: torch.device
) -> DiffusersSampler:
    """Return a fresh sampler over the noise schedule of a scheduler's config.

    Raises StudioError for a name that is not known.
    """
    if name not in SCHEDULERS:
        raise StudioError(
            "There is no sampler called {name!r}.",
            "Choose {samplers}.",
            name=name[:60],
            samplers=", ".join(SCHEDULERS),
        )
    kind, options = SCHEDULERS[name]
    return DiffusersSampler(
        kind.from_config({**config, **options}), steps, device, seeds if name in ADDS_NOISE else ()
    )


class DiffusersSampler:
    """A scheduler of diffusers, set to `steps` steps.

    The scheduler counts on the CPU, in Python numbers: with its timesteps on an accelerator, every step would
    wait for the device to read the noise level.

    Args:
        seeds: of the n pictures, for a scheduler that adds noise; each step's noise depends on the seed and
            the step alone, so that a picture goes on with a fresh sampler as it would have with this one.
    """

    def __init__(self, scheduler: Any, steps: int, device: torch.device, seeds: Sequence[int] = ()) -> None:
        scheduler.set_timesteps(steps)
        self._scheduler, self._seeds = scheduler, seeds
        self._numbers: list[float] = scheduler.timesteps.tolist()
        self.timesteps = scheduler.timesteps.to(device)

    def start(self, noise: Tensor) -> Tensor:
        """Return noise (n, C, h, w) in the scheduler's own scale."""
        return noise * self._scheduler.init_noise_sigma

    def scaled(self, latents: Tensor, number: int) -> Tensor:
        """Return the latents as the network expects them at step `number`."""
        if getattr(self._scheduler, "step_index", number) is None:
            self._scheduler.set_begin_index(number)  # two steps may have one timestep, and would be mistaken
        return self._scheduler.scale_model_input(latents, self._numbers[number])

    def step(self, prediction: Tensor, number: int, latents: Tensor) -> Tensor:
        """Return the latents after step `number`."""
        options = {"generator": self._noise_of(number)} if self._seeds else {}
        return self._scheduler.step(prediction, self._numbers[number], latents, **options).prev_sample

    def _noise_of(self, number: int) -> list[torch.Generator]:
        """Return where each picture's noise of a step comes from, on the CPU."""
        # torch uses 32 bits of a seed, so that adding a number to it could repeat another picture's noise
        states = [np.random.SeedSequence([seed, number + 1]).generate_state(1) for seed in self._seeds]
        return [torch.Generator().manual_seed(int(state[0])) for state in states]
