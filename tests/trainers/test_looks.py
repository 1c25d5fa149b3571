"""The figures of a verdict on made features: subjects, scenes and every way to fail have known answers.

A picture is eight cells: two of its subject, six of its ground. A cell is a direction of its own for each
subject and ground, moved a little from picture to picture.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from studio.concepts.verdict import Verdict
from trainers.kit.looks import Looks, compare_looks

WIDTH, SPREAD = 12, 0.1
NOUN, LILY, WALL, BEACH, NOISE = range(5)  # directions


def looks(
    subject: int, ground: int, seed: int, count: int = 3, error: float = 1.0, share: float = 1.0
) -> Looks:
    """Return pictures of a subject on a ground; a `share` of the subject is there, the rest is the noun's."""
    axes = torch.eye(WIDTH)
    body = share * axes[subject] + (1 - share) * axes[NOUN]
    picture = torch.stack([body] * 2 + [axes[ground]] * 6)
    moved = SPREAD * torch.randn(count, 8, WIDTH, generator=torch.Generator().manual_seed(seed))
    return Looks(F.normalize(picture + moved, dim=2), torch.full((count,), error), torch.ones(count))


PHOTOS = looks(LILY, WALL, 1, count=4)
PLAIN, PLAIN_SCENE = looks(NOUN, WALL, 2), looks(NOUN, BEACH, 3)
GOOD, GOOD_SCENE = looks(LILY, WALL, 4), looks(LILY, BEACH, 5)


def verdict(
    learned: Looks = GOOD, scene: Looks = GOOD_SCENE, photos: Looks = PHOTOS, **more: Looks
) -> Verdict:
    figures = compare_looks(learned, scene, PLAIN, PLAIN_SCENE, photos, more.get("others", photos))
    return Verdict(**figures, seeds=3, encoder="made")


def test_what_looks_like_the_photos_and_obeys_is_learned() -> None:
    assert verdict().word == "learned"
    assert verdict().likeness == pytest.approx(1, abs=0.2)
    assert verdict().obeyed == pytest.approx(1, abs=0.15)


def test_the_noun_itself_is_weak_with_nothing_learned_and_all_obeyed() -> None:
    found = verdict(PLAIN, PLAIN_SCENE)
    assert (found.likeness, found.strange, found.contrast) == (0, 1, 1)
    assert found.obeyed == pytest.approx(1, abs=1e-3)
    assert (found.word, found.lack) == ("weak", "likeness")


def test_stopped_at_step_ten_is_weak() -> None:
    early = verdict(looks(LILY, WALL, 4, share=0.15), looks(LILY, BEACH, 5, share=0.15))
    assert early.likeness < 0.35 and (early.word, early.lack) == ("weak", "likeness")


def test_likeness_grows_with_the_share_of_the_subject() -> None:
    shares = [verdict(looks(LILY, WALL, 4, share=share)).likeness for share in (0.0, 0.3, 0.5, 0.7, 1.0)]
    assert shares == sorted(shares)


def test_noise_is_broken_even_if_the_photos_are_noise() -> None:
    noise = looks(NOISE, NOISE, 6, error=5.0)
    assert verdict(noise, noise).word == "broken"
    found = verdict(noise, noise, photos=looks(NOISE, NOISE, 7, count=2, error=6.0))
    assert found.likeness > 0.8 and (found.word, found.fault) == ("broken", "noise")


def test_one_colour_is_broken() -> None:
    flat = replace(GOOD, contrast=torch.full((3,), 0.05))
    assert (verdict(flat).word, verdict(flat).fault) == ("broken", "flat")


def test_a_scene_that_does_not_survive_is_weak() -> None:
    found = verdict(scene=looks(LILY, WALL, 8))
    assert found.likeness > 0.8 and found.obeyed < 0.1 and (found.word, found.lack) == ("weak", "prompt")


def test_what_becomes_the_noun_in_the_scene_is_weak() -> None:
    found = verdict(scene=PLAIN_SCENE)
    assert found.likeness > 0.8 and found.obeyed > 0.8 and found.likeness_in_scene == 0
    assert (found.word, found.lack) == ("weak", "elsewhere")
    assert verdict().likeness_in_scene > 0.5


def test_the_same_picture_for_every_seed_is_a_copy() -> None:
    one = replace(GOOD, cells=GOOD.cells[:1].expand(3, -1, -1))
    assert verdict(one, one).variety < 1e-3 and (verdict(one, one).word, verdict(one, one).lack) == (
        "weak",
        "copy",
    )


def test_photos_that_the_base_does_not_know_are_said() -> None:
    found = verdict(photos=replace(PHOTOS, errors=torch.full((4,), 2.5)))
    assert (found.unknown, found.word, found.lack) == (2.5, "weak", "unknown")


def test_one_photo_is_compared_with_what_stands_for_others() -> None:
    photo = replace(PHOTOS, cells=PHOTOS.cells[:1], errors=PHOTOS.errors[:1])
    found = verdict(photos=photo, others=looks(LILY, WALL, 9, count=2))
    assert found.likeness == pytest.approx(1, abs=0.15) and found.word == "learned"


def test_photos_that_have_nothing_in_common_make_no_huge_likeness() -> None:
    strangers = torch.cat([looks(subject, subject, 10, count=1).cells for subject in (6, 7, 8)])
    found = verdict(photos=Looks(strangers, torch.ones(3), torch.ones(3)))
    assert abs(found.likeness) < 3


def test_likeness_against_a_loop() -> None:
    """The same figure with loops over photos, pictures and cells."""
    centre = (PHOTOS.cells.mean((0, 1)) + PLAIN.cells.mean((0, 1))) / 2

    def nearest(photo: Tensor, picture: Tensor) -> float:
        total = 0.0
        for cell in photo:
            one = F.normalize(cell - centre, dim=0)
            total += max(float(one @ F.normalize(other - centre, dim=0)) for other in picture)
        return total / len(photo)

    def mean(photos: Tensor, pictures: Tensor) -> float:
        return sum(nearest(a, b) for a in photos for b in pictures) / (len(photos) * len(pictures))

    floor = mean(PHOTOS.cells, PLAIN.cells)
    pairs = [nearest(a, b) for i, a in enumerate(PHOTOS.cells) for j, b in enumerate(PHOTOS.cells) if i != j]
    expected = (mean(PHOTOS.cells, GOOD.cells) - floor) / (sum(pairs) / len(pairs) - floor)
    assert verdict().likeness == pytest.approx(expected, abs=2e-4)


def test_what_is_no_number_is_told() -> None:
    assert GOOD.is_finite
    assert not replace(GOOD, errors=torch.tensor([1.0, float("nan"), 1.0])).is_finite
    assert not replace(GOOD, cells=GOOD.cells * float("inf")).is_finite
