"""Photos as people really have them: sideways, doubled, damaged, transparent, sixteen bits deep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.errors import StudioError
from studio.photos import photo as photo_module
from studio.photos.photo import Crop, Photo, open_photo, open_photos
from studio.photos.photo_set import PhotoSet


def scene(width: int = 120, height: int = 80, seed: int = 0) -> Image.Image:
    """A picture whose corners differ."""
    generator = np.random.default_rng(seed)
    picture = Image.fromarray(generator.integers(0, 255, (8, 12, 3), dtype=np.uint8)).resize((width, height))
    ImageDraw.Draw(picture).rectangle((0, 0, width // 4, height // 4), fill=(255, 0, 0))
    return picture


def test_a_sideways_phone_photo_arrives_upright_and_without_its_exif(tmp_path: Path) -> None:
    upright = scene(80, 120)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x8825] = {1: "N", 2: (48.0, 8.0, 0.0)}
    upright.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "phone.jpg", quality=95, exif=exif)
    photo = open_photo(tmp_path / "phone.jpg")
    assert photo.image.size == (80, 120)
    assert np.abs(np.asarray(photo.image, int) - np.asarray(upright, int)).mean() < 10
    assert not photo.image.getexif() and "exif" not in photo.image.info


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("notes.png", b"these are words", "not a picture"),
        ("empty.jpg", b"", "not a picture"),
        ("drawing.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
    ],
)
def test_a_file_that_is_no_picture_is_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    photos, refusals = open_photos([tmp_path / name])
    assert not photos and refusals[0].name == name and reason in refusals[0].reason


def test_a_photo_cut_short_is_refused(tmp_path: Path) -> None:
    for suffix in ("jpg", "png", "webp"):
        whole = tmp_path / f"whole.{suffix}"
        scene(400, 300).save(whole)
        cut = tmp_path / f"cut.{suffix}"
        cut.write_bytes(whole.read_bytes()[:-200])
        with pytest.raises(StudioError, match=r"damaged|not a picture"):
            open_photo(cut)


def test_too_small_too_long_and_too_large_are_refused(tmp_path: Path) -> None:
    for size, reason in (
        ((20, 20), "only 20 x 20"),
        ((600, 40), "too long"),
        ((13000, 13000), "million pixels"),
    ):
        path = tmp_path / f"{size[0]}.png"
        Image.new("L", size).save(path)
        with pytest.raises(StudioError, match=reason):
            open_photo(path)


def test_copies_are_named_with_their_twin_and_others_are_kept(tmp_path: Path) -> None:
    scene(seed=1).save(tmp_path / "a.png")
    scene(seed=1).save(tmp_path / "b.jpg", quality=92)
    scene(seed=1).resize((240, 160)).save(tmp_path / "c.png")
    scene(seed=2).save(tmp_path / "d.png")
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert [photo.name for photo in photos] == ["a.png", "d.png"]
    assert [(refusal.name, "a.png" in refusal.reason) for refusal in refusals] == [
        ("b.jpg", True),
        ("c.png", True),
    ]
    again, refused = open_photos([tmp_path / "d.png"], others=photos)
    assert not again and "d.png" in refused[0].reason


def test_the_photos_there_are_already_count_among_the_most(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_module, "MAX_PHOTOS", 3)
    for number in range(4):
        scene(seed=number).save(tmp_path / f"{number}.png")
    files = sorted(tmp_path.iterdir())
    others, _ = open_photos(files[:2])
    photos, refusals = open_photos(files[2:], others)
    assert [photo.name for photo in photos] == ["2.png"]
    assert [refusal.reason for refusal in refusals] == ["3 photos are the most that can be used at once"]


def test_the_same_subject_on_two_colours_is_not_a_copy(tmp_path: Path) -> None:
    for name, colour in (("blue", (40, 80, 200)), ("green", (40, 160, 80))):
        picture = Image.new("RGB", (100, 100), colour)
        ImageDraw.Draw(picture).ellipse((30, 30, 70, 70), fill=(250, 200, 0))
        picture.save(tmp_path / f"{name}.png")
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert len(photos) == 2 and not refusals


def test_a_flat_colour_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (100, 100), "red").save(tmp_path / "red.png")
    assert "one flat colour" in open_photos([tmp_path / "red.png"])[1][0].reason


def test_transparent_parts_become_white_and_deep_grey_is_scaled(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (64, 64), (255, 0, 0, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 32, 64))
    picture.save(tmp_path / "alpha.png")
    pixels = np.asarray(open_photo(tmp_path / "alpha.png").image)
    assert pixels[0, 60].tolist() == [255, 255, 255] and pixels[0, 5].tolist() == [0, 0, 255]
    ramp = np.linspace(0, 65535, 64 * 64, dtype=np.uint16).reshape(64, 64)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    grey = np.asarray(open_photo(tmp_path / "deep.png").image)
    assert 120 < grey.mean() < 136 and grey.min() == 0 and grey.max() == 255


def test_palettes_and_print_colours_open(tmp_path: Path) -> None:
    """As RGB, and in the colours that they were saved from."""
    original = np.asarray(scene()).astype(int)
    scene().convert("P").save(tmp_path / "palette.gif")
    scene().convert("CMYK").save(tmp_path / "print.jpg", quality=95)
    for name in ("palette.gif", "print.jpg"):
        opened = open_photo(tmp_path / name).image
        assert opened.mode == "RGB" and opened.size == scene().size
        assert np.abs(np.asarray(opened) - original).mean() < 20, name


def test_a_large_photo_is_kept_at_a_useful_size(tmp_path: Path) -> None:
    scene(3000, 2000).save(tmp_path / "large.jpg")
    assert min(open_photo(tmp_path / "large.jpg").image.size) == 1024


@pytest.mark.parametrize(
    ("crop", "box"),
    [
        (Crop(), (20, 0, 100, 80)),
        (Crop(x=0), (0, 0, 80, 80)),
        (Crop(x=1, y=1, zoom=2), (80, 40, 120, 80)),
        (Crop(x=0.25, y=1, zoom=2), (20, 40, 60, 80)),
        (Crop(x=-3, zoom=0.1), (0, 0, 80, 80)),
    ],
)
def test_the_square_stays_inside_the_photo(crop: Crop, box: tuple[int, int, int, int]) -> None:
    assert crop.box(120, 80) == box


def test_what_is_shown_is_what_is_trained_on(tmp_path: Path) -> None:
    photo = Photo("a.png", scene(200, 100), Crop(x=0.25, zoom=2))
    photos = PhotoSet.of([photo])
    photos.save(tmp_path)
    loaded = PhotoSet.load(tmp_path)
    assert np.array_equal(loaded.pixels(64), photos.pixels(64))
    assert np.array_equal(np.asarray(loaded.squares[0]), np.asarray(photo.square(photo.side)))


@pytest.mark.parametrize(("side", "zoom"), [(64, 2.2), (64, 4.0), (32, 4.0)])
def test_a_small_photo_that_is_cropped_close_is_trained_on(tmp_path: Path, side: int, zoom: float) -> None:
    scene(side, side).save(tmp_path / "drawing.png")
    photo = open_photo(tmp_path / "drawing.png").cropped(Crop(zoom=zoom))
    assert photo.side < photo_module.MIN_PHOTO_SIDE
    PhotoSet.of([photo]).save(tmp_path / "photos")
    (square,) = PhotoSet.load(tmp_path / "photos").squares
    assert np.array_equal(np.asarray(square), np.asarray(photo.square(photo.side)))


def test_there_is_a_limit_and_it_is_said(tmp_path: Path) -> None:
    for index in range(32):
        scene(seed=index).save(tmp_path / f"{index:02d}.png")
    photos, refusals = open_photos(sorted(tmp_path.iterdir()))
    assert len(photos) == 30 and len(refusals) == 2 and "30 photos" in refusals[0].reason


def test_masks_stay_where_they_are_when_the_square_moves() -> None:
    photo = Photo("wide", Image.new("RGB", (200, 100)), Crop(x=0.0))
    stencil = Image.new("L", (50, 50))
    stencil.paste(255, (25, 0, 50, 50))
    masked = photo.with_mask(0, stencil)
    mask = masked.masks[0]
    assert mask.size == (200, 100) and mask.getbbox() == (50, 0, 100, 100)
    assert masked.square_mask(0, 10).getbbox() == (5, 0, 10, 10)
    assert masked.cropped(Crop(x=0.5)).square_mask(0, 10).getbbox() == (0, 0, 5, 10)
    assert masked.square_mask(1, 10) is None
    assert masked.with_mask(0, Image.new("L", (9, 9))).masks == {}


def test_a_photo_set_keeps_its_masks_by_handle(tmp_path: Path) -> None:
    photos = [Photo(str(n), Image.new("RGB", (64, 64), (n, 0, 0))) for n in range(3)]
    photos[1] = photos[1].with_mask(1, Image.new("L", (64, 64), 255))
    kept = PhotoSet.of(photos, ("<dog>", "<chair>"))
    assert set(kept.masks) == {"<chair>"} and [mask is None for mask in kept.masks["<chair>"]] == [
        True,
        False,
        True,
    ]
    kept.save(tmp_path)
    opened = PhotoSet.load(tmp_path)
    assert len(opened) == 3 and set(opened.masks) == {"<chair>"}
    assert opened.mask("<chair>", 1, 8).min() == 1.0
    assert opened.mask("<chair>", 0, 8) is None and opened.mask("<dog>", 1, 8) is None


def test_a_mask_of_nothing_is_none_and_a_subject_that_goes_takes_its_mask_along() -> None:
    stencil = Image.new("L", (100, 100))
    stencil.paste(255, (0, 0, 30, 100))
    photo = (
        Photo("wide", Image.new("RGB", (200, 100)), Crop(x=0.0)).with_mask(0, stencil).with_mask(2, stencil)
    )
    assert set(photo.without_subject(1).masks) == {0, 1} and set(photo.without_subject(0).masks) == {1}
    assert set(photo.without_subject(2).masks) == {0}
    aside = photo.cropped(Crop(x=1.0))
    assert aside.square_mask(0, 10) is None and 0 in aside.with_mask(0, Image.new("L", (9, 9))).masks
    assert 0 not in photo.with_mask(0, Image.new("L", (9, 9))).masks
