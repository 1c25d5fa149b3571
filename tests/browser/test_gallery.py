"""The gallery in a real browser: the opened picture, the lightbox, stars, search, several at once."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.recipes.png import read_recipe, save_picture
from studio.recipes.recipe import Recipe
from tests.browser.actions import open_tab
from tests.browser.actor import draw_face
from tests.browser.conftest import Stage
from tests.browser.test_job_cards import put_everything_away

pytestmark = pytest.mark.browser


@pytest.fixture(autouse=True)
def no_cards_above(stage: Stage) -> None:
    """Put away the cards that other files' jobs have left above the pictures."""
    put_everything_away(stage)


COUNT = 60  # more than one page
SIZES = [{"width": width, "height": height} for width, height in ((1440, 900), (820, 1180), (390, 844))]
ACTIVE = "() => document.activeElement.getAttribute('aria-label') || document.activeElement.dataset.id"
SHIFT = """() => { window.moved = 0; new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.moved += entry.value;
}).observe({type: 'layout-shift', buffered: false}); }"""


def name_of(number: int) -> str:
    return f"9{number:04d}-01.png"


@pytest.fixture
def shown(stage: Stage, page: Any) -> Iterator[Any]:
    """Fill the gallery with pictures that come before all others, and open it; they go afterwards."""
    for number in range(COUNT):
        place = "lagoon" if number % 10 == 4 else "forest"
        recipe = Recipe(f"face {number} in the {place}", base="stand-in")
        save_picture(draw_face(number), recipe, stage.workspace.pictures / name_of(number))
    open_tab(page, "Create")
    tile(page, COUNT - 1).wait_for()
    yield page
    assert "Traceback" not in page.locator("body").inner_text()
    page.goto("about:blank")  # else it misses the pictures
    stage.workspace.gallery.stars.give(stage.workspace.gallery.stars.names(), starred=False)
    for number in range(COUNT):
        (stage.workspace.pictures / name_of(number)).unlink(missing_ok=True)


def tile(page: Any, number: int) -> Any:
    return page.locator(f'#gallery .tile[data-id="{name_of(number)}"]')


def tiles(page: Any) -> list[str]:
    return page.locator("#gallery .tile").evaluate_all("all => all.map(one => one.dataset.id)")


def opened(page: Any, number: int) -> Any:
    """Open a picture, and return its panel."""
    tile(page, number).click()
    panel = page.locator("#picture-detail .picture", has_text=f"face {number} in")
    panel.wait_for()
    return panel


def focused(page: Any, words: str) -> None:
    """Wait until the focus is on something of this name."""
    page.wait_for_function(f"words => ({ACTIVE})() === words", arg=words)


@pytest.mark.parametrize("page", SIZES, indirect=True)
def test_an_opened_picture_leaves_the_gallery_and_what_was_pressed_in_sight(shown: Any) -> None:
    width, height = (shown.viewport_size[side] for side in ("width", "height"))
    number = COUNT - (20 if width > 720 else 9)
    tile(shown, number).scroll_into_view_if_needed()
    panel = opened(shown, number)
    shown.wait_for_timeout(500)
    box, pressed = panel.bounding_box(), tile(shown, number).bounding_box()
    assert 0 <= box["y"] < height and box["x"] >= 0 and box["x"] + box["width"] <= width + 1
    beside = pressed["x"] + pressed["width"] <= box["x"] or pressed["x"] >= box["x"] + box["width"]
    above = pressed["y"] + pressed["height"] <= box["y"]
    assert beside or above
    assert pressed["y"] >= 0 and pressed["y"] + pressed["height"] <= height
    assert tile(shown, number).get_attribute("aria-pressed") == "true"
    for name in ("Use this recipe", "Star", "Delete", "Close"):
        place = panel.get_by_role("button", name=name, exact=True).bounding_box()
        assert place["y"] >= 0 and place["y"] + place["height"] <= height, name
    over = shown.query_selector("html").evaluate("root => root.scrollWidth - root.clientWidth")
    assert over <= 0
    if width >= 1100:  # it stays while one scrolls on
        shown.mouse.wheel(0, 500)
        shown.wait_for_timeout(300)
        assert 0 <= panel.bounding_box()["y"] < 60


