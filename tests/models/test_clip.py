"""The judge: features, guesses and what it refuses, on a judge that is built here and not trained."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from assets.starter.recipe.judge import configuration, save, write_merges
from studio.errors import StudioError
from studio.models.clip import Clip

WORDS = ["a", "photo", "of", "the", "picture", "close", "up", "rendition", "cat", "teapot", "red"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    config = configuration(write_merges(WORDS, folder / "merges.txt.gz"))
    torch.manual_seed(0)
    save(Clip.build(config, folder / "merges.txt.gz"), config, folder)
    return folder


@pytest.fixture(scope="module")
def judge(folder: Path) -> Clip:
    return Clip.open(folder)


def plain(*colours: str, side: int = 80) -> list[Image.Image]:
    return [Image.new("RGB", (side, side), colour) for colour in colours]


def test_features_have_unit_length_whatever_the_size_and_mode(judge: Clip) -> None:
    pictures = [Image.new("RGB", (384, 300), "red"), Image.new("L", (20, 20)), Image.new("RGBA", (64, 64))]
    assert torch.allclose(judge.encode(pictures).norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(judge.encode_text(["a photo of a cat", ""]).norm(dim=1), torch.ones(2), atol=1e-5)


def test_likeness_of_a_picture_with_itself_is_one_and_with_another_is_less(judge: Clip) -> None:
    red, blue = plain("red"), plain("blue")
    assert judge.likeness(red, red) == pytest.approx(1, abs=1e-5)
    assert judge.likeness(red, blue) < 0.9999


def test_likeness_is_the_mean_over_all_pairs(judge: Clip) -> None:
    red, blue = plain("red"), plain("blue")
    pairs = [judge.likeness(red, red), judge.likeness(red, blue)]
    assert judge.likeness(red, red + blue) == pytest.approx(sum(pairs) / 2, abs=1e-5)


def test_agreement_is_the_cosine_with_the_prompt(judge: Clip) -> None:
    red = plain("red")
    expected = (judge.encode(red) @ judge.encode_text(["a red cat"]).T).item()
    assert judge.agreement(red, "a red cat") == pytest.approx(expected)


def test_the_guess_is_the_noun_whose_sentences_lie_nearest(judge: Clip, monkeypatch) -> None:
    pictures = plain("red", "blue")
    seen = judge.encode(pictures)
    monkeypatch.setattr(
        judge, "encode_text", lambda said: torch.stack([seen[0 if "cat" in one else 1] for one in said])
    )
    assert judge.guess(pictures, ["cat", "teapot"]) == ["cat", "teapot"]


def test_a_saved_judge_opens_with_the_same_eyes(folder: Path, judge: Clip) -> None:
    assert torch.equal(Clip.open(folder).encode(plain("red")), judge.encode(plain("red")))


def test_a_folder_without_a_judge_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match="model.safetensors"):
        Clip.open(tmp_path)
