"""The mask editor in a real browser: the mask on the screen is the mask that trains."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from studio.photos.photo_set import PhotoSet
from studio.ui.train.mask_overlay import COLOURS
from tests.browser.actions import close_photo, drop_photos, open_photo, training_card
from tests.browser.conftest import Stage
from tests.photos.test_click_masks import ringed

pytestmark = pytest.mark.browser
STATE_CHANGED = "before => document.querySelector('.mask-frame').dataset.shown !== before"
Point = tuple[float, float]


def picture(width: int, height: int) -> Image.Image:
    """Draw an orange ball to the left of a blue one on grey."""
    picture = Image.new("RGB", (width, height), (190, 190, 186))
    draw, side = ImageDraw.Draw(picture), min(width, height)
    for x, colour in ((0.3, (230, 120, 40)), (0.72, (40, 70, 190))):
        middle = (width - side) / 2 + x * side, height / 2
        box = [at + sign * 0.17 * side for sign in (-1, 1) for at in middle]
        draw.ellipse(box, fill=colour)
    return picture


def open_editor(page: Any, path: Path) -> None:
    """Drop a photo and select it."""
    drop_photos(page, [path])
    open_photo(page, 0)
    page.locator("[data-tool=click]").click()


def on_page(page: Any, x: float, y: float) -> Point:
    """Return where on the page a point of the square is, given in shares."""
    box = page.locator(".mask-stage canvas").bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def paint(page: Any, tool: str, *points: Point) -> None:
    """Draw a line with brush or eraser, as a mouse does."""
    page.locator(f"[data-tool={tool}]").click()
    page.locator(".mask-stage canvas").scroll_into_view_if_needed()
    page.mouse.move(*on_page(page, *points[0]))
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*on_page(page, *point), steps=4)
    page.mouse.up()


def click(page: Any, x: float, y: float) -> None:
    """Click on a subject and wait for its mask."""
    page.locator("[data-tool=click]").click()
    before = page.locator(".mask-frame").get_attribute("data-shown")
    page.mouse.click(*on_page(page, x, y))
    page.wait_for_function(STATE_CHANGED, arg=before)


def shown_masks(page: Any) -> np.ndarray:
    """Return (side, side) int: 0 where the canvas shows no mask, else the number of the subject, from 1."""
    url = page.locator(".mask-stage canvas").evaluate("canvas => canvas.toDataURL()")
    rgba = np.asarray(Image.open(io.BytesIO(base64.b64decode(url.split(",")[1]))).convert("RGBA"), int)
    known = np.array([[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in COLOURS])
    nearest = np.abs(rgba[:, :, None, :3] - known).sum(axis=3).argmin(axis=2)
    return np.where(rgba[..., 3] > 0, nearest + 1, 0)


def start(page: Any, name: str, noun: str = "ball") -> None:
    """Close the editor, name the first subject and press Train."""
    close_photo(page)
    page.locator("#concept-name input").fill(name)
    page.locator("#concept-noun input").fill(noun)
    page.locator(f"#naming code:text-is('<{name}>')").wait_for()
    page.locator("#train").click()


def training_photos(stage: Stage, name: str) -> PhotoSet:
    """Return the photos and masks of the newest training of that name, once it is queued."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        for job in stage.workspace.jobs.newest():
            if job.kind == "train" and job.task["handle"] == f"<{name}>":
                return PhotoSet.load(stage.workspace.jobs.folder(job.id) / "photos")
        time.sleep(0.1)
    raise AssertionError(f"<{name}> was not queued")


def is_kept(photos: PhotoSet, handle: str, shown: np.ndarray) -> bool:
    """Return whether the mask in the job's folder equals what was shown: 0 or 255, of the square's size."""
    mask = np.asarray(photos.masks[handle][0])
    return photos.squares[0].size == shown.shape and np.array_equal(mask, np.where(shown, 255, 0))


