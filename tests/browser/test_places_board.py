"""The boxes of concepts in a real browser: drawn, moved, by keyboard, painted with and kept."""

from __future__ import annotations

from typing import Any

import pytest

from studio.recipes.png import read_recipe
from studio.recipes.recipe import read_regions
from tests.browser.actions import open_part, open_tab
from tests.browser.conftest import Stage
from tests.browser.test_create import paint
from tests.browser.test_drafts import KEPT_MS, value, wait_for_value
from tests.browser.test_library import add_concept

pytestmark = pytest.mark.browser


@pytest.fixture
def board(stage: Stage, page: Any) -> Any:
    """Open the board for a prompt of two concepts."""
    for handle in ("<mona>", "<lisa>"):
        add_concept(stage, handle)
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("<mona> in a box beside <lisa>")
    page.locator("#sampling-line", has_text="no boxes").wait_for()
    open_part(page, "places")
    page.locator("#places-board .round-button", has_text="<lisa>").wait_for()
    return page.locator("#places-board")


def drag(page: Any, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag with the mouse over the board, in shares of its sides."""
    page.locator(".places-stage").scroll_into_view_if_needed()
    box = page.locator(".places-stage").bounding_box()
    (x, y), (to_x, to_y) = (
        (box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in (begin, end)
    )
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move((x + to_x) / 2, (y + to_y) / 2)
    page.mouse.move(to_x, to_y)
    page.mouse.up()


def wait_for_boxes(page: Any, **boxes: tuple[float, float, float, float]) -> None:
    """Wait until the text holds these boxes, to two hundredths."""
    want = {f"<{name}>": box for name, box in boxes.items()}
    for _ in range(50):
        found = read_regions(value(page, "regions"))
        if set(found) == set(want) and all(
            found[name] == pytest.approx(want[name], abs=0.021) for name in want
        ):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{value(page, 'regions')!r} is not {want}")


@pytest.mark.slow
def test_boxes_are_drawn_moved_and_resized_and_are_the_recipes_regions(
    stage: Stage, page: Any, board: Any
) -> None:
    drag(page, (0.1, 0.2), (0.5, 0.9))
    wait_for_boxes(page, mona=(0.1, 0.2, 0.5, 0.9))
    drag(page, (0.6, 0.1), (0.9, 0.6))  # the next concept's turn
    wait_for_boxes(page, mona=(0.1, 0.2, 0.5, 0.9), lisa=(0.6, 0.1, 0.9, 0.6))
    drag(page, (0.3, 0.5), (0.2, 0.4))
    wait_for_boxes(page, mona=(0, 0.1, 0.4, 0.8), lisa=(0.6, 0.1, 0.9, 0.6))
    drag(page, (0.875, 0.575), (0.975, 0.775))
    wait_for_boxes(page, mona=(0, 0.1, 0.4, 0.8), lisa=(0.6, 0.1, 1, 0.8))
    drag(page, (0.3, 0.3), (2.0, 0.3))  # no box leaves the picture
    wait_for_boxes(page, mona=(0.6, 0.1, 1, 0.8), lisa=(0.6, 0.1, 1, 0.8))
    names = board.locator(".places-name").all_inner_texts()
    assert sorted(names) == ["<lisa>", "<mona>"]
    page.locator("#sampling-line", has_text="2 boxes").wait_for()
    painted = paint(page, "<mona> in a box beside <lisa>", 2)
    recipe = read_recipe(stage.workspace.gallery.find(painted[0]))
    assert set(recipe.regions) == {"<mona>", "<lisa>"} and recipe.mode == "regions"
    board.get_by_role("button", name="Remove all").click()
    wait_for_boxes(page)
    page.locator("#painting .tile").first.click()
    page.locator("#picture-detail").get_by_role("button", name="Use this recipe").click()
    board.locator(".places-box").nth(1).wait_for()
    page.wait_for_timeout(KEPT_MS)
    before = value(page, "regions")
    page.reload()
    wait_for_value(page, "regions", before)
    open_part(page, "places")
    board.locator(".places-box").nth(1).wait_for()
    board.get_by_role("button", name="Remove all").click()
    wait_for_boxes(page)


def test_a_box_is_made_with_the_keyboard_alone(page: Any, board: Any) -> None:
    page.locator("#composing").get_by_label("Everything acts everywhere").check()
    board.locator(".round-button", has_text="<lisa>").press("Enter")
    board.get_by_role("button", name="Add a box for <lisa>").press("Enter")
    wait_for_boxes(page, lisa=(0.5, 0, 1, 1))
    assert page.locator("#composing input[value=regions]").is_checked()  # else the box would do nothing
    box = board.locator(".places-box")
    assert box.evaluate("box => box === document.activeElement")
    assert box.get_attribute("aria-label") == "Box of <lisa>: left 50 %, top 0 %, right 100 %, bottom 100 %"
    for key in ("Shift+ArrowUp", "Shift+ArrowUp", "ArrowLeft", "ArrowLeft", "ArrowDown"):
        page.keyboard.press(key)
    wait_for_boxes(page, lisa=(0.46, 0.02, 0.96, 0.98))
    page.locator("#places-board [role=status]", has_text="Box of <lisa>: left 46 %").wait_for(
        state="attached"
    )
    page.keyboard.press("Delete")
    wait_for_boxes(page)
    assert page.evaluate("() => document.activeElement.textContent") == "Add a box for <lisa>"


def test_typed_boxes_are_shown_and_those_of_no_concept_are_not(page: Any, board: Any) -> None:
    page.locator("#regions :is(input, textarea)").fill("mona=0.25,0,0.75,0.5 nobody=0,0,1,1")
    box = board.locator(".places-box")
    box.wait_for()
    assert box.count() == 1 and box.evaluate("one => [one.style.left, one.style.width]") == ["25%", "50%"]
    page.locator("#regions :is(input, textarea)").fill("mona=nothing")
    box.wait_for(state="detached")
    assert not page.locator(".card.error").count()
    assert board.locator(".places-stage").evaluate("stage => getComputedStyle(stage).touchAction") == "none"