def test_the_lightbox_works_with_the_keyboard_alone(shown: Any) -> None:
    tile(shown, 58).focus()
    shown.keyboard.press("ArrowLeft")
    focused(shown, name_of(59))
    shown.keyboard.press("ArrowRight")
    shown.keyboard.press("Enter")
    shown.locator("#picture-detail", has_text="face 58 in").wait_for()
    focused(shown, "Enlarge")
    shown.keyboard.press("Enter")
    box = shown.get_by_role("dialog", name="Enlarged picture")
    box.wait_for()
    assert box.get_attribute("aria-modal") == "true"
    words = box.locator(".lightbox-words")
    assert (
        words.inner_text() == "face 58 in the forest"
        and box.locator(".lightbox-place").inner_text() == "2 of 48"
    )
    for key, number in (("ArrowRight", 57), ("ArrowRight", 56), ("ArrowLeft", 57), ("Home", 59), ("End", 12)):
        shown.keyboard.press(key)
        assert words.inner_text().startswith(f"face {number} in"), key
    assert name_of(12) in box.locator("img").get_attribute("src")
    shown.keyboard.press("ArrowRight")  # goes on with the next page
    shown.wait_for_function(
        "() => document.querySelector('.lightbox-words').textContent.startsWith('face 11 in')"
    )
    shown.keyboard.press("ArrowLeft")  # and back to the first
    shown.wait_for_function(
        "() => document.querySelector('.lightbox-words').textContent.startsWith('face 12 in')"
    )
    assert tiles(shown)[0] == name_of(59)
    for _ in range(7):
        shown.keyboard.press("Tab")
        assert shown.evaluate("() => !!document.activeElement.closest('dialog.lightbox')")
    shown.keyboard.press("Escape")
    box.wait_for(state="hidden")
    shown.locator("#picture-detail", has_text="face 12 in").wait_for()  # the panel follows
    focused(shown, "Enlarge")
    shown.keyboard.press("Escape")
    shown.locator("#picture-detail .picture").wait_for(state="detached")


@pytest.mark.slow
def test_the_lightbox_zooms_smoothly_and_swipes(shown: Any) -> None:
    opened(shown, 59).get_by_role("button", name="Enlarge").click()
    picture = shown.locator("dialog.lightbox img")
    size = lambda: picture.bounding_box()["width"]  # noqa: E731
    first = size()
    assert picture.evaluate("image => getComputedStyle(image).imageRendering") == "auto"
    shown.keyboard.press("+")
    assert size() == pytest.approx(1.5 * first, rel=0.01)
    shown.keyboard.press("-")
    assert size() == pytest.approx(first, rel=0.01)
    picture.dblclick()
    assert size() == pytest.approx(2.5 * first, rel=0.01)
    picture.dblclick()
    assert size() == pytest.approx(first, rel=0.01)
    shown.mouse.move(700, 400)
    shown.mouse.down()
    shown.mouse.move(500, 410, steps=4)
    shown.mouse.up()
    assert shown.locator(".lightbox-words").inner_text().startswith("face 58 in")
    shown.locator("dialog.lightbox").get_by_role("button", name="Close").click()
    shown.locator("dialog.lightbox").wait_for(state="hidden")


@pytest.mark.slow
def test_a_star_is_given_found_again_and_taken(stage: Stage, shown: Any) -> None:
    panel = opened(shown, 40)
    star = panel.get_by_role("button", name="Star", exact=True)
    star.click()
    shown.locator("#picture-detail [data-action=star][aria-pressed=true]").wait_for()
    tile(shown, 40).locator(".tile-star").wait_for()
    assert stage.workspace.gallery.stars.names() == {name_of(40)}
    shown.locator("[data-action=starred]").click()
    tile(shown, 59).wait_for(state="detached")
    assert tiles(shown) == [name_of(40)]
    shown.reload()
    open_tab(shown, "Create")
    tile(shown, 40).locator(".tile-star").wait_for()
    opened(shown, 40).get_by_role("button", name="Star", exact=True).click()
    tile(shown, 40).locator(".tile-star").wait_for(state="detached")
    assert stage.workspace.gallery.stars.names() == frozenset()


def test_pictures_are_searched_by_their_words(shown: Any) -> None:
    search = shown.locator("#picture-search input, #picture-search textarea").first
    search.press_sequentially("Lagoon fac")
    tile(shown, 59).wait_for(state="detached")
    assert tiles(shown) == [name_of(number) for number in range(54, -1, -10)]
    assert search.evaluate("field => field === document.activeElement")
    search.fill("lagoon 44")
    tile(shown, 54).wait_for(state="detached")
    assert tiles(shown) == [name_of(44)]
    search.fill("walrus")
    shown.locator("#gallery", has_text="No picture found").wait_for()
    shown.get_by_role("button", name="Show all pictures").click()
    tile(shown, 59).wait_for()
    assert search.input_value() == ""


