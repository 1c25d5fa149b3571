"""The starter's judge: subject and cleanliness, apart from each other."""

from __future__ import annotations

import pytest
import torch
from PIL import Image, ImageFilter

from studio.models.patch_judge import PatchJudge
from studio.starter import STARTER

DEMO = STARTER.parent / "demo"


@pytest.fixture(scope="module")
def judge() -> PatchJudge:
    return PatchJudge.open(STARTER / "judge")


def photos(name: str) -> list[Image.Image]:
    return [Image.open(path).convert("RGB") for path in sorted((DEMO / name).glob("*.png"))]


def test_a_subject_is_found_in_its_other_photos_and_not_in_those_of_others(judge: PatchJudge) -> None:
    subjects = [photos(name) for name in ("lily", "trek", "amber")]
    alike = torch.stack(
        [torch.stack([judge.see(a).subject_of(judge.see(b)).mean() for b in subjects]) for a in subjects]
    )
    assert (alike.diagonal() > 0.75).all() and (alike - torch.eye(3)).max() < 0.6


def test_smears_lower_the_cleanliness(judge: PatchJudge) -> None:
    clean = [photo.resize((128, 128), Image.Resampling.LANCZOS) for photo in photos("lily")]
    smeared = [photo.filter(ImageFilter.GaussianBlur(4)) for photo in clean]
    assert (judge.see(clean).clean > judge.see(smeared).clean).all()


def test_many_pictures_are_seen_as_each_alone(judge: PatchJudge, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = judge.see(photos("lily"))
    monkeypatch.setattr("studio.models.patch_judge.BATCH", 2)
    parts = judge.see(photos("lily"))
    for together, apart in zip(whole, parts, strict=True):
        torch.testing.assert_close(together, apart, atol=1e-4, rtol=1e-4)
