"""Base models with the noise schedule of DDPM: discrete timesteps, epsilon or v prediction.

z_t = sqrt(alpha-bar_t) z + sqrt(1 - alpha-bar_t) eps (Ho et al. 2020, arXiv 2006.11239, eq. 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor

from studio.errors import StudioError
from studio.models.backbone import Backbone, Sampler
from studio.models.sampler import OWN, make_sampler
from studio.models.spread import spread_evenly


class DdpmBackbone(Backbone):
    """The part of a backbone that its noise schedule decides. A family calls `use_schedule` first."""

    def use_schedule(self, config: Mapping[str, Any]) -> None:
        """Set the schedule from a scheduler's config. `name` and `device` must be set.

        Raises StudioError when it has noise of another kind, predicts neither epsilon nor v, or epsilon from
        pure noise.
        """
        if str(config.get("_class_name", "")).startswith("EDM"):  # Karras et al. (2022, arXiv 2206.00364)
            hint = "Choose a base that predicts epsilon or v."
            raise StudioError("{base} was trained with another kind of noise (EDM).", hint, base=self.name)
        self.schedule = DDIMScheduler.from_config({**config, "clip_sample": False})
        self.prediction_type = self.schedule.config.prediction_type
        if self.prediction_type not in ("epsilon", "v_prediction"):
            hint = "Choose a base that predicts epsilon or v."
            raise StudioError(
                "{base} predicts {prediction}.", hint, base=self.name, prediction=self.prediction_type
            )
        if self.prediction_type == "epsilon" and self.schedule.alphas_cumprod[-1] <= 0:
            # (z_t - eps) / 0: every picture would be black
            hint = "If it predicts v, start with --prediction v_prediction; otherwise its config is wrong."
            raise StudioError("{base} predicts noise where nothing but noise is left.", hint, base=self.name)
        self._timesteps = self.schedule.config.num_train_timesteps
        self._alphas = self.schedule.alphas_cumprod.to(self.device)

    def draw_timesteps(self, count: int, generator: torch.Generator, shape: Sequence[int] = ()) -> Tensor:
        """Return training timesteps (count,), each of them uniform. See `Backbone.draw_timesteps`."""
        return (self._timesteps * spread_evenly(count, generator)).long().to(self.device)

    def at_noise(self, share: float, count: int) -> Tensor:
        """See `Backbone.at_noise`."""
        return torch.full((count,), int(share * self._timesteps), device=self.device)

    def noise_share(self, timesteps: Tensor) -> Tensor:
        """See `Backbone.noise_share`."""
        return timesteps / self._timesteps

    def _levels(self, timesteps: Tensor) -> tuple[Tensor, Tensor]:
        """Return sqrt(alpha-bar) and sqrt(1 - alpha-bar) at timesteps (n,), each (n, 1, 1, 1)."""
        level = self._alphas[timesteps].view(-1, 1, 1, 1)
        return level.sqrt(), (1 - level).sqrt()

    def add_noise(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return z_t of latents z (n, C, h, w) and noise eps."""
        signal, spread = self._levels(timesteps)
        return signal * latents + spread * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return eps, or v = sqrt(alpha-bar) eps - sqrt(1 - alpha-bar) z (Salimans and Ho 2022, sec. 4)."""
        if self.prediction_type == "epsilon":
            return noise
        signal, spread = self._levels(timesteps)
        return signal * noise - spread * latents

    def sampler(
        self, steps: int, name: str = "", seeds: Sequence[int] = (), shape: Sequence[int] = ()
    ) -> Sampler:
        """See `Backbone.sampler`."""
        return make_sampler(self.schedule.config, name or OWN, steps, seeds, self.device)
