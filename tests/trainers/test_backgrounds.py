"""The subject in front of painted backgrounds: what is made, what a step draws of it, what it changes."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from studio.edits import attach
from studio.errors import DiskError
from studio.events import Event, Note, Step
from studio.models.backbone import Backbone
from studio.photos.photo_set import PhotoSet
from studio.subject import Subject
from tests import tiny
from tests.trainers.battery import SAMPLING
from tests.trainers.steps import attached_edits
from trainers import train
from trainers.dreambooth import DreamBooth, Settings
from trainers.kit import painted_pictures
from trainers.kit.backgrounds import FOLDER, GROUND, PLACES, Backgrounds, file_of
from trainers.kit.latents import DrawnPhotos, PhotoLatents

LILY = "<lily>"
SUBJECT = Subject(LILY, "cat")
QUICK: dict[str, Any] = {**DreamBooth.quick_settings, "background_share": 0.5, "backgrounds": 2}


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return tiny.backbone()


def backgrounds(backbone: Backbone, count: int = 2, share: float = 0.5) -> Backgrounds:
    return Backgrounds(backbone, LILY, count, share, 1, 2.0, backbone.resolution)


def made(
    backbone: Backbone, cache: Path, photos: PhotoSet, ground: float = 0.1, **options: Any
) -> Backgrounds:
    """Return prepared backgrounds."""
    one = backgrounds(backbone, **options)
    list(one.prepare(photos, ground, cache))
    return one


def drawn(backbone: Backbone, photos: PhotoSet, count: int) -> DrawnPhotos:
    """Return photos as a step draws them."""
    latents = PhotoLatents(backbone, photos.pixels(backbone.resolution))
    latents.mask_with(photos, LILY, 0.1)
    return latents.draw_photos(count, torch.Generator().manual_seed(0))


def test_the_subject_stands_where_it_was_and_the_painted_place_is_around_it(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos, side = tiny.photos(3, masked=LILY), backbone.resolution
    seen: list[np.ndarray] = []
    own = backbone.encode_photos
    monkeypatch.setattr(backbone, "encode_photos", lambda pixels: seen.append(pixels) or own(pixels))
    one = made(backbone, tmp_path, photos)
    places = [picture.pixels(tmp_path)[0] for picture in one.pictures]
    assert not np.array_equal(*places)
    pairs = [(0, 0), (1, 1), (1, 0), (2, 1)]  # photo and place; in the second round the next photos
    assert len(seen) == 1 and len(seen[0]) == len(pairs)
    for pixels, (photo, place) in zip(seen[0], pairs, strict=True):
        mask = photos.mask(LILY, photo, side)
        inside, outside = mask == 1, mask == 0
        assert inside.sum() > 20 and outside.sum() > 20
        assert np.array_equal(pixels[inside], photos.pixels(side)[photo][inside])
        assert np.array_equal(pixels[outside], places[place][outside])
    assert one.latents.captions == tuple(f"a photo of {LILY} {PLACES[place]}" for _, place in pairs)
    latent_side = one.latents.mean.shape[-1]
    for mask, (photo, _) in zip(one.latents.masks, pairs, strict=True):
        expected = np.maximum(photos.mask(LILY, photo, latent_side), np.float32(GROUND))
        assert np.array_equal(mask[0].numpy(), expected)


def test_backgrounds_are_painted_once_and_only_for_photos_that_are_cut_out(
    backbone: Backbone, tmp_path: Path
) -> None:
    one, photos = backgrounds(backbone, count=3), tiny.photos(2, masked=LILY)
    assert one.work_ahead(tiny.photos(2), tmp_path) == 0
    assert not list(one.prepare(tiny.photos(2), 0.1, tmp_path)) and one.latents is None
    assert one.work_ahead(photos, tmp_path) == 3
    events = list(one.prepare(photos, 0.1, tmp_path))
    assert isinstance(events[0], Note) and events[0].text.startswith("Painting 3 backgrounds")
    assert [(event.step, event.steps) for event in events[1:] if isinstance(event, Step)] == [
        (1, 3),
        (2, 3),
        (3, 3),
    ]
    again = backgrounds(backbone, count=3)
    assert again.work_ahead(photos, tmp_path) == 0
    assert not list(again.prepare(photos, 0.1, tmp_path))
    assert torch.equal(again.latents.mean, one.latents.mean)


def test_a_base_may_bring_its_own(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backbone, "folder", tmp_path / "base")
    path = backbone.folder / FOLDER / file_of(PLACES[0])
    path.parent.mkdir(parents=True)
    side = backbone.resolution
    Image.new("RGB", (side, side), "teal").save(path)
    photos = tiny.photos(2, masked=LILY)
    one = backgrounds(backbone)
    assert one.work_ahead(photos, tmp_path / "cache") == 1  # the other place
    list(one.prepare(photos, 0.1, tmp_path / "cache"))
    near = one.pictures[0].pixels(tmp_path / "cache")[0].mean((0, 1)) - np.array([0, 128, 128])
    assert np.abs(near).max() < 4
    Image.new("RGB", (side + 8, side), "teal").save(path)  # of another size it is not used
    assert backgrounds(backbone).work_ahead(photos, tmp_path / "other") == 2


def test_what_counts_outside_of_masks_is_at_least_what_counts_in_other_photos(
    backbone: Backbone, tmp_path: Path
) -> None:
    one = made(backbone, tmp_path, tiny.photos(2, masked=LILY), ground=0.8)
    assert one.latents.masks.min() == pytest.approx(0.8)


def test_a_photo_without_a_mask_is_not_put_in_front_of_anything(backbone: Backbone, tmp_path: Path) -> None:
    photos = tiny.photos(3, masked=LILY)
    photos = dataclasses.replace(photos, masks={LILY: (None, photos.masks[LILY][1], None)})
    one = made(backbone, tmp_path, photos)
    assert len(one.latents.mean) == 2  # the second photo, once in front of each
    latent_side = one.latents.mean.shape[-1]
    expected = np.maximum(photos.mask(LILY, 1, latent_side), np.float32(GROUND))
    assert all(np.array_equal(mask[0].numpy(), expected) for mask in one.latents.masks)


@pytest.mark.parametrize(
    ("share", "count", "counts"), [(0.34, 6, (2, 3)), (0.5, 4, (2,)), (0.3, 1, (0, 1)), (1.0, 3, (3,))]
)
def test_a_step_has_its_share_of_them(
    backbone: Backbone, tmp_path: Path, share: float, count: int, counts: tuple[int, ...]
) -> None:
    photos = tiny.photos(3, masked=LILY)
    one = made(backbone, tmp_path, photos, share=share)
    plain, generator = drawn(backbone, photos, count), torch.Generator().manual_seed(1)
    numbers = []
    for _ in range(300):
        mixed = one.mix(plain, generator)
        numbers.append(sum(map(bool, mixed.captions)))
        rest = slice(numbers[-1], None)
        assert len(mixed.latents) == len(mixed.masks) == len(mixed.captions) == count
        assert torch.equal(mixed.latents[rest], plain.latents[rest])
        assert torch.equal(mixed.masks[rest], plain.masks[rest])
        assert not any(mixed.captions[rest])
    assert set(numbers) == set(counts) and np.mean(numbers) == pytest.approx(share * count, abs=0.1)


def test_prompt_mask_and_latents_of_a_row_belong_together(backbone: Backbone, tmp_path: Path) -> None:
    photos = tiny.photos(3, masked=LILY)
    one = made(backbone, tmp_path, photos, share=1.0)
    one.latents.std.zero_()  # latents are those of the picture itself
    mixed = one.mix(drawn(backbone, photos, 3), torch.Generator().manual_seed(2))
    for latents, mask, caption in zip(mixed.latents, mixed.masks, mixed.captions, strict=True):
        (number,) = [n for n, mean in enumerate(one.latents.mean) if torch.equal(mean, latents)]
        assert one.latents.captions[number] == caption and torch.equal(one.latents.masks[number], mask)


def test_a_share_of_none_and_photos_without_masks_train_as_before(backbone: Backbone, tmp_path: Path) -> None:
    def batch(photos: PhotoSet, **settings: Any) -> Any:
        values = Settings(**{**DreamBooth.quick_settings, **settings})
        method = DreamBooth(backbone, SUBJECT, values, torch.Generator().manual_seed(0))
        list(method.prepare(photos, tmp_path))
        with attach(backbone, attached_edits(method)):
            return method, method.draw(torch.Generator().manual_seed(3))

    masked = tiny.photos(3, masked=LILY)
    assert batch(masked, background_share=0.5, masks=False)[0].backgrounds.latents is None
    for photos, settings in (
        (tiny.photos(3), {"background_share": 0.5}),
        (masked, {"background_share": 0.0}),
    ):
        _, plain = batch(photos)
        _, other = batch(photos, **settings)
        assert torch.equal(plain.latents, other.latents) and torch.equal(plain.noise, other.noise)
    method, mixed = batch(masked, background_share=1.0, backgrounds=2)
    with attach(backbone, attached_edits(method)):
        expected = {
            tuple(tokens.ids)
            for place in PLACES[:2]
            for tokens in backbone.text.tokenize_all([f"a photo of {LILY} {place}"]).tokens
        }
    assert {tuple(tokens.ids) for tokens in mixed.prompts.tokens} <= expected and len(mixed.prompts) == 2


def test_a_disk_that_takes_none_of_them_is_said_and_they_are_used(
    backbone: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise DiskError("The disk is full.", "Make room.")

    monkeypatch.setattr(painted_pictures, "write_atomic", refuse)
    one = backgrounds(backbone)
    events = list(one.prepare(tiny.photos(2, masked=LILY), 0.1, tmp_path))
    assert [event.text for event in events if isinstance(event, Note)][1:] == [
        "They cannot be kept for other trainings: The disk is full."
    ]
    assert one.latents is not None and not list(tmp_path.rglob("*.png"))


@pytest.mark.usefixtures("short_verdict", "one_preview")
def test_a_training_tells_of_them_and_a_second_one_uses_them(backbone: Backbone, tmp_path: Path) -> None:
    def events() -> Iterator[Event]:
        return train(DreamBooth, backbone, tiny.photos(3), SUBJECT, QUICK, SAMPLING, tmp_path)

    first, second = list(events()), list(events())
    notes = [[event.text for event in told if isinstance(event, Note)] for told in (first, second)]
    assert any("backgrounds" in text for text in notes[0])  # the subject is found on the plain ground
    assert not any("backgrounds" in text for text in notes[1])
    tensors = [
        [t for edit in told[-1].value.edits for t in edit.tensors().values()] for told in (first, second)
    ]
    assert all(torch.equal(one, other) for one, other in zip(*tensors, strict=True))
