"""Things photographed alone come into scenes together, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.photos.photo_set import PhotoSet
from tests.browser.actions import SETTLE_MS, close_photo, drop_photos, training_card
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser
SHOWN = "() => document.querySelector('.mask-frame')?.dataset.shown ?? ''"
BALL, CUBE = (220, 120, 40), (40, 70, 190)


@pytest.fixture
def apart(tmp_path: Path) -> list[Path]:
    """Draw a ball alone and a cube alone, on grey."""
    paths = [tmp_path / "ball.png", tmp_path / "cube.png"]
    for path, colour in zip(paths, (BALL, CUBE), strict=True):
        picture = Image.new("RGB", (200, 200), (190, 190, 186))
        draw = ImageDraw.Draw(picture)
        (draw.ellipse if colour == BALL else draw.rectangle)((60, 60, 140, 140), fill=colour)
        picture.save(path)
    return paths


def choose_two(page: Any, photos: list[Path]) -> None:
    """Choose the method for several things, name two, and drop the photos."""
    page.locator("#method label", has_text="Break-A-Scene").click()
    page.locator("#more-subjects").click()
    page.locator("#concept-name-2 input").wait_for()
    for ending, name, noun in (("", "roundy", "ball"), ("-2", "boxy", "cube")):
        page.locator(f"#concept-name{ending} input").fill(name)
        page.locator(f"#concept-noun{ending} input").fill(noun)
    page.locator("#naming code:text-is('<boxy>')").wait_for()
    drop_photos(page, photos)
    tiles(page).nth(1).wait_for()


def tiles(page: Any) -> Any:
    """Return the tiles of the photo box."""
    return page.locator("#photo-strip .tile")


def changing_mask(page: Any, act: Callable[[], None]) -> None:
    """Do something, and wait until the mask editor has answered."""
    before = page.evaluate(SHOWN)
    act()
    page.wait_for_function(f"before => ({SHOWN})() !== before", arg=before)


def say_what_it_is(page: Any, number: int) -> None:
    """Select a photo, and click on the subject of the same number in its middle."""
    changing_mask(page, tiles(page).nth(number).click)
    page.locator("[data-tool=click]").click()
    page.locator(".mask-frame .round-button").nth(number).click()
    changing_mask(page, page.locator(".mask-stage canvas").click)
    close_photo(page)


@pytest.mark.slow
def test_two_things_photographed_alone_are_learned_in_scenes(
    stage: Stage, page: Any, apart: list[Path]
) -> None:
    choose_two(page, apart)
    for number in range(2):
        say_what_it_is(page, number)
    page.get_by_role("button", name="Compose scenes of these").click()
    tiles(page).nth(4).wait_for()
    assert "roundy in 5, boxy in 5" in page.locator("#photo-strip").inner_text()
    page.wait_for_timeout(SETTLE_MS)
    page.reload()
    tiles(page).nth(4).wait_for()
    page.get_by_role("button", name="Back to the photos").click()
    page.wait_for_function("() => document.querySelectorAll('#photo-strip .tile').length === 2")
    assert "roundy in 1, boxy in 1" in page.locator("#photo-strip").inner_text()
    page.get_by_role("button", name="Compose scenes of these").click()
    tiles(page).nth(4).wait_for()
    page.locator("#train").click()
    training_card(page, "roundy", "done")
    job = next(job for job in stage.workspace.jobs.newest(9, ("train",)) if "<roundy>" in job.title)
    kept = PhotoSet.load(stage.workspace.jobs.folder(job.id) / "photos")
    for square, *masks in zip(kept.squares, kept.masks["<roundy>"], kept.masks["<boxy>"], strict=True):
        for mask, colour in zip(masks, (BALL, CUBE), strict=True):
            inside = np.asarray(square, int)[np.asarray(mask) > 127]
            assert np.abs(np.median(inside, axis=0) - colour).max() < 20


def test_a_photo_that_does_not_say_what_it_shows_is_named(page: Any, apart: list[Path]) -> None:
    choose_two(page, apart)
    say_what_it_is(page, 0)
    page.get_by_role("button", name="Compose scenes of these").click()
    error = page.locator("#train-notice .error")
    error.wait_for()
    assert "cube.png does not say what it shows." in error.inner_text()
    assert "Select it, choose what it shows and click on it" in error.inner_text()
    assert tiles(page).count() == 2
