"""A phone: targets as large as a finger, Train and Paint at hand, and what was asked for comes into view."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import drop_photos, open_photo, open_tab, train, training_card
from tests.browser.conftest import Stage
from tests.browser.test_axe import unfold
from tests.browser.test_job_cards import put_everything_away
from tests.browser.test_library import add_concept
from tests.browser.test_page_news import MAX_SHIFT, WATCH_SHIFTS, paint

PHONE = {"width": 390, "height": 844}
pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("page", [PHONE], indirect=True, ids=["phone"]),
]
LEAST = 43.5  # pixels: 44, but for what a browser rounds
# What a finger has to hit, less than 44 pixels wide or high; the label of a control counts as the control.
SMALL = """least => {
  const parts = [...document.querySelectorAll('button, a[href], input, select, textarea, summary')];
  const shown = parts.filter(part => part.checkVisibility({visibilityProperty: true}) && !part.disabled
    && !part.matches('.skip-link') && part.getBoundingClientRect().width > 1);
  return shown.flatMap(part => {
    const boxes = [part, part.closest('label') || part].map(one => one.getBoundingClientRect());
    const [wide, high] = ['width', 'height'].map(side => Math.max(...boxes.map(box => box[side])));
    const words = part.getAttribute('aria-label') || part.innerText;
    return wide >= least && high >= least ? []
      : [`${part.tagName} ${part.closest('[id]')?.id} ${words} ${Math.round(wide)} x ${Math.round(high)}`];
  });
}"""
AT_HAND = """selector => {
  const box = document.querySelector(selector).getBoundingClientRect();
  const top = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
  return box.bottom <= innerHeight && box.bottom > innerHeight - 40 && Boolean(top.closest(selector));
}"""
COVERED = """async selector => {
  const found = [], text = one => `${one.tagName} ${one.closest('[id]')?.id} ${one.innerText}`;
  for (let top = 0; top < document.documentElement.scrollHeight - innerHeight; top += 30) {
    scrollTo(0, top);
    const box = document.querySelector(selector).getBoundingClientRect();
    for (const share of [0.1, 0.3, 0.5, 0.9]) {
      const there = document.elementFromPoint(box.left + share * box.width, box.top + box.height / 2);
      if (!there.closest(selector)) found.push(text(there));
    }
  }
  return found;
}"""
IN_VIEW = """selector => {
  const box = document.querySelector(selector)?.getBoundingClientRect();
  return Boolean(box) && box.top >= -1 && box.top < innerHeight * 0.7;
}"""


def test_every_target_is_as_large_as_a_finger(stage: Stage, page: Any, photos: list[Path]) -> None:
    add_concept(stage, "<thumb>")
    drop_photos(page, photos)
    page.locator("#photo-strip .tile >> nth=2").wait_for()
    row = page.locator("#tabs > .tab-wrapper > [role=tablist]").bounding_box()
    assert row["height"] >= LEAST, "the row of tabs cuts them off"
    small: list[str] = []
    for tab in ("Train", "Create", "Compare", "Library", "Queue"):
        open_tab(page, tab)
        unfold(page, tab.lower())
        if tab == "Library":
            page.locator(".concept", has_text="<thumb>").click()
            page.locator("#concept-detail .concept-card").wait_for()
        page.wait_for_timeout(300)
        small += [f"{tab}: {one}" for one in page.evaluate(SMALL, LEAST)]
    open_tab(page, "Train")
    open_photo(page, 0)
    small += [f"photo: {one}" for one in page.evaluate(SMALL, LEAST)]
    assert not small, "\n".join(small)


@pytest.mark.slow
def test_train_and_paint_are_at_hand_and_what_comes_is_shown(stage: Stage, page: Any) -> None:
    put_everything_away(stage)
    add_concept(stage, "<thumb>")
    assert page.evaluate(AT_HAND, "#train")
    page.locator("#train").click()
    page.wait_for_function(IN_VIEW, arg="#train-notice .error")
    assert page.evaluate(AT_HAND, "#train")
    open_tab(page, "Create")
    page.evaluate("scrollTo(0, 0)")
    assert page.evaluate(AT_HAND, "#paint")
    assert page.evaluate(COVERED, "#paint") == []
    page.evaluate("scrollTo(0, 0)")
    paint(page, "a fox under a thumb")
    page.wait_for_function(IN_VIEW, arg="#painting .painting")
    assert page.evaluate(AT_HAND, "#paint")
    open_tab(page, "Library")
    page.locator(".concept", has_text="<thumb>").click()
    page.wait_for_function(IN_VIEW, arg="#concept-detail .concept-card")
    open_tab(page, "Create")
    page.locator("#base-limits-create [data-action='bases']").click()
    page.wait_for_function(IN_VIEW, arg="#base-picker .base-picker")


@pytest.mark.slow
def test_nothing_moves_on_a_phone_while_a_job_runs(stage: Stage, page: Any, photos: list[Path]) -> None:
    put_everything_away(stage)
    page.wait_for_timeout(1500)
    train(page, photos, "afoot", "tortoise")
    training_card(page, "afoot", "running")
    page.wait_for_timeout(1500)
    page.evaluate(WATCH_SHIFTS)
    training_card(page, "afoot", "done")
    page.wait_for_timeout(1500)
    assert page.evaluate("window.shift") < MAX_SHIFT
    pictures = page.locator("#train-progress .photo-and-picture img").all()
    wide = [picture.bounding_box()["width"] for picture in pictures]
    assert len(wide) == 2 and wide[0] == wide[1] > PHONE["width"] / 3
