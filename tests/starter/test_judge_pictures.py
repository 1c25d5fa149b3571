"""Test the pictures that the judge is trained on: degradations, impostors, placements, captions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from assets.starter.recipe import judge_backgrounds, judge_captions, judge_impostors, judge_pictures
from assets.starter.recipe.drawings import Drawing, cut_out, save_drawings, training_drawings
from assets.starter.recipe.judge_degradations import KINDS, degrade
from assets.starter.recipe.judge_drawings import DrawingBank
from assets.starter.recipe.vocabulary import world_words, write_merges

NOUNS = ("cat", "owl", "teapot")


def drawing(noun: str, source: str = "noto") -> Drawing:
    """Return a face with two eyes, of a shape of its own."""
    number = sum(map(ord, noun + source))
    picture = Image.new("RGBA", (120, 100))
    draw = ImageDraw.Draw(picture)
    draw.ellipse([5, 10, 70 + number % 45, 95], fill=(200, number % 200, 40), outline="black", width=4)
    for x in (30, 50 + number % 13):
        draw.ellipse([x, 35, x + 12, 47], fill="white")
    return Drawing(noun, source, cut_out(picture))


def bank() -> DrawingBank:
    """Return a bank of six drawings of the world and one other."""
    known = [drawing(noun, source) for noun in NOUNS for source in ("noto", "twemoji")]
    return DrawingBank(known, [drawing("red-kite"), drawing("cat", "noto")], "cpu")


def pixels(count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Return pictures and the cover of their objects."""
    torch.manual_seed(0)
    layers = bank().layers(torch.arange(count))
    layer = judge_pictures.placed(layers, judge_pictures.random_placement(count, "cpu", 0.7, 0.9), 96)
    return judge_pictures.over(layer, torch.full((count, 3, 96, 96), 0.5)), layer[:, 3:]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_stronger_degradation_changes_more(kind) -> None:
    shown, cover = pixels(6)
    torch.manual_seed(1)
    weak, strong = (
        (kind(shown, cover, torch.full((6, 1, 1, 1), by)).clamp(0, 1) - shown).abs().mean()
        for by in (0.1, 0.9)
    )
    assert 0 < weak < strong
    assert strong > 0.005


def test_pictures_of_strength_nothing_stay_as_they_are() -> None:
    shown, cover = pixels(4)
    strength = np.array([0, 0.8, 0, 0.8], np.float32)
    changed = degrade(shown, cover, strength, np.random.default_rng(0))
    same = (changed - shown).abs().amax(dim=(1, 2, 3)) < 1e-6
    assert same.tolist() == [True, False, True, False]


def test_held_out_drawings_and_copies_are_not_trained_on(tmp_path: Path) -> None:
    save_drawings([drawing("owl", "noto"), drawing("cat", "noto")], tmp_path)
    assert [each.name for each in training_drawings(tmp_path)] == ["noto/cat"]
    assert [each.name for each in bank().drawings[6:]] == ["noto/red-kite"]


def test_a_palette_runs_from_dark_to_bright() -> None:
    brightness = bank().palettes.mean(dim=2)
    assert (brightness.diff(dim=1) >= 0).all()
    assert brightness[0, -1] > 0.9  # the white of the eyes
    assert brightness[0, 0] < 0.2  # the outline


def test_a_recoloured_drawing_keeps_its_outline_and_takes_the_colours() -> None:
    found = bank()
    layers, target = found.layers(torch.tensor([0])), torch.tensor([[[0.0, 0.0, 1.0]] * 5])
    blue = judge_impostors.recolour(layers, found.palettes[:1], target)
    assert torch.equal(blue[:, 3], layers[:, 3])
    inside = layers[0, 3] > 0.99
    assert blue[0, 2][inside].mean() > 0.9 > 0.2 > blue[0, 0][inside].mean()


def test_impostors_differ_from_their_subjects() -> None:
    found = bank()
    rows, others = torch.arange(6), torch.tensor([2, 3, 4, 5, 0, 1])
    subjects = found.layers(rows)
    wrong = judge_impostors.impostors(
        subjects, found.layers(others), found.palettes[rows], found.palettes[others]
    )
    assert not judge_impostors.too_similar(subjects, wrong).all()
    assert judge_impostors.too_similar(subjects, subjects).all()


def test_a_patch_knows_its_place_on_the_drawing() -> None:
    turned = torch.tensor([0.3]), torch.tensor([True])
    maps = judge_pictures.affine(torch.tensor([[0.2, -0.1]]), torch.tensor([0.6]), *turned)
    spot = torch.zeros(1, 4, 128, 128)
    spot[:, 3, 90:100, 30:40] = 1  # at x -0.45 and y 0.48 of the drawing
    layer = judge_pictures.placed(spot, maps, 96)[0, 3]
    row, column = divmod(int(layer.argmax()), 96)
    at = torch.tensor([(column + 0.5) / 48 - 1, (row + 0.5) / 48 - 1, 1.0])
    assert (maps[0] @ at - torch.tensor([-0.45, 0.48])).abs().max() < 0.1


def test_captions_are_true_of_their_own_pictures(tmp_path: Path) -> None:
    found = bank()
    write_merges(world_words(), tmp_path / "merges.txt.gz")
    backgrounds = judge_backgrounds.Backgrounds(96, "cpu")
    captions = judge_captions.CaptionTable(found, backgrounds, tmp_path / "merges.txt.gz")
    assert "owl" in captions.texts[2 * judge_captions.CAPTIONS]
    random = np.random.default_rng(0)
    indices = np.array([0, 1, 2, 3])
    tokens, styled, places, times = captions.draw(indices, random)
    shown = torch.from_numpy(np.where(places < 0, 3, places))
    matches = judge_captions.true_of(
        found.nouns[indices],
        found.sources[indices],
        styled,
        (torch.from_numpy(places), shown),
        (torch.from_numpy(times), torch.from_numpy(times)),
    )
    assert tokens.shape == (4, 32)
    assert matches.diagonal().all()
    assert not matches[:2, 2:].any()  # cats are no owls
