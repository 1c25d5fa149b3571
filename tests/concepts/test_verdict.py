"""The verdict in words, and in a stranger's file."""

from __future__ import annotations

import dataclasses
import json
import math
import re

import pytest
from PIL import Image

from studio.concepts.header import Header
from studio.concepts.verdict import Verdict
from studio.documents import DocumentError
from studio.edits.concept import Concept
from studio.photos.photo_set import PhotoSet
from tests.edits.test_concept import HEADER
from trainers.kit.portraits import Portrait, portraits, subject_weights, variations

GOOD = Verdict(
    likeness=1.14,
    noise=0.2,
    seeds=3,
    encoder="U-Net",
    obeyed=0.8,
    variety=0.3,
    strange=1.1,
    unknown=1.0,
    contrast=1.0,
    photos=4,
)
WEAK = dataclasses.replace(GOOD, likeness=0.1)
COPY = dataclasses.replace(GOOD, variety=0.001, obeyed=0.5)
ALIKE = dataclasses.replace(COPY, obeyed=0.8)  # from one photo, say, and painted in every scene
DROWNED = dataclasses.replace(GOOD, obeyed=0.1)
LOST = dataclasses.replace(GOOD, likeness_in_scene=0.01)  # a yellow tractor that is green at night
PHOTOGRAPHS = dataclasses.replace(GOOD, unknown=2.1)
NOISE = dataclasses.replace(GOOD, strange=4.0)
FLAT = dataclasses.replace(GOOD, contrast=0.1)
NO_NUMBERS = Verdict(0.0, 0.0, 3, "U-Net", is_finite=False)
OLD = Verdict(likeness=0.9, noise=0.2, seeds=4, encoder="U-Net")
SETTINGS = {"steps": 50, "learning_rate": 0.002}


@pytest.mark.parametrize(
    ("verdict", "word", "parts"),
    [
        (GOOD, "learned", ["Learned", "100% of the likeness that the photos have", "80% of a scene"]),
        (WEAK, "weak", ["10% of the likeness", "more steps (it had 50) or a higher learning rate (0.002)"]),
        (COPY, "weak", ["nearly the same picture", "fewer steps (it had 50)"]),
        (ALIKE, "learned", ["Learned", "80% of a scene"]),
        (DROWNED, "weak", ["of a scene in the prompt only 10% is left", "fewer steps"]),
        (LOST, "weak", ["in another place it becomes what its noun says", "different backgrounds"]),
        (dataclasses.replace(GOOD, likeness_in_scene=0.3), "learned", ["80% of a scene"]),
        (PHOTOGRAPHS, "weak", ["a kind that this base does not paint", "another base"]),
        (NOISE, "broken", ["noise", "lower learning rate (0.002)"]),
        (FLAT, "broken", ["one colour", "lower learning rate"]),
        (NO_NUMBERS, "broken", ["no longer numbers", "lower learning rate"]),
        (OLD, "learned", ["moved 90% of the way"]),
        (dataclasses.replace(OLD, likeness=0.1), "weak", ["10% of the likeness", "more steps"]),
    ],
)
def test_it_is_one_of_three_words_with_what_to_do(verdict: Verdict, word: str, parts: list[str]) -> None:
    summary = verdict.summary(SETTINGS)
    assert (verdict.word, verdict.learned) == (word, word == "learned")
    assert summary.lower().startswith(word)
    for part in parts:
        assert part in summary
    assert (summary == verdict.sentence) is verdict.learned
    assert summary.count(".") - summary.count("0.002") <= 2  # a sentence, and one of what to do


def test_no_share_is_above_a_hundred_percent_or_below_none() -> None:
    for value in (-3.0, -0.01, 1.01, 1.14, 50.0):
        for name in ("likeness", "obeyed"):
            for base in (GOOD, DROWNED, OLD):
                sentence = dataclasses.replace(base, **{name: value}).sentence
                shares = [int(number) for number in re.findall(r"(-?\d+)%", sentence)]
                assert all(0 <= number <= 100 for number in shares), sentence


def test_broken_comes_before_weak_and_noise_is_never_learned() -> None:
    assert dataclasses.replace(NOISE, likeness=0.0, obeyed=0.0).word == "broken"
    assert dataclasses.replace(NOISE, likeness=1.0, unknown=3.0).word == "broken"  # photos of noise
    assert "Choose clear photos" in dataclasses.replace(FLAT, unknown=3.0).advice(SETTINGS)


