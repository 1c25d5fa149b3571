"""A sampler of diffusers behind the contract of `studio.models.backbone.Sampler`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class DiffusersSampler:
    """A scheduler of diffusers, set to `steps` steps.

    The scheduler counts on the CPU, in Python numbers: with its timesteps on an accelerator, every step would
    wait for the device to read the noise level.
    """

    def __init__(self, scheduler: Any, steps: int, device: torch.device) -> None:
        scheduler.set_timesteps(steps)
        self._scheduler = scheduler
        self._numbers: list[int] = scheduler.timesteps.tolist()
        self.timesteps = scheduler.timesteps.to(device)

    def start(self, noise: Tensor) -> Tensor:
        """Return noise (n, C, h, w) in the scheduler's own scale."""
        return noise * self._scheduler.init_noise_sigma

    def scaled(self, latents: Tensor, number: int) -> Tensor:
        """Return the latents as the network expects them at step `number`."""
        return self._scheduler.scale_model_input(latents, self._numbers[number])

    def step(self, prediction: Tensor, number: int, latents: Tensor) -> Tensor:
        """Return the latents after step `number`."""
        return self._scheduler.step(prediction, self._numbers[number], latents).prev_sample
