"""What is painted while the server is still at work on a mask or a square is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import training_card
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
