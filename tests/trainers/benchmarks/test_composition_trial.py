"""A composition trial computes its measures as defined, on pictures whose answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from studio.errors import StudioError
from studio.photos.photo import Photo
from studio.recipes.recipe import MODES, Recipe, Sampling
from studio.subject import Subject
from tests import tiny
from trainers import METHODS
from trainers.benchmarks.composition_groups import draw_groups
from trainers.benchmarks.composition_table import GroupResult, composition_table
from trainers.benchmarks.composition_trial import NOUNS, CompositionTrial, enumeration
from trainers.benchmarks.method_trial import Case, part_of
from trainers.benchmarks.picture_crops import attended_crop, presence_crops
from trainers.benchmarks.subject_presence import Similarities
from trainers.benchmarks.variants import Variant

pytestmark = pytest.mark.usefixtures("short_verdict")

THRESHOLDS = [0.5, 0.5]
BOTH = Similarities([[0.4, 0.4], [0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1], [0.2, 0.8]], 0.3)
SWAPPED = Similarities([[0.9, 0.1], [0.2, 0.8]], [[0.2, 0.8], [0.9, 0.1]], 0.3)
FIRST_TWICE = Similarities([[0.9, 0.4], [0.8, 0.6]], [[0.9, 0.4], [0.8, 0.6]], 0.3)
ONE_OF_BOTH = Similarities([[0.7, 0.6]], [[0.7, 0.6], [0.7, 0.6]], 0.3)
FAINT = Similarities([[0.45, 0.1], [0.1, 0.45]], [[0.45, 0.1], [0.1, 0.45]], 0.3)


def read(text: str) -> Variant:
    return Variant.parse(text, METHODS, {name: method.card() for name, method in METHODS.items()})


def case(handle: str, noun: str, index: int = 0) -> Case:
    photos = tuple(Photo(f"{number}.png", square) for number, square in enumerate(tiny.photos(3).squares))
    return Case(Subject(handle, noun), photos[:2], (photos[index],))


CASES = [case("<lily>", "cat"), case("<tom>", "dog", 2), case("<ada>", "cat", 1), case("<bo>", "dog")]


@pytest.mark.parametrize(
    ("picture", "all_present", "swapped", "dominated", "blended"),
    [
        (BOTH, True, False, False, False),
        (SWAPPED, True, True, False, False),
        (FIRST_TWICE, False, False, True, True),
        (ONE_OF_BOTH, False, False, True, True),
        (FAINT, False, False, False, False),
    ],
)
def test_pictures_are_told_apart_by_their_similarities(
    picture: Similarities, all_present: bool, swapped: bool, dominated: bool, blended: bool
) -> None:
    assert picture.all_present(THRESHOLDS) == all_present
    assert (picture.is_swapped, picture.is_dominated, picture.is_blended(THRESHOLDS)) == (
        swapped,
        dominated,
        blended,
    )


def test_a_single_concept_can_neither_swap_nor_dominate() -> None:
    alone = Similarities([[0.9]], [[0.9]], 0.3)
    assert alone.all_present([0.5]) and not alone.is_swapped and not alone.is_dominated


def test_three_handles_can_go_round_without_a_swap() -> None:
    c = torch.eye(3).roll(1, 1).tolist()
    assert Similarities(c, c, 0.0).nearest == [1, 2, 0] and not Similarities(c, c, 0.0).is_swapped


def test_the_measures_are_means_over_pictures() -> None:
    measures = GroupResult(
        "sum", "dreambooth", [BOTH, FIRST_TWICE], THRESHOLDS, [1.0, 0.8], [0.5, 0.3]
    ).measures()
    assert measures["all present"] == 0.5 and measures["dominance"] == 0.5 and measures["swap"] == 0
    assert measures["likeness"] == pytest.approx((0.9 + 0.8 / 0.8 + 0.9 + 0.6 / 0.8) / 4)
    assert measures["drift"] == pytest.approx(0.1)


def test_the_table_has_intervals_over_groups_and_a_confusion_matrix() -> None:
    results = [
        GroupResult("sum", "m", [picture], THRESHOLDS, [1.0, 1.0], [0.3]) for picture in (BOTH, FIRST_TWICE)
    ]
    table = composition_table(results)
    assert "| sum | m | 2 | 0.500 ± 6.353 |" in table
    assert "sum, handles by subjects: 100 % 0 %; 50 % 50 %" in table


def test_crops_cover_the_picture_and_one_shows_what_is_attended_to() -> None:
    picture = Image.new("RGB", (100, 100), "white")
    picture.paste("red", (50, 0, 100, 50))
    crops = presence_crops(picture)
    assert len(crops) == 10 and {crop.size for crop in crops} == {(100, 100)}
    attention = torch.full((10, 10), 0.01)
    attention[1:4, 6:9] = 1.0
    colours = attended_crop(picture, attention).getcolors(10_000)
    assert [colour for _, colour in colours] == [(255, 0, 0)]


def test_subjects_meet_about_equally_often_and_alike_for_every_method() -> None:
    variants = [read("dreambooth"), read("textual_inversion")]
    drawn = draw_groups(CASES, variants, 2, 4, mixed=True)
    assert len(drawn) == 12
    named = [[member.handle for member in group] for group in drawn]
    assert named[:4] == named[4:8] == named[8:]
    assert all(len(set(handles)) == 2 for handles in named)
    met = [handle for handles in named[:4] for handle in handles]
    assert {met.count(each.subject.handle) for each in CASES} == {2}
    assert {tuple(m.variant.text for m in group) for group in drawn[8:]} == {
        ("dreambooth", "textual_inversion")
    }
    assert drawn == draw_groups(CASES, variants, 2, 4, mixed=True)
    assert len(draw_groups(CASES, variants[:1], 3, 99, mixed=False)) == 4
    assert part_of(drawn, "2/3") == drawn[1::3]


@pytest.mark.parametrize(("size", "count"), [(len(CASES) + 1, 2), (0, 2), (2, 0)])
def test_groups_that_cannot_be_made_are_refused(size: int, count: int) -> None:
    with pytest.raises(StudioError, match="cannot be made of 4 subjects") as raised:
        draw_groups(CASES, [read("dreambooth")], size, count, mixed=False)
    assert raised.value.hint == "Give --groups 1 or more, and --together 1 to 4."


def test_names_are_enumerated_as_in_english() -> None:
    assert [enumeration(names) for names in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]


class Counter:
    """An encoder whose features are mean colours; counts the pictures."""

    def __init__(self) -> None:
        self.encoded = 0

    def encode(self, pictures: Sequence[Image.Image]) -> Tensor:
        self.encoded += len(pictures)
        small = [torch.from_numpy(np.asarray(picture.resize((1, 1)))[0, 0].copy()) for picture in pictures]
        return F.normalize(torch.stack(small).float(), dim=1)

    def encode_text(self, prompts: Sequence[str]) -> Tensor:
        assert not any("<" in prompt for prompt in prompts)
        return F.normalize(torch.ones(len(prompts), 3), dim=1)


def test_every_mode_is_painted_and_nothing_twice(tmp_path: Path) -> None:
    pair = draw_groups(CASES[:2], [read("textual_inversion steps=1 batch=1")], 2, 1, mixed=False)
    sampling = Sampling(steps=2, guidance=2.0)
    encoder = Counter()
    backbone = tiny.backbone()
    *_, last = CompositionTrial(backbone, encoder, sampling, tmp_path, 2, ("{} on blue",)).run(
        pair, list(MODES)
    )
    assert [result.mode for result in last.value] == [NOUNS, *MODES]
    assert all(len(result.pictures) == 2 for result in last.value)
    assert all(
        len(each.crops) == 10 and len(each.attended) == 2 for result in last.value for each in result.pictures
    )
    assert len(list(tmp_path.rglob("concept.safetensors"))) == 2
    again = Counter()
    *_, repeated = CompositionTrial(backbone, again, sampling, tmp_path, 2, ("{} on blue",)).run(
        pair, list(MODES)
    )
    assert repeated.value == last.value and again.encoded == 0
    CompositionTrial(backbone, again, sampling, tmp_path, 2, ("{} on red",)).measure(pair[0], "sum")
    assert again.encoded > 0  # as many pictures of another prompt


def test_the_plain_nouns_are_the_untouched_bases(tmp_path: Path) -> None:
    (pair,) = draw_groups(CASES[:2], [read("textual_inversion steps=1 batch=1")], 2, 1, mixed=False)
    sampling = Sampling(steps=2, guidance=2.0, seed=3)
    backbone = tiny.backbone()
    CompositionTrial(backbone, Counter(), sampling, tmp_path, 1, ("{} on blue",)).measure(pair, "sum", 0.0)
    (painted,) = tmp_path.rglob("plain/*.png")
    from studio.events import Result
    from studio.generation.generate import generate

    nouns = enumeration([member.noun for member in pair])
    plain = Recipe(f"{nouns} on blue", steps=2, guidance=2.0, seed=3)
    (picture,) = [event.value.image for event in generate(backbone, plain) if isinstance(event, Result)]
    assert np.array_equal(np.asarray(picture), np.asarray(Image.open(painted)))
