"""The button for scenes: when it is offered, that it can be undone, and what undoing leaves alone."""

from __future__ import annotations

import dataclasses

from PIL import Image

from studio.photos.photo import Photo
from studio.ui.train.mask_overlay import Subjects
from studio.ui.train.scenes_button import COMPOSE, TAKE_APART, change_scenes, scenes_button
from studio.ui.train.session_photos import SessionPhotos, locked
from studio.ui.train.subject_rows import subjects_of
from tests.browser.stage import catalogue
from tests.photos.test_scenes_of_photos import BOTH, LILY, TOM

TWO = Subjects(("lily", "tom"), needed=True, max_scenes=5)


def names(session: SessionPhotos) -> list[str]:
    return [photo.name for photo in session.photos]


def composed(*photos: Photo) -> SessionPhotos:
    session = SessionPhotos(photos)
    change_scenes(session, TWO, COMPOSE)
    return session


def test_it_is_offered_where_several_masked_subjects_are_learned_and_shown_apart() -> None:
    assert f'data-action="{COMPOSE}"' in scenes_button(SessionPhotos([LILY, TOM]), TWO)
    assert scenes_button(SessionPhotos([LILY, TOM]), dataclasses.replace(TWO, max_scenes=0)) == ""
    assert scenes_button(SessionPhotos([LILY]), TWO) == ""
    assert scenes_button(SessionPhotos([BOTH, BOTH]), TWO) == ""
    plain, _, scene = catalogue()
    few = ["lily", "tom", "", ""], ["cat", "dog", "", ""]
    assert subjects_of(2, scene, *few).max_scenes == scene.needs.max_photos
    assert subjects_of(2, plain, *few).max_scenes == 0


def test_scenes_take_the_place_of_what_they_were_composed_of() -> None:
    session = composed(LILY, BOTH, TOM)
    assert names(session) == ["both.jpg", "scene 1", "scene 2", "scene 3", "scene 4"]
    assert f'data-action="{TAKE_APART}"' in scenes_button(session, TWO)


def test_taking_them_apart_brings_the_photos_back_and_keeps_what_came_since() -> None:
    session = composed(LILY, TOM)
    later = Photo("later.jpg", Image.new("RGB", (8, 8)))
    session.chosen = 0
    session.put(session.chosen, dataclasses.replace(session.photos[0], caption="edited"))
    session.replace_all([*session.photos[:2], later])
    change_scenes(session, TWO, TAKE_APART)
    assert names(session) == ["lily.jpg", "tom.jpg", "later.jpg"] and session.photos[0] == LILY
    assert not session.apart and f'data-action="{COMPOSE}"' in scenes_button(session, TWO)


def test_a_reload_brings_scenes_back_with_what_they_were_composed_of() -> None:
    kept: list[list[Photo]] = []
    session = SessionPhotos()
    session.restore([LILY, TOM], lambda photos, _: kept.append(list(photos)))
    locked(change_scenes)(session=session, subjects=TWO, action=COMPOSE)
    again = SessionPhotos()
    again.restore(kept[-1], lambda *_: None)
    assert names(again) == names(session) and [photo.name for photo in again.apart] == ["lily.jpg", "tom.jpg"]
    again.take_apart()
    assert names(again) == ["lily.jpg", "tom.jpg"] and not any(photo.is_apart for photo in again.photos)


def test_a_removed_subject_is_gone_from_the_photos_that_come_back() -> None:
    session = composed(LILY, TOM)
    session.remove_subject(0)
    assert all(list(scene.masks) == [0] for scene in session.photos)
    session.take_apart()
    assert [list(photo.masks) for photo in session.photos] == [[], [0]]


def test_photos_of_another_start_do_not_bring_the_old_ones_back() -> None:
    session = composed(LILY, TOM)
    session.start_anew([])
    assert scenes_button(session, TWO) == "" and not session.apart
