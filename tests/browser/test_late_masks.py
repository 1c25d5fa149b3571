"""What is painted while the server is still at work on a mask or a square is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.browser.actions import close_photo, drop_photos, open_photo, training_card
from tests.browser.conftest import Stage
from tests.browser.test_masks import (
    STATE_CHANGED,
    is_kept,
    on_page,
    open_editor,
    paint,
    picture,
    shown_masks,
    start,
    training_photos,
)
from tests.browser.test_photos import hold_first_upload

pytestmark = pytest.mark.browser


def hold_first(page: Any, text: str) -> list[Any]:
    """Hold back the first call that has `text` in it; returns the list in which it is then."""
    held: list[Any] = []

    def hold(route: Any) -> None:
        is_it = text in (route.request.post_data or "")
        held.append(route) if is_it and not held else route.continue_()

    page.route("**/run/predict*", hold)
    return held


def test_what_is_painted_while_an_outline_is_looked_for_is_kept_and_so_is_the_outline(
    stage: Stage, page: Any, tmp_path: Path
) -> None:
    picture(300, 300).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    held = hold_first(page, '"x":0.')
    page.locator("[data-tool=click]").click()
    page.mouse.click(*on_page(page, 0.3, 0.5))
    page.locator(".mask-stage.busy").wait_for()
    paint(page, "brush", (0.6, 0.1), (0.9, 0.1))
    painted = shown_masks(page)
    before = page.locator(".mask-frame").get_attribute("data-shown")
    held[0].continue_()
    page.wait_for_function(STATE_CHANGED, arg=before)
    shown = shown_masks(page)
    assert (shown[painted > 0] > 0).all() and shown[150, 90] and not painted[150, 90]
    assert page.locator(".mask-stage.busy").count() == 0
    start(page, "late-outline")
    assert is_kept(training_photos(stage, "late-outline"), "<late-outline>", shown)
    training_card(page, "late-outline", "done")


@pytest.mark.slow
def test_what_is_painted_while_a_new_square_is_cut_is_kept(stage: Stage, page: Any, tmp_path: Path) -> None:
    picture(400, 300).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    held = hold_first(page, '"action":"crop"')
    page.locator("[data-tool=crop]").click()
    page.locator(".mask-stage canvas").press("Shift+ArrowLeft")
    before = page.locator(".mask-frame").get_attribute("data-shown")
    paint(page, "brush", (0.6, 0.1), (0.9, 0.1))  # with another tool the square is sent at once
    painted = shown_masks(page)
    held[0].continue_()
    page.wait_for_function(STATE_CHANGED, arg=before)
    page.locator("[data-do=undo]:not([disabled])").wait_for()
    shown = shown_masks(page)
    assert painted.any() and (shown == painted).all()
    start(page, "new-square")
    assert is_kept(training_photos(stage, "new-square"), "<new-square>", shown)
    training_card(page, "new-square", "done")


def pick_mask(page: Any, folder: Path) -> list[Any]:
    """Pick a mask file of which the left half is white, and hold its upload back; returns what is held."""
    mask = Image.new("L", (100, 100))
    mask.paste(255, (0, 0, 50, 100))
    mask.save(folder / "mask.png")
    held = hold_first_upload(page)
    page.locator(".mask-actions input").set_input_files(str(folder / "mask.png"))
    page.locator(".mask-stage.busy").wait_for()
    return held


@pytest.mark.slow
def test_a_mask_file_fills_the_square_that_was_moved_while_it_was_uploaded(page: Any, tmp_path: Path) -> None:
    picture(400, 300).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    held, cuts = pick_mask(page, tmp_path), hold_first(page, '"action":"crop"')
    page.locator("[data-tool=crop]").click()
    page.locator(".mask-stage canvas").press("Shift+ArrowLeft")
    page.locator("[data-tool=brush]").click()  # with another tool the square is sent at once
    held[0].continue_()
    before = page.locator(".mask-frame").get_attribute("data-shown")
    cuts[0].continue_()
    page.wait_for_function(STATE_CHANGED, arg=before)
    page.locator("[data-do=undo]:not([disabled])").wait_for()
    shown = shown_masks(page)
    assert shown[:, :140].all() and not shown[:, 160:].any()
    assert page.locator(".mask-stage.busy").count() == 0


@pytest.mark.slow
def test_a_mask_file_whose_photo_is_no_longer_open_is_said_to_be_unused(page: Any, tmp_path: Path) -> None:
    paths = [tmp_path / f"photo-{number}.png" for number in range(2)]
    for number, path in enumerate(paths):
        picture(300, 300 - 60 * number).save(path)
    drop_photos(page, paths)
    page.locator("#photo-strip .tile >> nth=1").wait_for()
    open_photo(page, 0)
    held = pick_mask(page, tmp_path)
    page.get_by_role("button", name="Next photo").click()
    page.locator("#photo-editor-name", has_text="photo-1").wait_for()
    clicks = hold_first(page, '"x":0.')
    page.locator("[data-tool=click]").click()
    page.mouse.click(*on_page(page, 0.3, 0.5))
    page.locator(".mask-stage.busy").wait_for()
    held[0].continue_()
    page.locator("[data-part=hint]", has_text="The mask was not used").wait_for()
    assert page.locator(".mask-stage.busy").count() == 1
    clicks[0].continue_()
    page.locator("[data-do=undo]:not([disabled])").wait_for()
    assert page.locator(".mask-stage.busy").count() == 0 and shown_masks(page)[120, 72]
    page.get_by_role("button", name="Previous photo").click()
    page.locator("#photo-editor-name", has_text="photo-0").wait_for()
    assert not shown_masks(page).any()
    held = pick_mask(page, tmp_path)
    page.get_by_role("button", name="Next photo").click()
    page.locator("#photo-editor-name", has_text="photo-1").wait_for()
    close_photo(page)
    held[0].continue_()
    page.locator("#train-notice .error", has_text="The mask was not used").wait_for()


@pytest.mark.slow
def test_what_is_painted_while_a_mask_file_is_read_is_kept_and_so_is_the_file(
    page: Any, tmp_path: Path
) -> None:
    picture(300, 300).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    reads = hold_first(page, '"failed":[]')
    pick_mask(page, tmp_path)[0].continue_()
    page.wait_for_timeout(300)
    paint(page, "brush", (0.6, 0.1), (0.9, 0.1))
    before = page.locator(".mask-frame").get_attribute("data-shown")
    reads[0].continue_()
    page.wait_for_function(STATE_CHANGED, arg=before)
    shown = shown_masks(page)
    assert shown[:, :140].all() and shown[30, 220] and not shown[200, 220]
    assert page.locator(".mask-stage.busy").count() == 0
