"""The photos of a training in a real browser: removed, moved, dragged, and edited in a dialogue."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw

from tests.browser.actions import close_photo, drop_photos, open_photo
from tests.browser.test_drafts import KEPT_MS

pytestmark = pytest.mark.browser
NAMES = "() => [...document.querySelectorAll('#photo-strip .tile img')].map(one => one.alt.split('.')[0])"
OUTSIDE = """() => {  // parts of the editor that are cut off, by their words
  const editor = document.querySelector('dialog.photo-editor'), frame = editor.getBoundingClientRect();
  return [...editor.querySelectorAll('button, label, input, textarea')].filter(each => {
    const box = each.getBoundingClientRect();
    const row = (each.closest('.segments') ?? editor).getBoundingClientRect();
    return box.width && (box.left < row.left - 1 || box.right > row.right + 1 || row.right > frame.right);
  }).map(each => each.innerText || each.tagName);
}"""
FOCUSED = "() => document.activeElement.dataset.id"


def wait_for_names(page: Any, *names: str) -> None:
    """Wait until the photos have this order."""
    page.wait_for_function(f"names => ({NAMES})().join() === names.join()", arg=list(names))


@pytest.fixture
def three(page: Any, photos: list[Path]) -> Any:
    drop_photos(page, photos)
    wait_for_names(page, "photo-0", "photo-1", "photo-2")
    return page


def test_each_photo_has_a_cross_and_undo_puts_it_back(three: Any) -> None:
    tile = three.locator("#photo-strip .photo-tile").nth(1)
    tile.hover()
    tile.get_by_role("button", name="Remove photo-1.jpg").click()
    wait_for_names(three, "photo-0", "photo-2")
    three.locator("#photo-strip").get_by_role("button", name="Undo").click()
    wait_for_names(three, "photo-0", "photo-1", "photo-2")
    three.locator("#photo-strip").get_by_role("button", name="Clear").click()
    three.locator("#photo-strip .note", has_text="All photos are removed.").wait_for()
    three.locator("#photo-strip").get_by_role("button", name="Undo").click()
    wait_for_names(three, "photo-0", "photo-1", "photo-2")


def test_a_demo_subject_takes_their_place_until_undo_also_after_a_reload(three: Any) -> None:
    three.locator("#concept-name input").fill("my lily")
    three.locator("#concept-noun input").fill("orchid")
    three.locator("#demo-subjects .demo").first.click()
    note = three.locator("#photo-strip .note", has_text="Your photos made room for these.")
    note.wait_for()
    tile = three.locator("#photo-strip .photo-tile").first
    tile.hover()
    tile.locator(".tile-remove").click()
    three.locator("#photo-strip .note", has_text="is removed.").wait_for()
    three.wait_for_timeout(KEPT_MS)
    three.reload()
    note.wait_for()
    note.get_by_role("button", name="Undo").click()
    wait_for_names(three, "photo-0", "photo-1", "photo-2")
    for field, words in (("concept-name", "my lily"), ("concept-noun", "orchid")):
        is_back = f"words => document.querySelector('#{field} input').value === words"
        three.wait_for_function(is_back, arg=words)


def test_photos_are_dragged_to_another_place(three: Any) -> None:
    tiles = three.locator("#photo-strip .photo-tile")
    box = tiles.nth(2).bounding_box()
    tiles.nth(0).drag_to(tiles.nth(2), target_position={"x": box["width"] - 6, "y": 20})
    wait_for_names(three, "photo-1", "photo-2", "photo-0")
    tiles.nth(2).drag_to(tiles.nth(1), target_position={"x": 6, "y": 20})
    wait_for_names(three, "photo-1", "photo-0", "photo-2")


def test_photos_are_moved_and_removed_by_keyboard(three: Any) -> None:
    three.locator("#photo-strip .tile").first.focus()
    three.keyboard.press("ArrowRight")
    assert three.evaluate(FOCUSED) == "1"
    three.keyboard.press("Shift+ArrowRight")
    wait_for_names(three, "photo-0", "photo-2", "photo-1")
    three.wait_for_function(f"({FOCUSED})() === '2'")
    three.keyboard.press("Shift+ArrowRight")
    three.keyboard.press("Delete")
    wait_for_names(three, "photo-0", "photo-2")
    three.wait_for_function(f"({FOCUSED})() === '1'")
    three.keyboard.press("Enter")
    three.locator("dialog.photo-editor[open]").wait_for()
    three.keyboard.press("Escape")
    three.wait_for_function(f"({FOCUSED})() === '1'")


def test_the_square_is_dragged_resized_and_moved_by_keys(three: Any) -> None:
    open_photo(three, 0)
    square, facts = three.locator(".mask-stage"), three.locator("[data-part=facts]")
    assert facts.inner_text() == "220 × 160, learned from 160 × 160"
    box = square.bounding_box()
    three.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] - 1)
    three.mouse.down()
    three.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    three.mouse.up()
    assert facts.inner_text() in ("220 × 160, learned from 80 × 80", "220 × 160, learned from 81 × 81")
    small = square.bounding_box()
    assert abs(small["x"] - box["x"]) < 3 and abs(small["y"] - box["y"]) < 3
    three.mouse.move(small["x"] + 20, small["y"] + 20)
    three.mouse.down()
    three.mouse.move(small["x"] - 400, small["y"] + 20, steps=4)
    three.mouse.up()
    left = "() => parseFloat(document.querySelector('.mask-stage').style.left)"
    assert three.evaluate(left) == 0
    three.locator(".mask-stage canvas").press("Shift+ArrowRight")
    assert three.evaluate(left) > 2
    three.locator(".mask-stage canvas").press("-")
    assert float(facts.inner_text().split()[-1]) > 82
    before = facts.inner_text()
    with three.expect_response(lambda answer: '"crop"' in (answer.request.post_data or "")):
        close_photo(three)
    open_photo(three, 0)
    assert facts.inner_text() == before


def test_photos_are_moved_from_within_the_editor(three: Any) -> None:
    open_photo(three, 0)
    assert three.get_by_role("button", name="Move earlier").is_disabled()
    three.get_by_role("button", name="Move later").click()
    three.locator("[data-part=place]", has_text="2 of 3").wait_for()
    close_photo(three)
    wait_for_names(three, "photo-1", "photo-0", "photo-2")


@pytest.mark.slow
def test_forty_files_come_with_a_count_and_one_sentence(page: Any, tmp_path: Path) -> None:
    paths = []
    for number in range(40):
        picture = Image.new("RGB", (40, 40), (6 * number, 250 - 6 * number, 90))
        ImageDraw.Draw(picture).ellipse(
            (number % 14, 5, number % 14 + 20, 30), fill=(250 - 6 * number, 9, 40)
        )
        paths.append(tmp_path / f"{number:02d}.png")
        picture.save(paths[-1])
    paths[4].write_text("no picture")
    paths[9].write_text("no picture")
    page.evaluate(
        "() => { window.told = []; const zone = document.querySelector('#photo-drop .drop');"
        " new MutationObserver(() => window.told.push(zone.innerText))"
        ".observe(zone, {childList: true, subtree: true, characterData: true}); }"
    )
    drop_photos(page, paths)
    page.locator("#photo-strip .tile >> nth=29").wait_for()
    card = page.locator("#photo-refusals")
    title = card.locator("strong").inner_text()
    assert title.startswith("10 of 40 were not taken: 2 are no pictures, ") and "beyond the number" in title
    assert card.locator("strong").count() == 1 and not card.locator("li").first.is_visible()
    told = "\n".join(page.evaluate("window.told"))
    assert "Uploading 40 files" in told and "20 of 40 are here" in told and "Opening 40 files" in told
    page.locator("#photo-drop .drop:not(.busy)", has_text="Drop photos here").wait_for()
    card.locator("summary").click()
    assert "it is not a picture in a format" in card.locator("li").first.inner_text()


def hold_first_upload(page: Any) -> list[Any]:
    """Hold back the first upload; returns the list in which it is then."""
    held: list[Any] = []
    page.route("**/upload*", lambda route: route.continue_() if held else held.append(route))
    return held


def test_files_that_come_while_others_are_uploaded_are_taken_after_them(
    page: Any, photos: list[Path]
) -> None:
    held = hold_first_upload(page)
    drop_photos(page, photos[:1])
    zone = page.locator("#photo-drop .drop.busy")
    zone.get_by_text("Uploading 1 file").wait_for()
    drop_photos(page, photos[1:])
    zone.get_by_text("0 of 1 are here · 2 more files wait").wait_for()
    held[0].continue_()
    wait_for_names(page, "photo-0", "photo-1", "photo-2")
    page.locator("#photo-drop .drop:not(.busy)", has_text="Drop photos here").wait_for()


def test_the_zone_rests_when_what_came_of_the_files_changes_nothing(three: Any, photos: list[Path]) -> None:
    resting = three.locator("#photo-drop .drop:not(.busy)", has_text="Drop photos here")
    for _ in range(2):  # the second time the page says the same
        resting.wait_for(timeout=20_000)
        with three.expect_response(lambda answer: "run/predict" in answer.url):
            drop_photos(three, photos[:1])
        three.locator("#photo-refusals", has_text="it shows the same as").wait_for()
    resting.wait_for(timeout=20_000)


def test_all_of_the_editor_is_inside_it_at_every_width(three: Any) -> None:
    open_photo(three, 0)
    for width in (1440, 1000, 820, 761, 390):
        three.set_viewport_size({"width": width, "height": 844})
        assert three.evaluate(OUTSIDE) == [], width
