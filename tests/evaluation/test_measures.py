"""Measures against their definitions, on features whose answers are known."""

from __future__ import annotations

import math
import statistics

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from studio.evaluation import measures
from studio.intervals import Estimate, t_quantile


def some(count: int, seed: int = 0, width: int = 8) -> Tensor:
    return F.normalize(torch.randn(count, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def at(*degrees: float) -> Tensor:
    """Features in a plane, at these angles."""
    angles = torch.tensor(degrees).deg2rad()
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_four_pictures_and_four_photos_are_sixteen_pairs() -> None:
    pictures, photos = some(4), some(4, 1)
    cosines = [(picture @ photo).item() for picture in pictures for photo in photos]
    assert len(cosines) == 16
    assert measures.likeness(pictures, photos).mean().item() == pytest.approx(statistics.fmean(cosines))
    matched = [(picture @ photo).item() for picture, photo in zip(pictures, photos, strict=True)]
    assert measures.likeness(pictures, photos).mean().item() != pytest.approx(statistics.fmean(matched))


def test_likeness_is_a_mean_of_cosines_and_no_cosine_of_means() -> None:
    pictures, photos = at(0, 90), at(0, 90)
    assert measures.likeness(pictures, photos).mean().item() == pytest.approx(0.5)
    means = F.cosine_similarity(pictures.mean(0), photos.mean(0), dim=0)
    assert means.item() == pytest.approx(1.0)


def test_order_makes_no_difference_and_the_same_picture_is_one() -> None:
    pictures, photos = some(5), some(3, 1)
    turned = measures.likeness(pictures[[3, 1, 0, 4, 2]], photos[[2, 0, 1]])
    assert turned.mean().item() == pytest.approx(measures.likeness(pictures, photos).mean().item())
    assert measures.likeness(pictures[:1], pictures[:1]).item() == pytest.approx(1.0)


def test_agreement_is_with_a_pictures_own_prompt() -> None:
    pictures, prompts = at(0, 90), at(0, 60)
    assert measures.agreement(pictures, prompts).tolist() == pytest.approx([1.0, math.cos(math.radians(30))])
    assert measures.agreement(pictures, prompts[:1]).tolist() == pytest.approx([1.0, 0.0], abs=1e-6)


def test_copying_is_the_nearest_photo_and_copied_goes_by_how_near_photos_are() -> None:
    photos = at(0, 20, 90)
    assert measures.copying(at(5, 45), photos).tolist() == pytest.approx(
        [math.cos(math.radians(5)), math.cos(math.radians(25))]
    )
    assert measures.copied(at(5, 45, 10), photos).tolist() == [1.0, 0.0, 1.0]
    assert len(measures.copied(at(5), photos[:1])) == 0


def test_bleed_is_what_the_plain_noun_does_not_show() -> None:
    absent = at(90)
    assert measures.bleed(at(30), at(30), absent).item() == pytest.approx(0.0)
    assert measures.bleed(at(90), at(0), absent).item() == pytest.approx(1.0)
    assert measures.bleed(at(0), at(90), absent).item() == pytest.approx(-1.0)


def test_drift_is_zero_untouched_and_compares_seed_by_seed() -> None:
    before = at(0, 90)
    assert measures.drift(before, before).tolist() == pytest.approx([0.0, 0.0])
    assert measures.drift(before, before.flip(0)).tolist() == pytest.approx([1.0, 1.0])


def test_diversity_is_zero_for_duplicates_and_leaves_self_pairs_out() -> None:
    assert measures.diversity(at(7, 7, 7)) == pytest.approx(0.0)
    assert measures.diversity(at(0, 90)) == pytest.approx(1.0)
    assert measures.diversity(at(0, 90, 180)) == pytest.approx((1 + 1 + 2) / 3)
    assert measures.diversity(at(0)) is None
    assert len(measures.pairs(some(4))) == 6


def test_a_figure_is_a_mean_its_interval_and_a_count() -> None:
    figure = Estimate.of([0.4, 0.5, 0.6, 0.7])
    assert (figure.mean, figure.n) == (pytest.approx(0.55), 4)
    assert figure.half_width == pytest.approx(3.182446 * statistics.stdev([0.4, 0.5, 0.6, 0.7]) / 2)
    assert Estimate.of([0.4]) == Estimate(0.4, None, 1) and str(Estimate.of([0.4])) == "0.400"
    assert Estimate.of([]) is None and Estimate.of(torch.zeros(0)) is None
    assert str(Estimate.of(torch.tensor([0.5, 0.5]))) == "0.500 ± 0.000"


@pytest.mark.parametrize(("freedom", "t"), [(1, 12.706), (10, 2.228), (11, 2.201), (30, 2.042), (120, 1.980)])
def test_the_quantile_is_students(freedom: int, t: float) -> None:
    assert t_quantile(freedom, 0.025) == pytest.approx(t, abs=0.003)
