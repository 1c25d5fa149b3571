"""Medians and quartiles against a count by hand."""

from __future__ import annotations

import random

import pytest

from tests.benchmarks.spread import Spread, Taken, milliseconds


def naive(values: list[float], share: float) -> float:
    """The value below which `share` of the sorted values lie, between the two that are nearest."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8, 31])
def test_a_spread_is_median_and_quartiles(count: int) -> None:
    values = [random.Random(count).expovariate(1.0) for _ in range(count)]
    random.Random(1).shuffle(values)
    spread = Spread.of(values)
    wanted = [naive(values, share) for share in (0.5, 0.25, 0.75)]
    assert [spread.median, spread.lower, spread.upper] == pytest.approx(wanted)
    assert spread.count == count


def test_one_value_has_no_spread_to_tell() -> None:
    assert Spread.of([3.0]) == Spread(3.0, 3.0, 3.0, 1)
    assert Spread.of([3.0]).in_words(1) == "3.0"
    assert milliseconds([1.0, 2.0, 3.0]).in_words() == "2,000 (1,500-2,500)"


def test_taken_is_a_difference_of_both_clocks() -> None:
    taken = (Taken(5.0, 3.0) - Taken(1.0, 2.0)) / 4
    assert taken == Taken(1.0, 0.25)
