"""The verdict on features whose answers are known, in words, and in a stranger's file."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from studio.concepts.header import Header
from studio.concepts.verdict import Verdict
from studio.documents import DocumentError
from studio.edits.concept import Concept
from studio.photos.photo_set import PhotoSet
from tests.edits.test_concept import HEADER
from trainers.kit.verdict import compare_features, portraits

GOOD = Verdict(progress=0.85, noise=0.2, change=1.4, seeds=4, encoder="U-Net")
WEAK = dataclasses.replace(GOOD, progress=0.1, change=0.4)
ASTRAY = dataclasses.replace(GOOD, progress=-0.3)


def around(centre: list[float], spread: float, count: int = 4, seed: int = 0) -> Tensor:
    """Features around a direction."""
    noise = torch.randn(count, len(centre), generator=torch.Generator().manual_seed(seed))
    return F.normalize(torch.tensor(centre) + spread * noise, dim=1)


PLAIN = around([1.0, 0.0, 0.0, 0.0], 0.05)
PHOTOS = around([0.0, 1.0, 0.0, 0.0], 0.05, seed=1)


def test_no_effect_is_no_way_and_weak() -> None:
    verdict = compare_features(PLAIN, PLAIN, PHOTOS, "eye")
    assert (verdict.progress, verdict.change, verdict.seeds) == (0.0, pytest.approx(0.0, abs=1e-4), 4)
    assert verdict.noise > 0 and not verdict.learned


def test_at_the_photos_is_the_whole_way() -> None:
    verdict = compare_features(around([0.0, 1.0, 0.0, 0.0], 0.05, seed=2), PLAIN, PHOTOS, "eye")
    assert verdict.progress == pytest.approx(1.0, abs=0.1) and verdict.learned and verdict.change > 1


def test_elsewhere_is_a_change_and_no_way() -> None:
    verdict = compare_features(around([0.0, 0.0, 1.0, 0.0], 0.05, seed=3), PLAIN, PHOTOS, "eye")
    assert verdict.change > 1 and abs(verdict.progress) < 0.6
    assert verdict.progress < compare_features(PHOTOS, PLAIN, PHOTOS, "eye").progress


def test_the_way_is_measured_along_the_line_to_the_photos() -> None:
    plain = torch.tensor([[0.0, 1.0], [0.0, -1.0]])
    photos = torch.tensor([[2.0, 0.0], [2.0, 0.0]])
    learned = torch.tensor([[1.0, 5.0], [1.5, 5.0]])
    verdict = compare_features(learned, plain, photos, "eye")
    assert verdict.progress == pytest.approx((0.5 + 0.75) / 2)
    squares = 2 * 0.125**2  # only the learned ones differ along the line; three kinds, one degree each
    assert verdict.noise == pytest.approx(math.sqrt(squares / 3), abs=1e-4)


def test_a_shift_within_the_noise_between_seeds_is_weak() -> None:
    plain = around([1.0, 0.0, 0.0, 0.0], 0.5, seed=4)
    for shift, learned in ((0.05, False), (0.15, False), (3.0, True)):
        shifted = F.normalize(plain + torch.tensor([0.0, shift, 0.0, 0.0]), dim=1)
        verdict = compare_features(shifted, plain, PHOTOS, "eye")
        assert verdict.progress > 0 and verdict.learned is learned
        assert (verdict.progress > verdict.noise) is learned


def test_one_photo_is_enough() -> None:
    assert compare_features(PHOTOS, PLAIN, PHOTOS[:1], "eye").progress == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize(
    ("verdict", "settings", "parts"),
    [
        (GOOD, {"steps": 50}, ["Learned: pictures moved 85% of the way", "seeds alone differ by 20%"]),
        (
            WEAK,
            {"steps": 50, "learning_rate": 0.002},
            ["Finished, but weak", "10%", "more steps (it had 50) or a higher learning rate (0.002)"],
        ),
        (
            ASTRAY,
            {"steps": 50, "word_rate": 0.1},
            ["weak: pictures changed, yet moved only 0%", "with a lower word rate (0.1)"],
        ),
        (WEAK, {}, ["Train it again with more steps."]),
    ],
)
def test_it_says_what_to_change(verdict: Verdict, settings: dict, parts: list[str]) -> None:
    for part in parts:
        assert part in verdict.summary(settings)
    assert ("Train it again" in verdict.summary(settings)) is not verdict.learned


def test_it_stays_in_the_header_and_old_headers_have_none() -> None:
    header = dataclasses.replace(HEADER, verdicts={"<lily>": GOOD})
    assert Header.from_text(header.to_text()) == header
    values = json.loads(header.to_text())
    del values["verdicts"]
    assert Header.from_text(json.dumps(values)).verdicts == {}


@pytest.mark.parametrize(
    "change",
    [{"way": math.nan}, {"way": "far"}, {"seeds": "four"}, {"eye": "x" * 1000}, {"eye": 3}, {"noise": None}],
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
    assert seen.size == (10, 10) and set(seen.get_flattened_data()) == {(255, 0, 0)}
    assert portraits(photos, "<tom>", two) == []
    assert portraits(PhotoSet((photo,)), "<lily>", Concept(HEADER, ())) == [photo]
