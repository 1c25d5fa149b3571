"""Masks that lie in a folder of photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.errors import StudioError
from studio.photos.mask_file import read_mask
from studio.photos.masked_folder import open_masked
from studio.photos.photo import files_in


def test_a_mask_beside_the_photo_is_no_photo_but_the_mask_of_the_first_subject(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.effect_noise((64, 64), 50 + number).save(tmp_path / f"{number}.png")
        mask = Image.new("L", (64, 64))
        mask.paste(255, (0, 0, 32, 64))
        mask.save(tmp_path / f"{number}-masklabel.png")
    photos, refusals = open_masked(files_in([tmp_path]), ["<lily>", "<tom>"])
    assert [photo.name for photo in photos] == ["1.png", "2.png"] and not refusals
    assert all(photo.masks[0].getbbox() == (0, 0, 32, 64) and 1 not in photo.masks for photo in photos)


def white_left(side: int = 64) -> np.ndarray:
    """A mask of the left half, of zeros and ones."""
    levels = np.zeros((side, side), np.uint8)
    levels[:, : side // 2] = 1
    return levels


def palette(colour: tuple[int, int, int]) -> Image.Image:
    """A mask of class numbers with a colour for each."""
    picture = Image.fromarray(white_left()).convert("P")
    picture.putpalette([0, 0, 0, *colour])
    return picture


@pytest.mark.parametrize(
    ("name", "mask"),
    [
        ("masks/lily/dog.png", Image.fromarray(white_left())),
        ("masks/lily/dog.png", Image.fromarray(3 * white_left())),
        ("masks/lily/dog.png", Image.fromarray(65535 * white_left().astype(np.uint16))),
        ("masks/lily/dog.tif", Image.fromarray(white_left().astype(np.float32))),
        ("masks/lily/dog.png", Image.fromarray(255 * white_left()).convert("1")),
        ("masks/lily/dog.png", palette((128, 0, 0))),
        ("masks/lily/dog.png", palette((0, 64, 0))),
        ("masks/lily/dog.png", palette((255, 255, 255))),
        ("masks/lily/dog.jpg", Image.fromarray(255 * white_left())),
        ("masks/Lily/DOG.PNG", Image.fromarray(255 * white_left())),
        ("dog-masklabel.webp", Image.fromarray(255 * white_left()).convert("RGB")),
    ],
)
def test_masks_are_found_and_read_as_other_programs_save_them(
    tmp_path: Path, name: str, mask: Image.Image
) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "dog.png")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    mask.save(tmp_path / name)
    (photo,), refusals = open_masked(files_in([tmp_path]), ["<lily>"])
    assert not refusals and photo.masks[0].getbbox() == (0, 0, 32, 64)


def test_the_name_as_it_is_written_goes_before_one_in_capitals(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "dog.png")
    for folder, box in (("Lily", (0, 0, 9, 64)), ("lily", (0, 0, 32, 64))):
        (tmp_path / "masks" / folder).mkdir(parents=True, exist_ok=True)
        mask = Image.new("L", (64, 64))
        mask.paste(255, box)
        mask.save(tmp_path / "masks" / folder / "dog.png")
    assert open_masked(files_in([tmp_path]), ["<lily>"])[0][0].masks[0].getbbox() == (0, 0, 32, 64)


def test_a_mask_in_which_nothing_is_white_is_said_and_a_black_one_is_empty(tmp_path: Path) -> None:
    Image.new("L", (64, 64)).save(tmp_path / "black.png")
    assert read_mask(tmp_path / "black.png").getbbox() is None
    Image.fromarray(100 * white_left()).save(tmp_path / "grey.png")
    with pytest.raises(StudioError, match="nothing in it is white"):
        read_mask(tmp_path / "grey.png")


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "dog.png")
    (tmp_path / "dog-masklabel.png").write_text("no picture")
    with pytest.raises(
        StudioError, match=r"The mask .*dog-masklabel\.png cannot be used: it is not a picture"
    ):
        open_masked(files_in([tmp_path]), ["<lily>"])
