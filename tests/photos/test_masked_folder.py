"""Masks that lie in a folder of photos."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.errors import StudioError
from studio.photos.mask_checks import masks_sentence
from studio.photos.mask_file import read_mask
from studio.photos.masked_folder import open_masked, with_mask_files
from studio.photos.photo import Photo
from studio.photos.photo_files import files_in


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


def cut_out(colour: tuple[int, int, int]) -> Image.Image:
    """The left half of a picture, in one colour, on nothing."""
    levels = np.zeros((64, 64, 4), np.uint8)
    levels[:, :32] = (*colour, 255)
    levels[:, 32:] = (200, 90, 40, 0)
    return Image.fromarray(levels)


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
        ("Masks/lily/dog.png", Image.fromarray(255 * white_left())),
        ("masks/lily/dog.png.png", Image.fromarray(255 * white_left())),
        ("dog.png-masklabel.png", Image.fromarray(255 * white_left())),
        ("masks/lily/dog.png", Image.fromarray(100 * white_left())),
        ("masks/lily/dog.jpg", Image.fromarray(90 * white_left())),
        ("masks/lily/dog.png", Image.fromarray(white_left().astype(np.uint16))),
        ("masks/lily/dog.png", cut_out((20, 30, 10))),
        ("masks/lily/dog.png", cut_out((255, 255, 255))),
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
    Image.linear_gradient("L").point(lambda level: level // 3).save(tmp_path / "grey.png")
    with pytest.raises(StudioError, match="nothing in it is white"):
        read_mask(tmp_path / "grey.png")


def test_a_mask_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    Image.effect_noise((64, 64), 50).save(tmp_path / "dog.png")
    (tmp_path / "dog-masklabel.png").write_text("no picture")
    with pytest.raises(
        StudioError, match=r"The mask .*dog-masklabel\.png cannot be used: it is not a picture"
    ):
        open_masked(files_in([tmp_path]), ["<lily>"])


def test_black_and_white_with_something_transparent_is_no_cut_out(tmp_path: Path) -> None:
    levels = np.zeros((64, 64, 4), np.uint8)
    levels[:, :32] = 255
    levels[:, 32:48, 3] = 255
    Image.fromarray(levels).save(tmp_path / "mask.png")
    assert read_mask(tmp_path / "mask.png").getbbox() == (0, 0, 32, 64)


def noise(path: Path, spread: int) -> None:
    """Save a photo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.effect_noise((64, 64), spread).save(path)


def half(path: Path) -> None:
    """Save a mask of the left half."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(255 * white_left()).save(path)


def test_masks_that_fit_no_photo_or_no_subject_are_named(tmp_path: Path) -> None:
    noise(tmp_path / "dog.png", 50)
    (tmp_path / "bad.png").write_text("no photo")
    for name in ("lily/dog", "lily/bad", "lily/cat", "rex/dog", "dog"):
        half(tmp_path / "masks" / f"{name}.png")
    half(tmp_path / "fox-masklabel.png")
    (tmp_path / "masks" / ".DS_Store").write_text("")
    photos, refusals = open_masked(files_in([tmp_path]), ["<lily>"])
    assert set(photos[0].masks) == {0}
    assert {one.name: one.reason.partition(";")[0] for one in refusals if one.name != "bad.png"} == {
        "fox-masklabel.png": "it is the mask of no photo here",
        "masks/lily/cat.png": "it is the mask of no photo here",
        "masks/rex": "no subject has this name",
        "masks/dog.png": "it is in no subject's folder",
    }
    assert "masks of <lily> belong into masks/lily" in refusals[-1].reason


def test_masks_dropped_in_with_photos_are_theirs(tmp_path: Path) -> None:
    photos = [Photo(f"{name}.jpg", Image.new("RGB", (64, 64))) for name in ("dog", "cat")]
    for name in ("dog", "fox"):
        half(tmp_path / f"{name}-masklabel.png")
    Image.new("L", (64, 20), 255).save(tmp_path / "cat-masklabel.png")
    masked, refusals = with_mask_files(photos, sorted(tmp_path.iterdir()))
    assert masked[0].masks[0].getbbox() == (0, 0, 32, 64) and not masked[1].masks
    assert [(one.name, one.reason.partition(".")[0]) for one in refusals] == [
        ("cat-masklabel.png", "it has another shape than its photo"),
        ("fox-masklabel.png", "it is the mask of no photo here"),
    ]


def test_how_many_photos_have_a_mask_is_said() -> None:
    photos = [Photo(str(number), Image.new("RGB", (64, 64))) for number in range(5)]
    assert masks_sentence(photos, ["<lily>"]) == ""
    mask = Image.fromarray(255 * white_left())
    photos[:4] = [photo.with_mask(0, mask) for photo in photos[:4]]
    assert masks_sentence(photos, ["<lily>"]) == "4 of 5 photos have a mask."
    assert masks_sentence(photos[3:4], ["<lily>"]) == "1 of 1 photo has a mask."
    assert masks_sentence(photos, ["<lily>", "<tom>"]) == "Masks, of 5 photos: <lily> in 4, <tom> in 0."