def test_less_is_asked_of_the_likeness_to_a_single_photo() -> None:
    for photos, word in ((1, "learned"), (2, "weak")):
        assert dataclasses.replace(GOOD, likeness=0.5, photos=photos).word == word


def test_sorted_by_score_the_broken_come_last_and_more_than_the_photos_is_no_better() -> None:
    assert (GOOD.score, WEAK.score, NOISE.score, NO_NUMBERS.score) == (1.0, 0.1, 0.0, 0.0)


def test_without_steps_or_rates_it_still_says_what_to_do() -> None:
    assert WEAK.advice({}) == "Train it again with more steps or a higher learning rate."


def test_it_stays_in_the_header_and_old_headers_have_none() -> None:
    header = dataclasses.replace(HEADER, verdicts={"<lily>": GOOD})
    assert Header.from_text(header.to_text()) == header
    values = json.loads(header.to_text())
    del values["verdicts"]
    assert Header.from_text(json.dumps(values)).verdicts == {}


@pytest.mark.parametrize(
    "change",
    [
        {"likeness": math.nan},
        {"obeyed": "far"},
        {"seeds": "four"},
        {"encoder": "x" * 1000},
        {"encoder": 3},
        {"noise": None},
    ],
)
def test_a_strangers_verdict_that_makes_no_sense_is_refused(change: dict) -> None:
    values = json.loads(dataclasses.replace(HEADER, verdicts={"<lily>": GOOD}).to_text())
    values["verdicts"]["<lily>"] |= change
    with pytest.raises(DocumentError):
        Header.from_text(json.dumps(values))


def test_a_handle_is_looked_for_where_its_mask_is() -> None:
    photo, mask = Image.new("RGB", (40, 30), "white"), Image.new("L", (40, 30))
    photo.paste("red", (30, 5, 40, 15))
    mask.paste(255, (30, 5, 40, 15))
    two = Concept(dataclasses.replace(HEADER, handles={"<lily>": "cat", "<tom>": "dog"}), ())
    photos = PhotoSet((photo, photo), {"<lily>": (mask, None)})
    (seen,) = portraits(photos, "<lily>", two)
    assert seen.picture.size == (10, 10) and set(seen.picture.get_flattened_data()) == {(255, 0, 0)}
    assert seen.mask is not None and seen.mask.getextrema() == (255, 255)
    assert portraits(photos, "<tom>", two) == []


def test_a_handle_that_is_alone_is_looked_for_in_whole_photos() -> None:
    photo, mask = Image.new("RGB", (40, 30), "white"), Image.new("L", (40, 30))
    mask.paste(255, (30, 5, 40, 15))
    alone = Concept(HEADER, ())
    assert portraits(PhotoSet((photo,)), "<lily>", alone) == [Portrait(photo)]
    masked = PhotoSet((photo, photo), {"<lily>": (mask, None)})
    assert portraits(masked, "<lily>", alone) == [Portrait(photo, mask), Portrait(photo)]


def test_a_single_photo_is_compared_with_its_mirror_image_and_a_closer_crop() -> None:
    photo = Image.new("RGB", (40, 40), "white")
    photo.paste("red", (0, 0, 4, 40))
    mirrored, closer = variations(photo)
    assert mirrored.getpixel((39, 5)) == (255, 0, 0) and mirrored.getpixel((0, 5)) == (255, 255, 255)
    assert closer.size == (32, 32) and set(closer.get_flattened_data()) == {(255, 255, 255)}


def test_cells_count_by_how_much_of_them_is_the_subject() -> None:
    mask = Image.new("L", (40, 40))
    mask.paste(255, (0, 0, 20, 40))
    photo = Image.new("RGB", (40, 40))
    weights = subject_weights([Portrait(photo, mask), Portrait(photo)], 4)
    assert weights is not None and weights.shape == (2, 16)
    assert weights[0].reshape(4, 4).round().tolist() == [[1, 1, 0, 0]] * 4
    assert weights[1].eq(1).all()
    assert subject_weights([Portrait(photo)], 4) is None
