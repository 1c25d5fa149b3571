"""The title, the counts on the tabs, calls when a job ends, the trash, and that nothing moves meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import drop_photos, open_tab, press_and_confirm, train, training_card
from tests.browser.conftest import Stage
from tests.browser.test_job_cards import put_everything_away
from tests.browser.test_library import add_concept, select

pytestmark = pytest.mark.browser
MAX_SHIFT = 0.05
HIDE = """() => {
  Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true});
  window.away = false;
  window.calls = [];
  window.sounds = 0;
  window.Notification = class {
    static permission = 'default';
    static asked = 0;
    static async requestPermission() { this.asked += 1; this.permission = 'granted'; return 'granted'; }
    constructor(title, options) { window.calls.push(options.body); }
  };
  const start = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (...when) { window.sounds += 1; return start.apply(this, when); };
}"""
WATCH_SHIFTS = """() => {
  window.shift = 0;
  window.shifted = [];
  const name = node => node && (node.id || node.className || node.nodeName);
  new PerformanceObserver(list => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) {
      window.shift += entry.value;
      window.shifted.push([entry.value, ...entry.sources.map(source => name(source.node))]);
    }
  }).observe({type: 'layout-shift'});
}"""


def paint(page: Any, prompt: str) -> None:
    open_tab(page, "Create")
    page.locator("#prompt textarea").fill(prompt)
    page.locator("#paint").click()


def test_title_and_tabs_say_what_goes_on_and_a_call_is_made_only_when_it_was_asked_for(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    put_everything_away(stage)
    page.evaluate(HIDE)
    page.wait_for_function("document.title === 'Likeness'")
    page.locator("#call-switch").click()
    choice = page.locator("#call-choice")
    choice.get_by_role("button", name="Done").click()
    assert page.evaluate("Notification.asked") == 0
    train(page, photos, "heard", "tortoise")
    page.wait_for_function("/^[1-9][0-9]? % · <heard> · Likeness$/.test(document.title)")
    page.wait_for_function("document.querySelector('#panel-queue-button').dataset.news === '1'")
    page.evaluate("window.away = true")
    training_card(page, "heard", "done")
    page.wait_for_function("document.title === '<heard> is learned. · Likeness'")
    page.wait_for_function("document.querySelector('#panel-train-button').dataset.news === '1 new'")
    assert page.evaluate("[window.calls.length, window.sounds]") == [0, 0]
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_function("document.title === 'Likeness'")
    page.locator("#call-switch").click()
    choice.get_by_label("Show a notification").click()
    choice.get_by_label("Play a short sound").click()
    choice.get_by_role("button", name="Done").click()
    page.locator("body.calls").wait_for(state="attached")
    assert page.evaluate("[Notification.asked, window.sounds, window.calls.length]") == [1, 2, 0]
    page.evaluate("window.away = true")  # first: a painting is done in half a second here
    paint(page, "a quiet fox")
    open_tab(page, "Train")
    page.wait_for_function("window.calls.length === 1")
    assert page.evaluate("window.calls[0]") == "2 pictures of “a quiet fox” are painted."
    assert page.evaluate("window.sounds") == 4
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    assert page.get_by_role("tab", name="Create 1 new").count() == 1
    open_tab(page, "Create")
    page.wait_for_function("!document.querySelector('#panel-create-button').dataset.news")
    page.wait_for_timeout(1500)  # the open tab is kept half a second later
    page.reload()
    page.locator("#prompt textarea").wait_for()
    page.wait_for_timeout(2500)
    assert page.evaluate("document.title") == "Likeness"


@pytest.mark.slow
def test_nothing_moves_while_jobs_run(stage: Stage, page: Any, photos: list[Path]) -> None:
    put_everything_away(stage)
    page.wait_for_timeout(1500)
    drop_photos(page, photos)
    page.locator(f"#photo-strip .tile >> nth={len(photos) - 1}").wait_for()
    page.locator("#concept-name input").fill("steadfast")
    page.locator("#concept-noun input").fill("tortoise")
    page.locator("#naming code:text-is('<steadfast>')").wait_for()
    page.wait_for_timeout(
        1500
    )  # the photos came at a wish, however late on a busy machine: no job moved them
    page.evaluate(WATCH_SHIFTS)
    page.locator("#train").click()
    training_card(page, "steadfast", "done")
    page.wait_for_timeout(1500)
    trained = page.evaluate("window.shift")
    open_tab(page, "Create")
    page.wait_for_timeout(1500)
    page.evaluate("window.shift = 0")
    paint(page, "a steady fox")
    page.locator("#painting .painting.done", has_text="a steady fox").wait_for()
    page.wait_for_timeout(1500)
    painted = page.evaluate("window.shift")
    shifted = page.evaluate("window.shifted")
    assert trained < MAX_SHIFT and painted < MAX_SHIFT, f"{trained}, {painted}: {shifted}"


def test_the_trash_is_seen_undone_after_a_reload_and_emptied(stage: Stage, page: Any) -> None:
    stage.workspace.trash.empty()
    for name in ("<ash>", "<elm>"):
        add_concept(stage, name)
    open_tab(page, "Library")
    for name in ("<ash>", "<elm>"):
        select(page, name)
        page.locator("#delete").click()
        page.locator("#undo", has_text=f"{name} is in the trash.").wait_for()
    page.reload()
    open_tab(page, "Library")
    trash = page.locator("#trash .trash")
    trash.get_by_role("button", name="Show").click()
    row = trash.locator(".trashed", has_text="<ash>")
    assert "concept · deleted just now" in row.inner_text()
    row.get_by_role("button", name="Restore").click()
    page.locator(".concept", has_text="<ash>").wait_for()
    row.wait_for(state="detached")
    assert stage.workspace.concepts.has("<ash>")
    select(page, "<ash>")
    page.locator("#delete").click()
    trash.locator(".trashed", has_text="<ash>").wait_for()
    press_and_confirm(page, trash.locator(".trashed", has_text="<elm>"), "Delete for good")
    trash.locator(".trashed", has_text="<elm>").wait_for(state="detached")
    trash.get_by_role("button", name="Empty the trash").click()
    question = page.locator("dialog.ask")
    assert "Delete 1 thing (" in question.inner_text()
    question.get_by_role("button", name="Leave it").click()
    assert stage.workspace.trash.count() == 1
    press_and_confirm(page, trash, "Empty the trash")
    trash.wait_for(state="detached")
    assert stage.workspace.trash.count() == 0 and not list(stage.workspace.trash.folder.iterdir())
