"""The subject of a photo on a plain ground is found without a click, and nothing where it is not plain."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFilter

from studio.photos.mask_checks import overlap
from studio.photos.photo import open_photo
from studio.photos.plain_ground import subject_on_plain_ground
from studio.starter import DEMO
from tests.photos.test_click_masks import doll

SIDE = 256
SUBJECTS = json.loads((DEMO / "subjects.json").read_text(encoding="utf-8"))
PHOTOS = [name for subject in SUBJECTS for name in subject["photos"]]


def scene(*boxes: tuple[int, int, int, int], ground: str = "#5a82d2", fill: str = "#fab414") -> Image.Image:
    """Return ellipses on a ground."""
    picture = Image.new("RGB", (SIDE, SIDE), ground)
    for box in boxes:
        ImageDraw.Draw(picture).ellipse(box, fill=fill)
    return picture


def mask_of(*boxes: tuple[int, int, int, int]) -> Image.Image:
    """Return the mask of ellipses."""
    return scene(*boxes, ground="black", fill="white").convert("L")


@pytest.mark.parametrize("name", PHOTOS)
def test_it_is_found_in_every_photo_of_the_demo_subjects(name: str) -> None:
    """With its thin and its pale parts: wheels, tail, handle; the line between wall and floor is left out."""
    square = open_photo(DEMO / name).square(SIDE)
    found = subject_on_plain_ground(square)
    assert found is not None and found.size == square.size
    assert set(np.unique(np.asarray(found))) == {0, 255}
    inside = np.asarray(found) > 127
    assert 0.15 < inside.mean() < 0.55 and not inside[:, :4].any() and not inside[:, -4:].any()


def test_the_mask_is_that_of_the_thing() -> None:
    box = (70, 60, 200, 210)
    found = subject_on_plain_ground(scene(box))
    assert found is not None and overlap(found, mask_of(box)) > 0.95


def test_a_line_in_the_ground_and_a_soft_shadow_are_ground() -> None:
    box = (70, 60, 200, 210)
    picture = Image.new("RGB", (SIDE, SIDE), "#5a82d2")
    picture.paste("#4668a8", (0, 180, SIDE, SIDE))
    shadow = Image.new("L", picture.size)
    ImageDraw.Draw(shadow).ellipse((60, 195, 215, 225), fill=120)
    picture.paste("#26395c", mask=shadow.filter(ImageFilter.GaussianBlur(9)))
    ImageDraw.Draw(picture).ellipse(box, fill="#fab414")
    found = subject_on_plain_ground(picture)
    assert found is not None and overlap(found, mask_of(box)) > 0.9
    assert not np.asarray(found)[:, :30].any()


def test_a_part_with_the_colour_of_the_ground_belongs_to_it() -> None:
    box, hole = (50, 50, 210, 210), (110, 110, 150, 150)
    picture = scene(box)
    ImageDraw.Draw(picture).ellipse(hole, fill="#5a82d2")
    found = subject_on_plain_ground(picture)
    assert found is not None and overlap(found, mask_of(box)) > 0.95


def noise() -> Image.Image:
    """Return a picture of squares in all colours."""
    levels = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return Image.fromarray(levels).resize((SIDE, SIDE))


def cut_off() -> Image.Image:
    """Return a lively thing that leaves the picture on one side."""
    picture, mask = scene(), mask_of((120, 60, 330, 200))
    picture.paste(noise(), mask=mask)
    return picture


@pytest.mark.parametrize(
    "draw",
    [
        lambda: scene(),
        noise,
        lambda: doll()[0],
        lambda: scene((30, 80, 110, 180), (150, 80, 225, 175)),
        lambda: scene((120, 120, 140, 140)),
        lambda: scene((-60, -60, 200, 320)),
        cut_off,
        lambda: scene((70, 60, 200, 210), fill="#6288d6"),
        lambda: scene((70, 60, 200, 210), fill="#7496da"),
        lambda: scene((-5, -5, SIDE + 5, SIDE + 5)),
    ],
    ids=[
        "nothing",
        "noise",
        "lively ground",
        "two",
        "tiny",
        "half",
        "cut off",
        "hidden",
        "faint",
        "all of it",
    ],
)
def test_nothing_is_found_where_it_is_not_plain(draw: Callable[[], Image.Image]) -> None:
    assert subject_on_plain_ground(draw()) is None