@pytest.mark.parametrize(
    ("size", "side"), [((64, 64), 64), ((500, 420), 420), ((1600, 1200), 1024)], ids=["64", "500", "1600"]
)
def test_the_mask_on_the_screen_is_the_mask_that_trains(
    stage: Stage, page: Any, tmp_path: Path, size: tuple[int, int], side: int
) -> None:
    picture(*size).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    paint(page, "brush", (0.2, 0.3), (0.5, 0.4), (0.3, 0.8))
    shown = shown_masks(page)
    assert shown.shape == (side, side) and 0.05 < (shown > 0).mean() < 0.6
    assert shown[int(0.3 * side), int(0.2 * side)] and not shown[int(0.9 * side), int(0.9 * side)]
    start(page, f"painted-{side}")
    assert is_kept(training_photos(stage, f"painted-{side}"), f"<painted-{side}>", shown)
    training_card(page, f"painted-{side}", "done")


@pytest.mark.slow
def test_the_mask_of_a_sideways_phone_photo_is_where_it_was_painted(
    stage: Stage, page: Any, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    sideways = picture(360, 500).transpose(Image.Transpose.ROTATE_90)
    sideways.save(tmp_path / "phone.jpg", quality=95, exif=exif)
    open_editor(page, tmp_path / "phone.jpg")
    click(page, 0.3, 0.5)
    paint(page, "brush", (0.3, 0.1), (0.4, 0.1))
    shown = shown_masks(page)
    assert shown.shape == (360, 360)
    start(page, "phone")
    photos = training_photos(stage, "phone")
    assert is_kept(photos, "<phone>", shown)
    colours = np.asarray(photos.squares[0])[150:210, 90:126][shown[150:210, 90:126] > 0]
    assert len(colours) > 2000 and colours.mean(axis=0).argmax() == 0  # the orange ball
    training_card(page, "phone", "done")


def test_a_click_finds_the_subject_and_the_tile_shows_it(page: Any, tmp_path: Path) -> None:
    picture(400, 400).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    tile = page.locator("#photo-strip .tile img")
    plain = tile.get_attribute("src")
    click(page, 0.72, 0.5)
    y, x = np.mgrid[:400, :400]
    ball = np.hypot(x - 288, y - 200) <= 68
    shown = shown_masks(page) > 0
    assert (shown & ball).sum() / (shown | ball).sum() > 0.85
    click(page, 0.05, 0.05)
    page.locator(".mask-frame.has-error", has_text="Nothing stands out there.").wait_for()
    assert np.array_equal(shown_masks(page) > 0, shown)
    close_photo(page)
    page.wait_for_function("src => document.querySelector('#photo-strip .tile img').src !== src", arg=plain)


def test_the_eraser_wipes_and_undo_brings_back(stage: Stage, page: Any, tmp_path: Path) -> None:
    picture(200, 200).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    assert page.locator("[data-do=undo]").is_disabled()
    paint(page, "brush", (0.2, 0.5), (0.8, 0.5))
    painted = shown_masks(page)
    paint(page, "eraser", (0.5, 0.3), (0.5, 0.7))
    erased = shown_masks(page)
    assert painted[100, 100] and not erased[100, 100] and erased[100, 40]
    page.locator("[data-do=undo]").click()
    assert np.array_equal(shown_masks(page), painted)
    page.locator("[data-do=clear]").click()
    assert not shown_masks(page).any()
    page.locator("[data-do=undo]").click()
    paint(page, "eraser", (0.1, 0.5), (0.3, 0.5))
    last = shown_masks(page)
    assert not np.array_equal(last, painted)
    start(page, "wiped")
    assert is_kept(training_photos(stage, "wiped"), "<wiped>", last)
    training_card(page, "wiped", "done")


def test_a_mask_is_kept_when_the_square_moves_and_when_another_photo_is_opened(
    page: Any, photos: list[Path]
) -> None:
    drop_photos(page, photos)
    tiles = page.locator("#photo-strip .tile")
    tiles.nth(2).wait_for()
    open_photo(page, 0)
    paint(page, "brush", (0.3, 0.3), (0.5, 0.5))
    painted, before = shown_masks(page), page.locator(".mask-frame").get_attribute("data-shown")
    page.get_by_role("button", name="Next photo").click()
    page.wait_for_function(STATE_CHANGED, arg=before)
    assert not shown_masks(page).any()
    before = page.locator(".mask-frame").get_attribute("data-shown")
    page.get_by_role("button", name="Previous photo").click()
    page.wait_for_function(STATE_CHANGED, arg=before)
    assert np.array_equal(shown_masks(page), painted)
    before = page.locator(".mask-frame").get_attribute("data-shown")
    page.locator("[data-tool=crop]").click()
    page.locator(".mask-stage canvas").focus()
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    page.wait_for_function(STATE_CHANGED, arg=before)
    moved = shown_masks(page)  # the photo is 220 x 160: the square went left by 30
    assert np.array_equal(moved[:, 30:], painted[:, :-30])


def test_two_subjects_are_masked_and_train_together(stage: Stage, page: Any, tmp_path: Path) -> None:
    picture(320, 320).save(tmp_path / "photo.png")
    assert not page.locator("#more-subjects").is_visible()
    page.get_by_label("Break-A-Scene").check()
    page.locator("#more-subjects").click()
    page.locator("#concept-name-2 input").fill("blueball")
    page.locator("#concept-noun-2 input").fill("planet")
    page.locator("#naming code:text-is('<blueball>')").wait_for()
    assert not page.locator("#more-subjects").is_visible()
    open_editor(page, tmp_path / "photo.png")
    click(page, 0.3, 0.5)
    start(page, "redball")
    page.locator("#train-notice .error", has_text="Paint <blueball> in at least one photo").wait_for()
    open_photo(page, 0)
    page.locator(".mask-frame .round-button", has_text="blueball").click()
    click(page, 0.72, 0.5)
    shown = shown_masks(page)
    assert shown[160, 96] == 1 and shown[160, 230] == 2
    close_photo(page)
    page.locator("#train").click()
    kept = training_photos(stage, "redball")
    assert is_kept(kept, "<redball>", shown == 1) and is_kept(kept, "<blueball>", shown == 2)
    job = next(job for job in stage.workspace.jobs.newest() if job.task.get("handle") == "<redball>")
    assert job.task["beside"] == {"<blueball>": "planet"}
    training_card(page, "redball", "done")


def test_a_subject_that_is_taken_away_takes_its_mask_along(page: Any, tmp_path: Path) -> None:
    picture(200, 200).save(tmp_path / "photo.png")
    page.get_by_label("Break-A-Scene").check()
    page.locator("#more-subjects").click()
    page.locator("#concept-name-2 input").fill("second")
    page.locator("#naming code:text-is('<second>')").wait_for()
    open_editor(page, tmp_path / "photo.png")
    page.locator(".mask-frame .round-button", has_text="second").click()
    paint(page, "brush", (0.5, 0.5), (0.6, 0.5))
    assert (shown_masks(page) == 2).any()
    close_photo(page)
    page.locator("#remove-subject-2").click()
    page.locator("#more-subjects").click()
    page.locator("#concept-name-2 input").wait_for()
    assert page.locator("#concept-name-2 input").input_value() == ""
    open_photo(page, 0)
    page.locator(".mask-frame .round-button >> nth=1").wait_for()
    assert not shown_masks(page).any()


def test_a_mask_file_is_fitted_to_the_square(page: Any, tmp_path: Path) -> None:
    picture(200, 200).save(tmp_path / "photo.png")
    mask = Image.new("L", (50, 50))
    mask.paste(255, (0, 0, 25, 50))
    mask.save(tmp_path / "mask.png")
    (tmp_path / "letter.png").write_text("no mask", encoding="utf-8")
    open_editor(page, tmp_path / "photo.png")
    page.locator(".mask-actions input").set_input_files(str(tmp_path / "letter.png"))
    page.locator(".mask-frame.has-error", has_text="This mask cannot be used: it is not a picture").wait_for()
    before = page.locator(".mask-frame").get_attribute("data-shown")
    page.locator(".mask-actions input").set_input_files(str(tmp_path / "mask.png"))
    page.wait_for_function(STATE_CHANGED, arg=before)
    shown = shown_masks(page)
    assert shown[:, :100].all() and not shown[:, 100:].any()


def touch(session: Any, kind: str, points: Sequence[Point]) -> None:
    """Touch the page, by the browser's own protocol."""
    places = [{"x": x, "y": y} for x, y in points]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


@pytest.mark.parametrize("page", [{"width": 390, "height": 844}], indirect=True)
@pytest.mark.slow
def test_a_finger_paints_on_a_phone_without_scrolling_the_page(
    stage: Stage, page: Any, tmp_path: Path
) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    picture(300, 400).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.locator("[data-tool=brush]").click()
    page.locator(".mask-stage canvas").scroll_into_view_if_needed()
    top = page.evaluate("scrollY")
    touch(session, "touchStart", [on_page(page, 0.3, 0.8)])
    for y in (0.6, 0.4, 0.2):
        touch(session, "touchMove", [on_page(page, 0.3, y)])
    touch(session, "touchEnd", [])
    assert page.evaluate("scrollY") == top
    shown = shown_masks(page)
    assert shown[75:225, 90].all() and not shown[:, 200:].any()
    start(page, "finger")
    assert is_kept(training_photos(stage, "finger"), "<finger>", shown)
    training_card(page, "finger", "done")


@pytest.mark.parametrize("page", [{"width": 390, "height": 844}], indirect=True)
@pytest.mark.slow
def test_a_finger_draws_a_box_without_scrolling_the_page(page: Any, tmp_path: Path) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    picture(300, 400).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    page.wait_for_timeout(1000)  # until the page has come to rest at the editor
    top, before = page.evaluate("scrollY"), page.locator(".mask-frame").get_attribute("data-shown")
    # all places first: a finger that rests for half a second is a long press
    first, *others = [on_page(page, 0.22 + step, step) for step in (0.3, 0.4, 0.5, 0.6, 0.7)]
    touch(session, "touchStart", [first])
    for place in others:
        touch(session, "touchMove", [place])
    assert page.locator(".mask-box").is_visible() and page.evaluate("scrollY") == top
    touch(session, "touchEnd", [])
    page.wait_for_function(STATE_CHANGED, arg=before)
    y, x = np.mgrid[:300, :300]
    ball, shown = np.hypot(x - 216, y - 150) <= 51, shown_masks(page) > 0
    assert (shown & ball).sum() / (shown | ball).sum() > 0.85
    before = page.locator(".mask-frame").get_attribute("data-shown")
    page.wait_for_timeout(1000)  # else it is half of a double tap
    touch(session, "touchStart", [on_page(page, 0.3, 0.5)])
    touch(session, "touchEnd", [])
    page.wait_for_function(STATE_CHANGED, arg=before)  # a tap is a click
    assert shown_masks(page)[150, 90]


@pytest.mark.slow
def test_smaller_and_larger_step_through_what_the_last_click_may_have_meant(
    page: Any, tmp_path: Path
) -> None:
    ringed().resize((400, 400)).save(tmp_path / "photo.png")
    open_editor(page, tmp_path / "photo.png")
    smaller, larger = (page.locator(f".photo-editor [data-do={name}]") for name in ("smaller", "larger"))
    assert smaller.is_disabled() and larger.is_disabled()
    click(page, 0.5, 0.5)
    masks = [shown_masks(page) > 0]
    for button, turn in ((larger, 1), (smaller, -1)):
        for _ in range(6):
            if button.is_disabled():
                break
            before = page.locator(".mask-frame").get_attribute("data-shown")
            button.click()
            page.wait_for_function(STATE_CHANGED, arg=before)
            masks.append(shown_masks(page) > 0)
        assert button.is_disabled()
        areas = [turn * int(mask.sum()) for mask in masks]
        assert areas == sorted(areas)
        masks = masks[-1:]
    disc = np.hypot(*(np.mgrid[:400, :400] - 200)) <= 55
    assert (masks[0] & disc).sum() / (masks[0] | disc).sum() > 0.85
    page.locator("[data-do=undo]").click()
    assert (shown_masks(page) > 0).sum() > masks[0].sum()
    assert smaller.is_disabled() and larger.is_disabled()
