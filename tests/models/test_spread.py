"""Training timesteps cover the whole range of noise in every batch, and each is uniform by itself."""

from __future__ import annotations

import pytest
import torch

from studio.models.spread import spread_evenly


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_a_draw_has_one_number_in_each_equal_part_and_each_is_uniform(count: int) -> None:
    generator = torch.Generator().manual_seed(0)
    draws = torch.stack([spread_evenly(count, generator) for _ in range(3000)])
    assert draws.shape == (3000, count) and draws.min() > 0 and draws.max() < 1
    parts = (draws * count).long().sort(dim=1).values
    assert torch.equal(parts, torch.arange(count).expand_as(parts))
    for place in draws.T:  # the first photo of a batch has no less noise than the last
        shares = torch.histc(place, bins=4, min=0, max=1) / len(place)
        assert shares.tolist() == pytest.approx([0.25] * 4, abs=0.04)


def test_draws_differ_and_a_seed_repeats_them() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = spread_evenly(3, generator), spread_evenly(3, generator)
    assert not torch.equal(first.sort().values, second.sort().values)
    assert torch.equal(first, spread_evenly(3, torch.Generator().manual_seed(0)))


def test_the_mean_of_a_loss_varies_less_than_with_independent_numbers() -> None:
    generator = torch.Generator().manual_seed(0)

    def spread_of_means(draws: list[torch.Tensor]) -> float:
        return torch.stack([(5 * draw).exp().mean() for draw in draws]).std().item()

    evenly = spread_of_means([spread_evenly(4, generator) for _ in range(500)])
    apart = spread_of_means([torch.rand(4, generator=generator) for _ in range(500)])
    assert evenly < apart / 2
