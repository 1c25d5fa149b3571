"""Scenes of photos: masks say who is alone in a photo; the ground keeps nothing of the subjects."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.errors import StudioError
from studio.photos.photo import Crop, Photo
from studio.photos.scenes_of_photos import compose_photos, ground_of, photos_alone

GREY, RED, BLUE = (120, 130, 120), (230, 20, 20), (20, 20, 230)
SIDE = 96


def photo(name: str, **balls: tuple[float, tuple[int, int, int]]) -> Photo:
    """Draw balls on grey: by the subject's number ("_0"), where it is and its colour. Each has its mask."""
    picture, masks = Image.new("RGB", (SIDE, SIDE), GREY), {}
    for key, (x, colour) in balls.items():
        box = [x * SIDE - 16, SIDE / 2 - 16, x * SIDE + 16, SIDE / 2 + 16]
        ImageDraw.Draw(picture).ellipse(box, fill=colour)
        mask = Image.new("L", picture.size)
        ImageDraw.Draw(mask).ellipse(box, fill=255)
        masks[int(key[1:])] = mask
    return Photo(name, picture, masks=masks)


LILY, TOM = photo("lily.jpg", _0=(0.5, RED)), photo("tom.jpg", _1=(0.5, BLUE))
BOTH = photo("both.jpg", _0=(0.25, RED), _1=(0.75, BLUE))


def compose(photos: Sequence[Photo], names: Sequence[str] = ("lily", "tom"), count: int = 3) -> list[Photo]:
    return compose_photos(photos, names, count, random.Random(1))


def test_a_scene_has_every_subject_under_its_own_mask() -> None:
    scenes = compose([LILY, TOM])
    assert [scene.name for scene in scenes] == ["scene 1", "scene 2", "scene 3"]
    for scene in scenes:
        assert scene.image.size == (SIDE, SIDE) and sorted(scene.masks) == [0, 1] and not scene.caption
        pixels = np.asarray(scene.image, int)
        for number, colour in ((0, RED), (1, BLUE)):
            inside = np.asarray(scene.masks[number]) > 0
            assert np.abs(np.median(pixels[inside], axis=0) - colour).max() < 12
    assert np.abs(np.asarray(scenes[0].image, int) - np.asarray(scenes[1].image, int)).max() > 50


def test_only_photos_of_one_subject_alone_are_cut_out() -> None:
    assert [one.name for one in photos_alone([LILY, BOTH, TOM], 2)] == ["lily.jpg", "tom.jpg"]
    green = photo("both.jpg", _0=(0.25, (20, 230, 20)), _1=(0.75, (20, 230, 20)))
    for scene in compose([LILY, green, TOM], count=6):
        assert np.asarray(scene.image, int)[..., 1].max() < 150  # nothing green


def test_the_square_of_a_photo_counts_and_not_what_is_outside_of_it() -> None:
    wide = photo("wide.jpg", _0=(0.2, RED), _1=(0.8, BLUE)).cropped(Crop(0.0, 0.5, 2.0))
    assert [one.name for one in photos_alone([wide], 2)] == ["wide.jpg"]


def test_the_ground_keeps_its_colour_and_nothing_of_the_subject() -> None:
    for side in (SIDE, 300):
        ground = np.asarray(ground_of(BOTH, 2, side), int)
        assert ground.shape == (side, side, 3) and np.abs(ground - GREY).max() <= 3
    full = Photo("full.jpg", LILY.image, masks={0: Image.new("L", (SIDE, SIDE), 255)})
    colours = np.asarray(ground_of(full, 1, SIDE)).reshape(-1, 3)
    assert (colours == colours[0]).all()  # nothing of a ground is seen


@pytest.mark.parametrize(
    ("photos", "names", "words"),
    [
        ([LILY, TOM], ["lily"], "only one name"),
        ([LILY, TOM, photo("cup.jpg")], ["lily", "tom"], "cup.jpg does not say what it shows"),
        ([LILY, LILY], ["lily", "tom"], "No photo shows tom alone"),
        ([LILY, BOTH], ["lily", "tom"], "No photo shows tom alone"),
    ],
)
def test_what_cannot_be_composed_is_refused_with_what_to_do(
    photos: list[Photo], names: list[str], words: str
) -> None:
    with pytest.raises(StudioError, match=words) as refusal:
        compose(photos, names)
    assert refusal.value.hint
