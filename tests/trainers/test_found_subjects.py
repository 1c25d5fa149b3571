"""Photos without a mask are learned as if the subject on their plain ground had been masked."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studio.events import Insight, Result
from studio.photos.mask_checks import overlap
from studio.recipes.recipe import Sampling
from studio.subject import Subject
from studio.words import tr
from tests import tiny
from trainers import METHODS, train
from trainers.kit.found_subjects import FOUND, found_preview, with_found_subjects
from trainers.kit.mask_preview import SIDE

LILY = Subject("<lily>", "cat")


FINDING = {"find_subject": True}


def settings(method_id: str = "dreambooth", **changes: object) -> object:
    """Return the settings of a method that finds subjects, if it can."""
    method = METHODS[method_id]
    finding = FINDING if any(field.name == "find_subject" for field in method.card().fields) else {}
    return method.own(method.card().parse({**finding, **changes}))


def test_the_subject_of_every_photo_is_found() -> None:
    photos = tiny.photos(3)
    found = with_found_subjects(photos, LILY.handle, settings())
    exact = tiny.photos(3, masked=LILY.handle)
    assert found.squares == photos.squares and list(found.masks) == [LILY.handle]
    for mask, other in zip(found.masks[LILY.handle], exact.masks[LILY.handle], strict=True):
        assert mask is not None and other is not None and overlap(mask, other) > 0.85


def test_masks_of_ones_own_stay_and_only_others_are_found() -> None:
    own = tiny.stencil(0, 0, 18, 48)
    photos = dataclasses.replace(tiny.photos(3), masks={LILY.handle: (None, own, None)})
    first, second, third = with_found_subjects(photos, LILY.handle, settings()).masks[LILY.handle]
    assert second is own and first is not None and third is not None


@pytest.mark.parametrize(
    ("method_id", "changes"),
    [
        ("dreambooth", {"masks": False}),
        ("dreambooth", {"find_subject": False}),
        ("textual_inversion", {"property": "style"}),
        ("break_a_scene", {}),
    ],
)
def test_photos_stay_as_they_are_where_the_settings_say_so(
    method_id: str, changes: dict[str, object]
) -> None:
    photos = tiny.photos(3)
    assert with_found_subjects(photos, LILY.handle, settings(method_id, **changes)) is photos


def test_photos_in_which_nothing_is_found_stay_as_they_are() -> None:
    levels = np.random.default_rng(0).integers(0, 255, (48, 48, 3), dtype=np.uint8)
    photos = dataclasses.replace(tiny.photos(1), squares=(Image.fromarray(levels),))
    assert with_found_subjects(photos, LILY.handle, settings()) is photos


def test_it_is_the_default_where_it_was_measured_to_help() -> None:
    finding = {
        id
        for id, method in METHODS.items()
        for field in method.card().fields
        if field.name == "find_subject" and field.default
    }
    assert finding == {"dreambooth"}


@pytest.mark.parametrize("method_id", ["dreambooth", "perfusion"])  # the second has masks of its own
@pytest.mark.usefixtures("short_verdict", "one_preview")
def test_a_training_shows_what_it_found_and_learns_as_if_it_had_been_masked(
    method_id: str, tmp_path: Path
) -> None:
    chosen = {**METHODS[method_id].quick_settings, **FINDING, "steps": 2}
    photos, backbone = tiny.photos(3), tiny.backbone()
    masked = with_found_subjects(photos, LILY.handle, settings(method_id))

    def learned(given: object) -> tuple[list[object], object, object]:
        *events, last = train(
            METHODS[method_id], backbone, given, LILY, chosen, Sampling(seed=7, steps=2), tmp_path
        )
        assert isinstance(last, Result)
        tensors = [(name, t.tolist()) for edit in last.value.edits for name, t in edit.tensors().items()]
        return events, tensors, last.value.header.verdicts

    events, *result = learned(photos)
    first = next(event for event in events if isinstance(event, Insight))
    assert first.caption == tr(FOUND)
    assert first.picture.tobytes() == found_preview(masked, LILY.handle).tobytes()
    others, *as_masked = learned(masked)
    assert result == as_masked
    assert not [event for event in others if isinstance(event, Insight) and event.caption == tr(FOUND)]


def test_a_photo_in_which_nothing_was_found_is_shown_bright() -> None:
    photos = tiny.photos(2, masked=LILY.handle)
    photos = dataclasses.replace(photos, masks={LILY.handle: (photos.masks[LILY.handle][0], None)})
    row = np.asarray(found_preview(photos, LILY.handle))
    corner = np.asarray(photos.squares[0])[0, 0], np.asarray(photos.squares[1])[0, 0]
    assert (row[0, 0] <= corner[0] // 4).all() and np.array_equal(row[0, SIDE], corner[1])
