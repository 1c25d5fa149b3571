"""Blind votes: shuffled sides, counted right, with the interval that Wilson gave."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.grids.blind_vote import Ballot, Tally
from studio.intervals import wilson_interval

PICTURES = [(f"a{n}.png", f"b{n}.png", f"Seed {n}") for n in range(40)]


def drawn(seed: int = 0) -> Ballot:
    return Ballot.draw(("two", "nine"), PICTURES, seed)


@pytest.mark.parametrize(
    ("successes", "trials", "interval"),
    [
        (0, 0, (0.0, 1.0)),
        (0, 10, (0.0, 0.2775)),
        (5, 10, (0.2366, 0.7634)),
        (10, 10, (0.7225, 1.0)),
        (81, 263, (0.2553, 0.3662)),
    ],
)
def test_wilsons_interval_is_that_of_the_tables(
    successes: int, trials: int, interval: tuple[float, float]
) -> None:
    assert wilson_interval(successes, trials) == pytest.approx(interval, abs=1e-4)


def test_sides_and_order_are_shuffled_and_no_pair_is_lost() -> None:
    ballot = drawn()
    assert {(pair.first, pair.second, pair.where) for pair in ballot.pairs} == set(PICTURES)
    assert [pair.first for pair in ballot.pairs] != [first for first, _, _ in PICTURES]
    assert 10 < sum(pair.swapped for pair in ballot.pairs) < 30
    assert [pair.swapped for pair in drawn(1).pairs] != [pair.swapped for pair in ballot.pairs]
    pair = next(pair for pair in ballot.pairs if pair.swapped)
    assert pair.sides == (pair.second, pair.first)


def test_who_always_likes_one_setting_gives_it_every_vote_whichever_side_it_is_on() -> None:
    ballot = drawn()
    while ballot.pair:
        side = "left" if ballot.pair.sides[0].startswith("b") else "right"
        ballot = ballot.cast(side, len(ballot.votes))
    assert ballot.tally == Tally(0, 40, 0) and ballot.revealed
    assert ballot.tally.interval[1] < 0.1


def test_who_always_presses_left_prefers_nothing_by_much() -> None:
    ballot = drawn()
    while ballot.pair:
        ballot = ballot.cast("left", len(ballot.votes))
    low, high = ballot.tally.interval
    assert low < 0.5 < high


def test_a_click_that_comes_twice_counts_once_and_the_end_is_the_end() -> None:
    ballot = drawn().cast("left", 0).cast("right", 0)
    assert ballot.votes == ("left",)
    ended = ballot.reveal()
    assert ended.pair is None and ended.cast("left", 1) == ended
    with pytest.raises(StudioError, match="no vote"):
        ballot.cast("both", 1)


def test_ties_are_told_and_leave_the_share_alone() -> None:
    ballot = drawn().cast("same", 0)
    ballot = ballot.cast("left" if not ballot.pair.swapped else "right", 1)
    assert ballot.tally == Tally(1, 0, 1) and ballot.tally.interval == wilson_interval(1, 1)


def test_a_ballot_outlives_the_page(tmp_path: Path) -> None:
    assert Ballot.open(tmp_path) is None
    ballot = drawn().cast("right", 0)
    ballot.save(tmp_path)
    assert Ballot.open(tmp_path) == ballot
    Ballot.discard(tmp_path)
    assert Ballot.open(tmp_path) is None


def test_a_picture_is_no_rival_of_itself() -> None:
    with pytest.raises(StudioError, match="no pairs"):
        Ballot.draw(("two", "nine"), [("a.png", "a.png", "")])
