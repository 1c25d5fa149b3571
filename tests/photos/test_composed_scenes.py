"""Scenes composed from cut-outs: exact masks, nothing overlaps, captions by the paper's rules."""

from __future__ import annotations

import random

import numpy as np
import pytest
from PIL import Image

from studio.errors import StudioError
from studio.photos.composed_scenes import caption_of, compose_scene, cut_outs_of
from studio.photos.photo import Photo

BLUE, RED, GREEN = (0, 0, 255), (255, 0, 0), (0, 255, 0)


def cut(colour: tuple[int, int, int], size: tuple[int, int] = (20, 40)) -> Image.Image:
    return Image.new("RGBA", size, (*colour, 255))


def scene(seed: int = 0, sizes: dict[str, float] | None = None, **cut_outs: list[Image.Image]):
    given = {f"<{name}>": pictures for name, pictures in cut_outs.items()}
    return compose_scene(
        given, Image.new("RGB", (128, 96), BLUE), "on the sea", random.Random(seed), sizes, ""
    )


@pytest.mark.parametrize("seed", range(20))
def test_every_subject_is_where_its_mask_is_and_nowhere_else(seed: int) -> None:
    made = scene(seed, lily=[cut(RED)], tom=[cut(GREEN, (60, 20))])
    pixels = np.asarray(made.picture)
    masks = {handle: np.asarray(mask) > 127 for handle, mask in made.masks.items()}
    assert list(masks) == ["<lily>", "<tom>"] and not (masks["<lily>"] & masks["<tom>"]).any()
    for handle, colour in (("<lily>", RED), ("<tom>", GREEN)):
        assert set(np.unique(np.asarray(made.masks[handle]))) == {0, 255} and masks[handle].any()
        # but for the soft edge
        inside = np.asarray(made.masks[handle].resize((32, 24), Image.Resampling.BOX)) == 255
        seen = np.asarray(made.picture.resize((32, 24), Image.Resampling.BOX))
        assert (np.abs(seen[inside].astype(int) - colour).mean(axis=1) < 140).all()
    outside = ~(masks["<lily>"] | masks["<tom>"])
    assert (pixels[outside] == BLUE).all()


def test_sizes_are_heights_beside_each_other() -> None:
    made = scene(3, {"<tom>": 0.5}, lily=[cut(RED)], tom=[cut(GREEN)])
    heights = {
        handle: box[3] - box[1] for handle, mask in made.masks.items() if (box := mask.getbbox()) is not None
    }
    assert heights["<tom>"] == pytest.approx(heights["<lily>"] / 2, abs=1)


def test_all_stand_on_one_ground_in_any_order() -> None:
    orders = set()
    for seed in range(10):
        made = scene(seed, lily=[cut(RED)], tom=[cut(GREEN, (30, 20))], rex=[cut(BLUE, (10, 50))])
        boxes = {handle: mask.getbbox() for handle, mask in made.masks.items()}
        assert len({box[3] for box in boxes.values()}) == 1
        orders.add(tuple(sorted(boxes, key=lambda handle: boxes[handle][0])))
    assert len(orders) > 2


def test_a_seed_repeats_itself_and_every_cut_out_is_used() -> None:
    pictures = [cut(RED), cut(GREEN)]
    first, again = scene(7, lily=pictures), scene(7, lily=pictures)
    assert first.picture.tobytes() == again.picture.tobytes()
    colours = {scene(seed, lily=pictures).picture.getpixel((64, 60)) for seed in range(30)}
    assert colours >= {RED, GREEN}


def test_captions_say_names_twice_and_the_background() -> None:
    assert caption_of(["<a>", "<b>"], "on the sea") == "a photo of <a> and <b> on the sea, <a> and <b>"
    assert caption_of(["<a>"], "", "<both>") == "a photo of <a>, <a>, <both>"


def test_cut_outs_are_what_masks_cover() -> None:
    mask = Image.new("L", (64, 64))
    mask.paste(255, (10, 20, 30, 60))
    photos = [
        Photo("a", Image.new("RGB", (64, 64), RED), masks={0: mask}),
        Photo("b", Image.new("RGB", (64, 64))),
    ]
    (only,) = cut_outs_of(photos)
    assert only.size == (20, 40) and only.getpixel((5, 5)) == (*RED, 255)


def test_a_subject_without_a_cut_out_is_named() -> None:
    with pytest.raises(StudioError, match="<tom>"):
        scene(0, lily=[cut(RED)], tom=[])
