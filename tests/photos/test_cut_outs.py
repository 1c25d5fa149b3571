"""Photos on nothing: the ground that they get, and the mask that they bring."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.photos.mask_checks import check_masks
from studio.photos.masked_folder import open_masked
from studio.photos.photo import open_photo
from studio.photos.photo_set import PhotoSet
from studio.ui.train.mask_canvas import canvas_state
from studio.ui.train.mask_images import mask_from_url
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_strip import photo_strip

BOX = (30, 20, 89, 69)


def cut_out(path: Path, colour: tuple[int, int, int], box: tuple[int, int, int, int] = BOX) -> Path:
    """Save a striped thing on nothing, 120 x 90."""
    picture = Image.new("RGBA", (120, 90))
    draw = ImageDraw.Draw(picture)
    draw.rectangle(box, fill=(*colour, 255))
    draw.line((box[0] + 5, box[1] + 5, box[2] - 5, box[3] - 5), fill=(120, 40, 40, 255), width=3)
    picture.save(path)
    return path


def test_a_cut_out_brings_the_mask_of_the_first_subject_to_page_and_training(tmp_path: Path) -> None:
    photo = open_photo(cut_out(tmp_path / "a.png", (20, 90, 200)))
    assert set(photo.masks) == {0} and photo.masks[0].getbbox() == (30, 20, 90, 70)
    (url,) = json.loads(canvas_state(photo, 0, Subjects(("lily",))))["masks"]
    assert mask_from_url(url, 90).getbbox() == (15, 20, 75, 70)
    assert "1 of 1 photo has a mask." in photo_strip([photo], Subjects(("lily",)))
    photos = PhotoSet.of([photo], ["<lily>"])
    check_masks(photos, ["<lily>"], needed=True)
    assert photos.masks["<lily>"][0].getbbox() == (15, 20, 75, 70)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0), (250, 248, 245)])
def test_the_ground_differs_from_what_stands_on_it(tmp_path: Path, colour: tuple[int, int, int]) -> None:
    pixels = np.asarray(open_photo(cut_out(tmp_path / "a.png", colour)).image).astype(int)
    assert np.abs(pixels[2, 2] - colour).min() > 100
    assert len(set(pixels[2, 2])) == 1


def test_a_thing_half_of_white_stands_on_grey(tmp_path: Path) -> None:
    picture = Image.open(cut_out(tmp_path / "a.png", (255, 255, 255)))
    ImageDraw.Draw(picture).rectangle((30, 20, 60, 69), fill=(0, 0, 0, 255))
    picture.save(tmp_path / "b.png")
    assert np.asarray(open_photo(tmp_path / "b.png").image)[2, 2].tolist() == [128] * 3


def test_round_corners_and_faint_veils_are_no_outline(tmp_path: Path) -> None:
    assert not open_photo(cut_out(tmp_path / "a.png", (20, 90, 200), (1, 1, 118, 88))).masks
    assert not open_photo(cut_out(tmp_path / "b.png", (20, 90, 200), (15, 0, 105, 90))).masks
    veil = Image.new("RGBA", (64, 64), (90, 90, 200, 200))
    veil.putpixel((3, 3), (0, 0, 0, 255))
    veil.save(tmp_path / "c.png")
    assert not open_photo(tmp_path / "c.png").masks


def test_a_mask_file_goes_before_the_outline_and_others_are_left_out_of_it(tmp_path: Path) -> None:
    path = cut_out(tmp_path / "a.png", (20, 90, 200))
    for name in ("tom", "lily"):
        (tmp_path / "masks" / name).mkdir(parents=True)
        mask = Image.new("L", (120, 90))
        mask.paste(255, (30, 20, 50, 70))
        mask.save(tmp_path / "masks" / name / "a.png")
        (photo,), _ = open_masked([path], ["<lily>", "<tom>"])
        box = (50, 20, 90, 70) if name == "tom" else (30, 20, 50, 70)
        assert photo.masks[0].getbbox() == box and photo.masks[1].getbbox() == (30, 20, 50, 70)