def test_several_are_selected_deleted_and_brought_back_with_one_undo(stage: Stage, shown: Any) -> None:
    before = {path.name: path.read_bytes() for path in stage.workspace.gallery.newest(COUNT)}
    stage.workspace.gallery.stars.give([name_of(55)])
    tile(shown, 53).click()
    shown.locator("#picture-detail .picture").wait_for()  # which is not what Delete means while selecting
    shown.get_by_role("button", name="Select", exact=True).click()
    boxes = shown.get_by_role("checkbox", checked=True).and_(shown.locator(".tile"))
    tile(shown, 57).click()
    tile(shown, 54).click(modifiers=["Shift"])
    assert boxes.count() == 4 and shown.locator(".chosen-count").inner_text() == "4 selected"
    tile(shown, 56).focus()
    shown.keyboard.press("Space")
    assert boxes.count() == 3
    shown.evaluate("() => document.activeElement.blur()")
    shown.keyboard.press("Delete")
    note = shown.locator("#picture-note .note", has_text="3 pictures are in the trash.")
    note.wait_for()
    for number in (57, 55, 54):
        tile(shown, number).wait_for(state="detached")
    assert tile(shown, 56).count() == tile(shown, 53).count() == 1 and not boxes.count()
    note.get_by_role("button", name="Undo").click()
    tile(shown, 57).wait_for()
    after = {path.name: path.read_bytes() for path in stage.workspace.gallery.newest(COUNT)}
    assert after == before and stage.workspace.gallery.stars.names() == {name_of(55)}
    tile(shown, 55).locator(".tile-star").wait_for()


@pytest.mark.slow
def test_all_of_a_page_are_starred_and_downloaded(stage: Stage, shown: Any, tmp_path: Path) -> None:
    shown.get_by_role("button", name="Select", exact=True).click()
    shown.keyboard.press("Control+a")
    shown.locator(".chosen-count", has_text="48 selected").wait_for()
    shown.locator("#gallery .pager").get_by_role("button", name="Show more").click()
    tile(shown, 0).wait_for()
    tile(shown, 0).click()
    shown.locator(".chosen-count", has_text="49 selected").wait_for()
    with shown.expect_download() as waiting:
        shown.locator("#gallery-bar").get_by_role("button", name="Download").click()
    assert waiting.value.suggested_filename == "49 pictures from Likeness.zip"
    waiting.value.save_as(tmp_path / "all.zip")
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert sorted(archive.namelist()) == [name_of(number) for number in (0, *range(12, 60))]
        assert archive.read(name_of(0)) == (stage.workspace.pictures / name_of(0)).read_bytes()
    shown.locator("#gallery-bar").get_by_role("button", name="Star", exact=True).click()
    tile(shown, 0).locator(".tile-star").wait_for()
    assert len(stage.workspace.gallery.stars.names()) == 49
    shown.keyboard.press("Escape")
    assert not shown.get_by_role("checkbox").and_(shown.locator(".tile")).count()


@pytest.mark.slow
def test_more_like_this_paints_the_same_recipe_with_new_seeds(stage: Stage, shown: Any) -> None:
    opened(shown, 33).get_by_role("button", name="More like this").click()
    shown.locator("#painting .painting.done", has_text="face 33 in").locator(".tile").nth(1).wait_for()
    job = stage.workspace.jobs.newest(1, ("create",))[0]
    painted = [read_recipe(stage.workspace.pictures / name) for name in job.outcome["pictures"]]
    assert [one.prompt for one in painted] == ["face 33 in the forest"] * 2
    assert len({one.seed for one in painted} | {0}) == 3
    shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
    shown.locator("#picture-detail").get_by_role("button", name="Copy the prompt").click()
    shown.wait_for_function("async () => await navigator.clipboard.readText() === 'face 33 in the forest'")


def test_hardly_anything_moves_while_pictures_arrive(stage: Stage, shown: Any) -> None:
    shown.locator("#prompt textarea").fill("nothing moves")
    shown.locator("#count input[type=number]").fill("4")
    shown.evaluate(SHIFT)
    shown.locator("#paint").click()
    card = shown.locator("#painting .painting.done", has_text="nothing moves")
    card.locator(".tile").nth(3).wait_for()
    time.sleep(1.2)  # whatever comes with the next look at the workspace
    assert shown.evaluate("() => window.moved") < 0.05
