"""The memory plan: which measures fit which base on which card. The table is that of the README's numbers."""

from __future__ import annotations

import itertools

import pytest

from studio.errors import StudioError
from studio.launcher import options
from studio.models.memory_plan import (
    CHOICES,
    RESERVE,
    Measure,
    MemoryPlan,
    PartSizes,
    forced_plan,
    plan_memory,
)

GB = 1_000_000_000
GIB, IN_USE = (
    2**30,
    500_000_000,
)  # of a card; a context and a screen take some of it before anything is loaded


def sizes(side: int, denoiser: float, denoiser_8bit: float, text: float, autoencoder: float) -> PartSizes:
    """Return sizes given in GB, with the estimates for a picture of `side` pixels."""
    pixels = side * side
    return PartSizes(
        denoiser=int(denoiser * GB),
        denoiser_8bit=int(denoiser_8bit * GB),
        text=int(text * GB),
        autoencoder=int(autoencoder * GB),
        predicting=1_000 * pixels,
        decoding=3_000 * pixels,
        tile=3_000 * min(pixels, 512 * 512),
        training=2_000 * pixels,
    )


BASES = {  # weights in bfloat16, the autoencoder in float32
    "SD 1.5": sizes(512, 1.72, 0.87, 0.25, 0.33),
    "SDXL": sizes(1024, 5.14, 2.58, 1.64, 0.33),
    "Z-Image": sizes(1024, 12.31, 6.2, 8.04, 0.34),
}
T, X, A, F, S = Measure  # tiles, text waits, autoencoder waits, float8, turns
TABLE = [  # base, card in GiB, measures, what does not fit
    ("SD 1.5", 6, (), ""),
    ("SD 1.5", 8, (), ""),
    ("SD 1.5", 12, (), ""),
    ("SDXL", 6, (T, X, A, F), "a training"),
    ("SDXL", 8, (T, X, A, F), ""),
    ("SDXL", 12, (), ""),
    ("SDXL", 16, (), ""),
    ("Z-Image", 6, (T, X, A, F, S), "it"),
    ("Z-Image", 8, (T, X, A, F, S), "it"),
    ("Z-Image", 12, (T, X, A, F, S), "a training"),
    ("Z-Image", 16, (T, X, A, F), "a training"),
    ("Z-Image", 24, (), ""),
]


@pytest.mark.parametrize(("base", "card", "measures", "short"), TABLE)
def test_what_a_card_needs(base: str, card: int, measures: tuple[Measure, ...], short: str) -> None:
    plan = plan_memory(card * GIB - IN_USE, BASES[base], can_float8=True)
    assert plan.measures == measures
    assert plan.shortfall.partition(" needs about")[0] == short


def fitting(base: PartSizes, measures: tuple[Measure, ...]) -> int:
    """Return the free memory that a base needs with these measures, for pictures and training."""
    taken = frozenset(measures)
    return max(base.painting_peak(taken), base.training_peak(taken)) + RESERVE


@pytest.mark.parametrize("base", BASES)
def test_what_just_fits_needs_no_measure_and_a_byte_less_needs_one(base: str) -> None:
    exact = fitting(BASES[base], ())
    assert plan_memory(exact, BASES[base], can_float8=True) == MemoryPlan(
        (),
        exact,
        BASES[base].painting_peak(frozenset()) + RESERVE,
        BASES[base].training_peak(frozenset()) + RESERVE,
    )
    assert plan_memory(exact - 1, BASES[base], can_float8=True).measures


PART = PartSizes(
    denoiser=1000,
    denoiser_8bit=500,
    text=300,
    autoencoder=100,
    predicting=400,
    decoding=900,
    tile=200,
    training=0,
)


def test_measures_are_taken_in_their_order_and_each_as_late_as_can_be() -> None:
    taken = [plan_memory(RESERVE + free, PART, can_float8=True).measures for free in range(3000)]
    first = {measure: max(n for n, each in enumerate(taken) if measure in each) for measure in Measure}
    assert first[T] == 2299  # decoding: 1000 + 300 + 100 + 900
    assert first[X] == 1799  # predicting: 1000 + 300 + 100 + 400
    assert first[A] == 1849  # encoding a training's photos: 1000 + 300 + 100 + 450
    assert first[F] == 1849  # for which it does not help that the autoencoder waits
    assert first[S] == 799  # reading: 500 + 300


@pytest.mark.parametrize(("base", "can_float8"), list(itertools.product([*BASES, "small"], [True, False])))
def test_more_memory_never_means_a_measure_more(base: str, can_float8: bool) -> None:
    part = BASES.get(base, PART)
    step = max(1, part.denoiser // 300)
    plans = [plan_memory(RESERVE + free, part, can_float8) for free in range(0, 4 * part.denoiser, step)]
    for less, more in itertools.pairwise(plans):
        assert set(more.measures) <= set(less.measures)
    assert plans[-1].is_trivial and plans[-1].words == "fits as it is"
    assert can_float8 or not any(plan.takes(F) for plan in plans)


@pytest.mark.parametrize("base", BASES)
def test_a_plan_without_shortfall_fits_less_the_reserve(base: str) -> None:
    for free in range(GB, 30 * GB, GB // 10):
        plan = plan_memory(free, BASES[base], can_float8=True)
        peak = fitting(BASES[base], plan.measures)
        assert (peak <= free) == (not plan.shortfall)


def test_what_does_not_fit_is_said_with_the_figures() -> None:
    plan = plan_memory(7_100_000_000, BASES["Z-Image"], can_float8=True)
    assert plan.shortfall == "it needs about 8.8 GB even so, and 7.1 GB are free"
    assert plan.words.endswith(f"a prompt is read; {plan.shortfall}") and not plan.is_trivial
    plan = plan_memory(16_000_000_000, BASES["Z-Image"], can_float8=True)
    assert plan.shortfall == "a training needs about 17.1 GB even so, and 16.0 GB are free"


def test_words_name_every_measure() -> None:
    plan = MemoryPlan((X, T))
    assert plan.words == f"{X.value}; {T.value}"
    assert MemoryPlan().words == "fits as it is" and MemoryPlan().is_trivial


def test_a_person_can_overrule_it() -> None:
    base = BASES["SD 1.5"]
    assert forced_plan("least", None, base, can_float8=True).measures == tuple(Measure)
    assert forced_plan("least", 100 * GB, base, can_float8=False).measures == (T, X, A, S)
    everything = forced_plan("all", GB, base, can_float8=True)
    assert everything.measures == () and everything.shortfall.startswith("it needs about")
    assert forced_plan("auto", None, base, can_float8=True).is_trivial
    assert forced_plan("auto", GB, base, can_float8=True) == plan_memory(GB, base, can_float8=True)
    with pytest.raises(StudioError, match="no memory plan called 'most'"):
        forced_plan("most", None, base, can_float8=True)


def test_the_launcher_knows_the_same_choices() -> None:
    assert options.MEMORY == CHOICES
