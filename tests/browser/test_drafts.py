"""A reload loses nothing of what was filled in, and starting afresh can be undone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import close_photo, drop_photos, open_part, open_photo, open_tab, unfold
from tests.browser.conftest import SIZE, Stage
from tests.browser.test_library import add_concept

pytestmark = pytest.mark.browser
KEPT_MS = 2500  # the page sends after half a second, and the draft is written a second later
SLOW_MS = 1500
SLOW_ANSWERS = f"""
  const send = window.fetch;
  window.fetch = async (...request) => {{
    const isCall = String(request[0]?.url || request[0]).includes('/run/');
    if (isCall) await new Promise(go => setTimeout(go, {SLOW_MS}));
    return send(...request);
  }};
"""


def value(page: Any, elem_id: str) -> str:
    return page.locator(f"#{elem_id} :is(input, textarea)").first.input_value()


def wait_for_value(page: Any, elem_id: str, text: str) -> None:
    script = "([id, text]) => document.querySelector(`#${id} :is(input, textarea)`)?.value === text"
    page.wait_for_function(script, arg=[elem_id, text])


def test_train_comes_back_as_it_was_and_can_be_emptied(page: Any, photos: list[Path]) -> None:
    drop_photos(page, photos)
    page.locator("#photo-strip .tile >> nth=2").wait_for()
    open_photo(page, 2)
    page.locator("#photo-caption textarea").fill("a tortoise asleep")
    for _ in range(3):
        page.locator(".mask-stage canvas").press("Shift+ArrowLeft")
    page.locator("[data-tool=brush]").click()
    page.locator(".mask-stage canvas").click()
    page.locator("[data-do=undo]:not([disabled])").wait_for()
    close_photo(page)
    page.locator("#photo-strip .tile-caption").wait_for()
    page.get_by_label("Several things in one photo").click()
    page.locator("#method-summary", has_text="Takes a photo apart").wait_for()
    page.locator("#more-subjects").click()
    page.locator("#concept-name-2 input").fill("throne")
    page.locator("#concept-name input").fill("lily")
    page.locator("#concept-noun input").fill("cat")
    unfold(page, "#train-settings")
    page.locator("#setting-break-a-scene-rank input").first.fill("11")
    page.locator("#setting-break-a-scene-rank input").first.press("Tab")
    page.wait_for_timeout(KEPT_MS)
    before = [tile.get_attribute("src") for tile in page.locator("#photo-strip img").all()]
    page.reload()
    page.locator("#photo-strip .tile >> nth=2").wait_for()
    wait_for_value(page, "concept-name", "lily")
    wait_for_value(page, "concept-name-2", "throne")
    page.locator("#method-summary", has_text="Takes a photo apart").wait_for()
    page.wait_for_function(
        "urls => [...document.querySelectorAll('#photo-strip img')].every((it, at) => it.src === urls[at])",
        arg=before,
    )
    open_photo(page, 2)
    wait_for_value(page, "photo-caption", "a tortoise asleep")
    close_photo(page)
    unfold(page, "#train-settings")
    assert value(page, "setting-break-a-scene-rank") == "11"
    page.locator("#train-afresh").get_by_role("button", name="Start afresh").click()
    wait_for_value(page, "concept-name", "")
    page.locator("#photo-strip .tile").first.wait_for(state="detached")
    assert value(page, "setting-break-a-scene-rank") == "8"
    page.locator("#train-afresh").get_by_role("button", name="Undo").click()
    page.locator("#photo-strip .tile >> nth=2").wait_for()
    wait_for_value(page, "concept-name", "lily")


@pytest.mark.slow
def test_create_and_the_open_tab_come_back_and_only_in_this_browser(
    stage: Stage, page: Any, browser: Any
) -> None:
    add_concept(stage, "<kept-fox>")
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill("<kept-fox> on the moon")
    slider = page.locator("#knob-slider-0 input[type=number]")
    slider.fill("0.6")
    slider.press("Tab")
    unfold(page, "#create-more")
    page.locator("#negative textarea").fill("rain")
    open_part(page, "sampling")
    page.locator("#steps input[type=number]").fill("33")
    page.locator("#steps input[type=number]").press("Tab")
    page.wait_for_timeout(KEPT_MS)
    page.reload()
    page.locator("#prompt textarea").wait_for()
    wait_for_value(page, "prompt", "<kept-fox> on the moon")
    page.wait_for_function(
        "() => document.querySelector('#knob-slider-0 input[type=number]')?.value === '0.6'"
    )
    unfold(page, "#create-more")
    wait_for_value(page, "negative", "rain")
    page.locator("#sampling-line", has_text="DDIM 33 steps").wait_for()
    assert page.locator("#steps input[type=number]").input_value() == "33"
    page.locator("#create-afresh").get_by_role("button", name="Start afresh").click()
    wait_for_value(page, "prompt", "")
    page.locator("#create-afresh").get_by_role("button", name="Undo").click()
    wait_for_value(page, "prompt", "<kept-fox> on the moon")
    stranger = browser.new_context().new_page()
    stranger.goto(stage.url)
    stranger.locator("#train").wait_for()
    stranger.wait_for_timeout(KEPT_MS)
    assert "Train" in stranger.locator("[role=tab][aria-selected=true]").first.inner_text()
    open_tab(stranger, "Create")
    assert value(stranger, "prompt") == ""
    stranger.context.close()


@pytest.mark.slow
def test_two_tabs_of_one_browser_are_not_in_each_others_way(page: Any, stage: Stage) -> None:
    second = page.context.new_page()
    second.goto(stage.url)
    second.locator("#train").wait_for()
    page.locator("#concept-name input").fill("first")
    page.wait_for_timeout(KEPT_MS)
    second.locator("#concept-name input").fill("second")
    second.wait_for_timeout(KEPT_MS)
    page.reload()
    wait_for_value(page, "concept-name", "second")
    assert page.locator(".card.error").count() == second.locator(".card.error").count() == 0


@pytest.mark.parametrize("page", [SIZE], indirect=True)  # its script stays in the tab
@pytest.mark.slow
def test_a_tab_chosen_before_the_draft_is_back_stays_open(page: Any) -> None:
    open_tab(page, "Library")
    page.wait_for_timeout(KEPT_MS)
    page.add_init_script(SLOW_ANSWERS)
    page.reload()
    page.locator("#train").wait_for()
    open_tab(page, "Queue")
    page.wait_for_timeout(3 * SLOW_MS)
    assert page.get_by_role("tab", name="Queue").get_attribute("aria-selected") == "true"
