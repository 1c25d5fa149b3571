"""How evenly pictures are spread: the divergence, and the command that prints it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from studio.__main__ import main
from studio.evaluation.evenness import Evenness, PhotoJudge, evenness
from studio.models.clip import Clip


class Painter:
    """Sees the name of the colour of a picture."""

    name = "colours"

    def encode(self, pictures: Sequence[Image.Image]) -> torch.Tensor:
        colours = torch.stack(
            [torch.tensor(picture.getpixel((0, 0)), dtype=torch.float32) for picture in pictures]
        )
        return torch.nn.functional.normalize(colours)

    def guess(self, pictures: Sequence[Image.Image], nouns: Sequence[str]) -> list[str]:
        colours = {(255, 0, 0): "red", (0, 0, 255): "blue"}
        return [
            next(noun for noun in nouns if colours[picture.getpixel((0, 0))] in noun) for picture in pictures
        ]


@pytest.mark.parametrize(
    ("counts", "divergence"),
    [((5, 5), 0.0), ((10, 0), math.log(2)), ((0, 0, 7), math.log(3)), ((6, 3, 3), 0.0588915)],
)
def test_the_divergence_from_even(counts: tuple[int, ...], divergence: float) -> None:
    spread = Evenness({str(number): count for number, count in enumerate(counts)})
    assert spread.divergence == pytest.approx(divergence, abs=1e-6)
    shares = np.array(counts) / sum(counts)
    kl = sum(p * np.log(p / (1 / len(counts))) for p in shares if p > 0)
    assert spread.divergence == pytest.approx(kl)


def test_no_pictures_are_not_even() -> None:
    with pytest.raises(ValueError, match="no pictures"):
        assert Evenness({"a": 0, "b": 0}).divergence


def test_every_category_is_counted_though_nothing_is_seen_as_it() -> None:
    pictures = [Image.new("RGB", (8, 8), "red")] * 3
    spread = evenness(pictures, ["red robot", "blue robot"], Painter())
    assert spread.counts == {"red robot": 3, "blue robot": 0}


def test_the_command_prints_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Clip, "open", lambda folder: Painter())
    for number, colour in enumerate(("red", "red", "red", "blue")):
        Image.new("RGB", (64, 64), colour).save(tmp_path / f"{number}.png")
    (tmp_path / "note.txt").write_text("no picture")
    assert main(["evenness", str(tmp_path), "--categories", "red robot", "blue robot"]) == 0
    printed = capsys.readouterr().out
    assert "| red robot | 3 |" in printed and "0.1308" in printed and "note.txt is left out" in printed
    assert main(["evenness", str(tmp_path), "--categories", "red", "red"]) == 2
    assert "only one category" in capsys.readouterr().err


def plain(*colours: str) -> list[Image.Image]:
    return [Image.new("RGB", (64, 64), colour) for colour in colours]


def test_a_picture_counts_as_the_category_whose_photos_it_is_most_like() -> None:
    photos = {"warm": plain("red", "orange"), "cold": plain("blue", "cyan"), "green": plain("lime")}
    judge = PhotoJudge(photos, Painter())
    assert judge.evenness(plain("maroon", "navy", "red")).counts == {"warm": 2, "cold": 1, "green": 0}


def test_a_photo_is_recognised_by_the_others_of_its_category_and_not_by_itself() -> None:
    """With itself, red would be half like red and lime, and less like the others."""
    photos = {"mixed": plain("red", "lime"), "cold": plain("#5050ff", "#5050f0"), "alone": plain("black")}
    assert PhotoJudge(photos, Painter()).recognised() == (2, 4)


def test_the_command_compares_with_sorted_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Clip, "open", lambda folder: Painter())
    for kind, colour in (("warm", "red"), ("warm", "orange"), ("cold", "blue"), ("cold", "navy")):
        (tmp_path / "photos" / kind).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (64, 64), colour).save(tmp_path / "photos" / kind / f"{colour}.png")
    painted = tmp_path / "painted"
    painted.mkdir()
    for number, picture in enumerate(plain("maroon", "navy", "blue", "blue")):
        picture.save(painted / f"{number}.png")
    assert main(["evenness", str(painted), "--photos", str(tmp_path / "photos")]) == 0
    printed = capsys.readouterr().out
    assert "| warm | 1 |" in printed and "| cold | 3 |" in printed and "4 of 4" in printed
    assert main(["evenness", str(painted), "--photos", str(painted)]) == 2
    assert "no categories" in capsys.readouterr().err
    (tmp_path / "photos" / "grey").mkdir()
    assert main(["evenness", str(painted), "--photos", str(tmp_path / "photos")]) == 2
    assert "Put photos into grey" in capsys.readouterr().err
