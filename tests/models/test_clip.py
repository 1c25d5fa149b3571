"""CLIP: features, guesses and refusals, with an untrained model."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from assets.starter.recipe.judge_model import configuration, save_judge
from assets.starter.recipe.vocabulary import write_merges
from studio.errors import StudioError
from studio.models.clip import Clip
from studio.models.patch_judge import PatchJudge

WORDS = ["a", "photo", "of", "the", "picture", "close", "up", "rendition", "cat", "teapot", "red"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judge")
    config = configuration(write_merges(WORDS, folder / "merges.txt.gz"))
    torch.manual_seed(0)
    save_judge(PatchJudge(config), folder)
    return folder


@pytest.fixture(scope="module")
def clip(folder: Path) -> Clip:
    return Clip.open(folder)


def plain(*colours: str, side: int = 80) -> list[Image.Image]:
    return [Image.new("RGB", (side, side), colour) for colour in colours]


def test_features_have_unit_length_whatever_the_size_and_mode(clip: Clip) -> None:
    pictures = [Image.new("RGB", (384, 300), "red"), Image.new("L", (20, 20)), Image.new("RGBA", (64, 64))]
    assert torch.allclose(clip.encode(pictures).norm(dim=1), torch.ones(3), atol=1e-5)
    assert torch.allclose(clip.encode_text(["a photo of a cat", ""]).norm(dim=1), torch.ones(2), atol=1e-5)


def test_likeness_of_a_picture_with_itself_is_one_and_with_another_is_less(clip: Clip) -> None:
    red, blue = plain("red"), plain("blue")
    assert clip.likeness(red, red) == pytest.approx(1, abs=1e-5)
    assert clip.likeness(red, blue) < 0.9999


def test_likeness_is_the_mean_over_all_pairs(clip: Clip) -> None:
    red, blue = plain("red"), plain("blue")
    pairs = [clip.likeness(red, red), clip.likeness(red, blue)]
    assert clip.likeness(red, red + blue) == pytest.approx(sum(pairs) / 2, abs=1e-5)


def test_agreement_is_the_cosine_with_the_prompt(clip: Clip) -> None:
    """The mean of the cosines of several pictures, from features that were not normalised."""
    pictures, tokens = plain("red", "blue"), clip.tokenizer(["a red cat"])
    with torch.no_grad():
        seen, read = clip.model.encode_image(clip.preprocess(pictures)), clip.model.encode_text(tokens)
    cosines = torch.cosine_similarity(seen, read)
    assert cosines[0] != cosines[1]
    assert clip.agreement(pictures, "a red cat") == pytest.approx(cosines.mean().item(), abs=1e-5)


def test_the_guess_is_the_noun_whose_sentences_lie_nearest(clip: Clip, monkeypatch) -> None:
    pictures = plain("red", "blue")
    features = clip.encode(pictures)
    monkeypatch.setattr(
        clip,
        "encode_text",
        lambda prompts: torch.stack([features[0 if "cat" in one else 1] for one in prompts]),
    )
    assert clip.guess(pictures, ["cat", "teapot"]) == ["cat", "teapot"]
    assert clip.guess(pictures, ["teapot", "cat"]) == ["cat", "teapot"]
    assert clip.guess(pictures[::-1], ["cat", "teapot"]) == ["teapot", "cat"]


def test_a_saved_model_gives_the_same_features(folder: Path, clip: Clip) -> None:
    assert torch.equal(Clip.open(folder).encode(plain("red")), clip.encode(plain("red")))


def test_a_folder_without_a_model_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StudioError, match=r"model\.safetensors"):
        Clip.open(tmp_path)
