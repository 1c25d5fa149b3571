"""Advice on photos: what fires, and above all what does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

from studio.photos.advice import advise
from studio.photos.photo import Crop, Photo, open_photos
from studio.starter import DEMO
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.photo_strip import photo_strip


def view(seed: int, side: int = 512) -> Image.Image:
    """Draw something like a photograph: shapes in soft light, with grain."""
    random = np.random.default_rng(seed)
    light = Image.fromarray(random.integers(40, 215, (4, 4, 3), dtype=np.uint8))
    picture = light.resize((side, side), Image.Resampling.BICUBIC)
    for _ in range(12):
        x, y, r = (float(value) for value in random.uniform(0, side, 3))
        shape = Image.new("L", picture.size)
        ImageDraw.Draw(shape).ellipse((x - r / 4, y - r / 4, x + r / 4, y + r / 4), fill=255)
        tone = Image.fromarray(random.integers(0, 255, (3, 3, 3), dtype=np.uint8))
        picture.paste(tone.resize(picture.size, Image.Resampling.BICUBIC), mask=shape)
    grain = random.normal(0, 2, (side, side, 1))
    return Image.fromarray((np.asarray(picture) + grain).clip(0, 255).astype(np.uint8))


def badges(photos: list[Photo], **base: object) -> list[list[str]]:
    return [[one.badge for one in pieces] for pieces in advise(photos, **base).by_photo]


VIEWS = [Photo(f"{seed}.jpg", view(seed)) for seed in range(6)]


def test_sharp_and_different_photos_get_no_advice() -> None:
    said = advise(VIEWS, 512)
    assert not any(said.by_photo) and not said.together and said.lines(["x"] * 6) == []
    assert advise([], 512).by_photo == ()


def test_a_blurred_photo_is_told_where_the_base_sees_the_blur() -> None:
    for photo in VIEWS:
        blurred = replace(photo, image=photo.image.filter(ImageFilter.GaussianBlur(5)))
        assert badges([blurred], resolution=512) == [["blurred"]]
        assert badges([blurred]) == [["blurred"]]
        faint = replace(photo, image=photo.image.filter(ImageFilter.GaussianBlur(3)))
        assert badges([faint], resolution=512) == [["blurred"]]
        assert badges([faint], resolution=128) == [[]]


def test_a_photo_without_any_edge_is_not_called_blurred() -> None:
    ramp = Image.linear_gradient("L").convert("RGB").resize((512, 512))
    assert badges([Photo("sky.jpg", ramp)], resolution=512) == [[]]


def test_a_square_of_fewer_pixels_than_the_base_paints_is_small() -> None:
    assert badges([VIEWS[0]], resolution=512) == [[]]
    (said,) = advise([VIEWS[0].cropped(Crop(zoom=2))], 512).by_photo[0]
    assert said.badge == "small" and "256 pixels and this base paints 512. Zoom out" in said.sentence


def test_photos_that_are_nearly_the_same_name_the_first() -> None:
    picture = VIEWS[0].image
    for again in (ImageEnhance.Brightness(picture).enhance(1.2), picture.crop((0, 15, 497, 512))):
        said = advise([VIEWS[1], VIEWS[0], Photo("again.jpg", again)], 128).by_photo
        assert not said[0] and not said[1]
        assert [one.sentence.split(":")[0] for one in said[2]] == ["It is nearly the same as 0.jpg"]


def on_one_background(count: int) -> list[Photo]:
    photos = []
    for number in range(count):
        picture = view(7)
        thing = view(20 + number, 260)
        picture.paste(thing, (120 + 5 * number, 120))
        photos.append(Photo(f"{number}.jpg", picture))
    return photos


def test_one_background_for_all_is_told_unless_masks_say_where_the_subject_is() -> None:
    photos = on_one_background(4)
    assert [one.badge for one in advise(photos, 512).together] == ["one background"]
    assert not advise(photos[:2], 512).together and not advise([*photos, VIEWS[0]], 512).together
    mask = Image.new("L", (64, 64))
    mask.paste(255, (15, 15, 50, 50))
    assert not advise([photo.with_mask(0, mask) for photo in photos], 512).together


def test_photographs_on_the_starter_are_told_and_nothing_is_said_of_the_demo_photos() -> None:
    (said,) = advise(VIEWS[:1], 128, only_drawings=True).together
    assert said.sentence.startswith("This looks like a photograph; the starter only knows drawings.")
    assert "2 of these" in advise(VIEWS[:2], 128, only_drawings=True).together[0].sentence
    for folder in ("amber", "lily", "trek"):
        photos, _ = open_photos(sorted((DEMO / folder).glob("[0-9]*.png")))
        said = advise(photos, 128, only_drawings=True)
        assert len(photos) >= 3 and not any(said.by_photo) and not said.together


def test_advice_is_a_badge_on_its_photo_and_a_line_below() -> None:
    small = Photo("a <b>.jpg", view(1, 200))
    said = advise([VIEWS[2], small], 512)
    html = photo_strip([VIEWS[2], small], Subjects(), advice=said)
    assert html.count('class="tile-mark advice"') == 1 and "1 photo has a badge with advice" in html
    assert 'title="a &lt;b&gt;.jpg – Its square has 200 pixels' in html
    assert "advice" not in photo_strip([small], Subjects())
    assert said.lines(["x", "y"]) == [f"y: {said.by_photo[1][0].sentence}"]


def test_measures_are_taken_once_and_again_for_another_square(monkeypatch: pytest.MonkeyPatch) -> None:
    photo = Photo("a.jpg", VIEWS[0].image)
    first = photo.measures
    monkeypatch.setattr("studio.photos.photo.measure", lambda square: square.size)
    assert photo.measures is first and photo.cropped(Crop(zoom=2)).measures == (256, 256)


def things(*boxes: tuple[int, int, int, int]) -> Photo:
    """A photo of a red ball, a blue one and so on in these boxes, on a plain ground, 256 pixels square."""
    picture = Image.linear_gradient("L").convert("RGB").resize((256, 256))
    for box, colour in zip(boxes, ("firebrick", "royalblue"), strict=False):
        ImageDraw.Draw(picture).ellipse(box, fill=colour)
    return Photo("things.jpg", picture.filter(ImageFilter.GaussianBlur(1)))


LEFT, RIGHT, SMALL = (20, 80, 110, 170), (150, 90, 235, 175), (180, 100, 220, 140)


def test_a_photo_of_several_things_is_told_and_one_of_a_thing_and_its_parts_is_not() -> None:
    both = things(LEFT, RIGHT)
    (said,) = advise([both]).by_photo[0]
    assert said.badge == "several" and "mask" in said.sentence
    assert badges([things(LEFT)]) == [[]] == badges([things(LEFT, SMALL)])
    touching = (90, 90, 190, 190)
    assert badges([things(LEFT, touching)]) == [[]]  # two parts of one thing
    bridge = np.asarray(both.image).copy()
    bridge[120:132, 108:153] += 20
    assert badges([Photo("pair.jpg", Image.fromarray(bridge))]) == [[]]  # something faint joins them


def test_nothing_is_said_of_several_things_where_a_mask_or_the_square_chooses_one() -> None:
    both = things(LEFT, RIGHT)
    mask = Image.new("L", (256, 256))
    mask.paste(255, LEFT)
    assert badges([both.with_mask(0, mask)]) == [[]]
    assert badges([both.cropped(Crop(x=0.0, zoom=1.9))]) == [[]]


def test_demo_scenes_show_several_things_and_their_subjects_alone_do_not() -> None:
    found = [
        [one.badge for one in advise(open_photos([scene / "photo.png"])[0], 128).by_photo[0]]
        for scene in sorted((DEMO / "scenes").glob("*-*"))
    ]
    assert len(found) == 6 and found.count(["several"]) == 4
    alone = open_photos(sorted((DEMO / "scenes").glob("*/alone/*.png")))[0]
    assert len(alone) > 6 and not any("several" in each for each in badges(alone))
