"""Masks: what a click finds, what the canvas sends, and what is refused before a training."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.errors import StudioError
from studio.photos.click_mask import propose_mask
from studio.photos.mask_checks import binary_mask, check_masks, overlap
from studio.photos.photo import Crop, Photo
from studio.photos.photo_set import PhotoSet
from studio.ui.train.mask_canvas import apply_canvas_change, canvas_state, square_key
from studio.ui.train.mask_images import mask_from_url, mask_to_url, with_mask_file
from studio.ui.train.mask_overlay import Subjects, with_mask_overlay

CAT = ((60, 60, 170, 180), (230, 120, 40))
BALL = ((200, 90, 280, 170), (40, 160, 90))


def scene(background: str = "smooth") -> tuple[Image.Image, dict[str, Image.Image]]:
    """A cat with two eyes and a ball, 320 pixels square, and their exact masks."""
    rows = np.linspace(120, 190, 320)[:, None, None] * np.ones((1, 320, 3))
    if background == "noisy":
        rows = rows + np.random.default_rng(0).normal(0, 6, rows.shape)
    picture = Image.fromarray(rows.clip(0, 255).astype(np.uint8))
    draw, masks = ImageDraw.Draw(picture), {}
    for name, (box, colour) in (("cat", CAT), ("ball", BALL)):
        draw.ellipse(box, fill=colour)
        masks[name] = Image.new("L", picture.size)
        ImageDraw.Draw(masks[name]).ellipse(box, fill=255)
    for x in (90, 130):
        draw.ellipse((x, 95, x + 16, 115), fill="black")
    return picture, masks


@pytest.mark.parametrize("background", ["smooth", "noisy"])
@pytest.mark.parametrize(
    ("name", "click"), [("cat", (0.36, 0.45)), ("cat", (0.30, 0.33)), ("ball", (0.75, 0.4))]
)
def test_one_click_finds_the_whole_subject_and_no_other(
    name: str, click: tuple[float, float], background: str
) -> None:
    picture, masks = scene(background)
    mask = propose_mask(picture, [click])
    assert mask.mode == "L" and mask.size == picture.size
    assert set(np.unique(np.asarray(mask))) == {0, 255}
    assert overlap(mask, masks[name]) >= 0.85
    assert np.array_equal(np.asarray(mask), np.asarray(propose_mask(picture, [click])))


def test_two_clicks_find_both_and_other_subjects_are_left_out() -> None:
    picture, masks = scene()
    both = propose_mask(picture, [(0.36, 0.45), (0.75, 0.4)])
    union = Image.fromarray(np.maximum(*(np.asarray(mask) for mask in masks.values())))
    assert overlap(both, union) >= 0.85
    half = Image.new("L", picture.size)
    half.paste(255, (115, 0, 320, 320))
    rest = np.asarray(propose_mask(picture, [(0.25, 0.4)], [half])) > 0
    assert rest.any() and rest[:, 118:].mean() == 0
    with pytest.raises(StudioError, match="Nothing was clicked on"):
        propose_mask(picture, [])
    for flat in (picture, Image.new("RGB", (100, 100), "red")):
        with pytest.raises(StudioError, match="Nothing stands out there"):
            propose_mask(flat, [(0.9, 0.9)])


def test_a_hole_is_filled_unless_it_is_another_subject() -> None:
    inner = Image.new("L", (320, 320))
    ImageDraw.Draw(inner).ellipse((90, 95, 140, 145), fill=255)
    for colour in ((146, 146, 146), BALL[1]):  # what is behind the cat, and a ball before it
        picture, _ = scene()
        picture.paste(colour, mask=inner)
        assert np.asarray(propose_mask(picture, [(0.23, 0.4)]))[100:140, 95:135].min() == 255
        rest = np.asarray(propose_mask(picture, [(0.23, 0.4)], [inner]))
        assert rest[128, 75] == 255 and rest[105:135, 100:130].max() == 0


def test_a_subject_that_leaves_the_picture_is_found_up_to_the_edge() -> None:
    picture, masks = scene()
    box = (100, 40, 320, 260)
    mask = propose_mask(picture.crop(box), [(0.1, 0.45)])
    assert overlap(mask, masks["cat"].crop(box)) >= 0.85
    assert np.asarray(mask)[80, 0] == 255


def test_bright_and_opaque_is_the_subject() -> None:
    picture = Image.new("RGBA", (4, 1), (255, 255, 255, 255))
    picture.putpixel((1, 0), (255, 255, 255, 0))
    picture.putpixel((2, 0), (10, 10, 10, 255))
    picture.putpixel((3, 0), (120, 130, 140, 255))
    assert list(np.asarray(binary_mask(picture))[0]) == [255, 0, 0, 255]


@pytest.mark.parametrize("side", [1, 64, 333])
def test_a_mask_travels_to_the_page_and_back_unchanged(side: int) -> None:
    mask = np.random.default_rng(side).integers(0, 2, (side, side), dtype=np.uint8) * 255
    assert np.array_equal(np.asarray(mask_from_url(mask_to_url(Image.fromarray(mask)), side)), mask)


@pytest.mark.parametrize(
    "text",
    [None, "", 7, "data:image/png;base64,", "data:image/png;base64,####", "data:image/jpeg;base64,AAAA"],
)
def test_what_is_no_mask_is_refused(text: object) -> None:
    with pytest.raises(StudioError, match="no mask of the photo"):
        mask_from_url(text, 8)
    with pytest.raises(StudioError, match="no mask of the photo"):
        mask_from_url(mask_to_url(Image.new("L", (9, 9), 255)), 8)


def change(photo: Photo, **data: object) -> SimpleNamespace:
    return SimpleNamespace(
        _data={"key": square_key(photo, 0), "photo": "0"} | {"turn": 1, "subject": 0} | data
    )


def test_the_canvas_paints_clicks_and_wipes() -> None:
    picture, masks = scene()
    photo, subjects = Photo("a", picture), Subjects(("rex", "ball"))
    data = {"masks": [mask_to_url(masks["cat"]), None]}
    photos, nothing = apply_canvas_change([photo], subjects, "input", change(photo, **data))
    assert nothing == "" and set(photos[0].masks) == {0}
    assert np.array_equal(np.asarray(photos[0].square_mask(0, 320)), np.asarray(masks["cat"]))
    click = change(photo, **data, turn=5, subject=1, x=0.75, y=0.4)
    photos, text = apply_canvas_change(photos, subjects, "click", click)
    answered = json.loads(text)
    assert answered["turn"] == 5 and answered["side"] == 320
    shown = [np.asarray(mask_from_url(url, 320)) for url in answered["masks"]]
    assert np.array_equal(shown[0], np.asarray(masks["cat"]))
    assert overlap(Image.fromarray(shown[1]), masks["ball"]) >= 0.85
    photos, _ = apply_canvas_change(photos, subjects, "input", change(photo, masks=[None, None]))
    assert photos[0].masks == {}


def test_a_change_of_a_square_that_has_moved_is_refused() -> None:
    photo = Photo("wide", Image.new("RGB", (200, 100)))
    moved = photo.cropped(Crop(x=0.0))
    for photos in ([moved], []):
        with pytest.raises(StudioError, match="has changed"):
            apply_canvas_change(photos, Subjects(), "input", change(photo, masks=[None]))


def test_a_mask_file_lies_over_the_photo_it_has_the_shape_of_and_else_over_the_square(tmp_path: Path) -> None:
    photo = Photo("wide", Image.new("RGB", (200, 100)))
    mask = Image.new("RGB", (400, 200))
    mask.paste("white", (0, 0, 150, 200))
    mask.save(tmp_path / "whole.png")
    assert with_mask_file([tmp_path / "whole.png"], photo, 0).masks[0].getbbox() == (0, 0, 75, 100)
    mask.crop((0, 0, 300, 300)).save(tmp_path / "square.png")
    assert with_mask_file([tmp_path / "square.png"], photo, 1).masks[1].getbbox() == (50, 0, 100, 67)
    Image.new("L", (50, 50)).save(tmp_path / "black.png")
    with pytest.raises(StudioError, match="nothing white"):
        with_mask_file([tmp_path / "black.png"], photo, 0)
    (tmp_path / "words.png").write_text("no picture")
    with pytest.raises(StudioError, match="This mask cannot be used: it is not a picture"):
        with_mask_file([tmp_path / "words.png"], photo, 0)


def test_the_veil_shows_the_masks_of_the_subjects_there_are() -> None:
    stencil = Image.new("L", (64, 64))
    stencil.paste(255, (0, 0, 32, 64))
    photo = Photo("a", Image.new("RGB", (64, 64), "white")).with_mask(1, stencil)
    assert with_mask_overlay(photo, 64, Subjects(("rex",))).getcolors() == [(64 * 64, (255, 255, 255))]
    colours = with_mask_overlay(photo, 64, Subjects(("rex", "ball"))).getcolors()
    assert sorted(count for count, _ in colours) == [64 * 32, 64 * 32]
    names = [
        subject["name"] for subject in json.loads(canvas_state(photo, 0, Subjects(("rex", ""))))["subjects"]
    ]
    assert names == ["rex", "Thing 2"]


def test_masks_that_teach_nothing_are_refused_in_words() -> None:
    def part(left: int, right: int) -> Image.Image:
        mask = Image.new("L", (100, 100))
        mask.paste(255, (left, 0, right, 100))
        return mask

    squares = (Image.new("RGB", (100, 100)),) * 2
    dog, chair = "<dog>", "<chair>"
    check_masks(PhotoSet(squares), [dog], needed=False)
    with pytest.raises(StudioError, match="Paint <chair> in at least one photo"):
        check_masks(PhotoSet(squares, {dog: (part(0, 50), None)}), [dog, chair], needed=True)
    with pytest.raises(StudioError, match="Paint <dog>"):
        check_masks(PhotoSet(squares, {dog: (Image.new("L", (100, 100)), None)}), [dog], needed=True)
    with pytest.raises(StudioError, match="<dog> covers nearly all of photo 2"):
        check_masks(PhotoSet(squares, {dog: (None, part(0, 98))}), [dog], needed=False)
    with pytest.raises(StudioError, match="almost the same mask in photo 1"):
        check_masks(
            PhotoSet(squares, {dog: (part(0, 50), None), chair: (part(2, 50), None)}),
            [dog, chair],
            needed=True,
        )
    check_masks(
        PhotoSet(squares, {dog: (part(0, 50), None), chair: (None, part(30, 90))}), [dog, chair], needed=True
    )


def test_overlap_is_what_both_share_of_what_they_cover_together() -> None:
    """A small mask inside a large one is no copy of it."""
    large, small = Image.new("L", (100, 100)), Image.new("L", (100, 100))
    large.paste(255, (0, 0, 80, 50))
    small.paste(255, (0, 0, 20, 50))
    nothing = Image.new("L", (100, 100))
    assert overlap(large, small) == overlap(small, large) == pytest.approx(0.25)
    assert overlap(large, large) == 1 and overlap(large, nothing) == overlap(nothing, nothing) == 0
    photos = PhotoSet((Image.new("RGB", (100, 100)),), {"<dog>": (large,), "<ear>": (small,)})
    check_masks(photos, ["<dog>", "<ear>"], needed=True)
