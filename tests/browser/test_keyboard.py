"""The page by keyboard alone: the whole loop, tabs, the list of keys, the mask, and where the focus is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import drop_photos, open_photo, training_card
from tests.browser.conftest import Stage
from tests.browser.test_job_cards import put_everything_away

pytestmark = pytest.mark.browser
MAX_STOPS = 120  # of the Tab key on the way to anything
TABS = ("train", "create", "compare", "library", "queue")
FOCUSED = "selector => document.activeElement?.matches(selector)"
# What of the focused part, and of what stands around it, differs from how it looks without the focus.
SHOWS_FOCUS = """async () => {
  const part = document.activeElement, parts = [part];
  if (part === document.body) return 'end';
  for (let up = part.parentElement; up && parts.length < 4; up = up.parentElement) parts.push(up);
  parts.push(...(part.parentElement?.children || []));
  const looks = () => JSON.stringify(parts.map(one => {
    const style = getComputedStyle(one);
    const outline = style.outlineStyle === 'none' ? '' : style.outlineWidth + style.outlineColor;
    return [outline, style.boxShadow, style.borderColor, style.backgroundColor, style.display];
  }));
  for (const one of parts) one.style.transition = 'none';
  const focused = looks();
  part.blur();
  const differs = looks() !== focused;
  part.focus({preventScroll: true, focusVisible: true});
  const words = part.getAttribute('aria-label') || part.innerText;
  const name = `${part.tagName} ${part.closest('[id]')?.id} ${words}`;
  return differs ? '' : name.slice(0, 120);
}"""


def tab_to(page: Any, selector: str, key: str = "Tab") -> None:
    """Press Tab until something has the focus."""
    for _ in range(MAX_STOPS):
        if page.evaluate(FOCUSED, selector):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{selector} is not reached")


def is_focused(page: Any, selector: str) -> None:
    """Wait until something has the focus."""
    page.wait_for_function(FOCUSED, arg=selector)


def test_photos_are_learned_painted_opened_deleted_and_brought_back_by_keyboard(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    put_everything_away(stage)
    page.locator("#photo-drop .drop[data-ready]").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate(FOCUSED, ".skip-link")
    page.keyboard.press("Enter")
    is_focused(page, "#panel-train")
    tab_to(page, "#photo-drop input")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Space")
    chooser.value.set_files([str(photo) for photo in photos])
    page.locator("#photo-strip .tile >> nth=2").wait_for()
    tab_to(page, "#concept-name input")
    page.keyboard.type("keyed")
    tab_to(page, "#concept-noun input")
    page.keyboard.type("cat")
    page.locator("#naming code:text-is('<keyed>')").wait_for()
    tab_to(page, "#train")
    page.keyboard.press("Enter")
    training_card(page, "keyed", "done")
    tab_to(page, "#train-progress [data-action='paint']", "Shift+Tab")
    page.keyboard.press("Enter")
    page.locator("#panel-create-button[aria-selected='true']").wait_for()
    is_focused(page, "#panel-create-button, #panel-create *")
    tab_to(page, "#prompt textarea")
    page.keyboard.press("End")
    page.keyboard.type(" in the snow, by keys")
    page.keyboard.press("Control+Enter")
    page.locator("#painting .painting.done", has_text="by keys").wait_for()
    tab_to(page, "#painting .tile")
    name = page.evaluate("document.activeElement.dataset.id")
    page.keyboard.press("Enter")
    is_focused(page, "#picture-detail .enlarge")
    page.keyboard.press("Enter")
    page.locator("dialog.lightbox[open]").wait_for()
    page.keyboard.press("Escape")
    is_focused(page, "#picture-detail .enlarge")
    assert stage.workspace.pictures.joinpath(name).is_file()
    page.keyboard.press("Delete")
    is_focused(page, "#picture-note [data-action='undo']")
    assert not stage.workspace.pictures.joinpath(name).exists()
    page.keyboard.press("Control+z")
    page.locator(f"#painting .tile[data-id='{name}']").wait_for()
    assert stage.workspace.pictures.joinpath(name).is_file()
    is_focused(page, "#panel-create-button, #panel-create *")


@pytest.mark.slow
def test_arrows_turn_the_tabs_and_single_keys_can_be_switched_off(page: Any) -> None:
    tab_to(page, "#panel-train-button")
    page.keyboard.press("ArrowLeft")
    is_focused(page, "#panel-queue-button[aria-selected='true']")
    page.keyboard.press("ArrowRight")
    is_focused(page, "#panel-train-button[aria-selected='true']")
    page.keyboard.press("End")
    is_focused(page, "#panel-queue-button[aria-selected='true']")
    page.keyboard.press("Tab")  # one stop for all tabs
    assert not page.evaluate(FOCUSED, "[role='tab']")
    page.keyboard.press("2")
    is_focused(page, "#panel-create-button[aria-selected='true']")
    page.keyboard.press("/")
    is_focused(page, "#picture-search input, #picture-search textarea")
    page.keyboard.type("1?/")
    assert page.locator("#picture-search input").input_value() == "1?/"
    page.locator("#picture-search input").fill("")
    page.locator("#panel-create-button").focus()
    page.keyboard.press("?")
    keys = page.locator("dialog.keys-list")
    assert "Put the opened picture into the trash" in keys.inner_text()
    hidden = keys.locator(".keys-scroll").evaluate("each => each.scrollWidth - each.clientWidth")
    assert hidden <= 0, "a third column of keys is out of sight"
    page.keyboard.press("Escape")
    keys.wait_for(state="detached")
    is_focused(page, "#panel-create-button")
    page.locator("#keys-switch").click()
    keys.get_by_label("Keys without Ctrl work").uncheck()
    keys.get_by_role("button", name="Done").click()
    is_focused(page, "#keys-switch")
    page.reload()
    page.locator(".pill.ready, .pill.busy").wait_for()
    page.locator("#keys-switch").focus()
    page.keyboard.press("4")
    page.keyboard.press("?")
    page.wait_for_timeout(300)
    assert not page.evaluate(FOCUSED, "#panel-library-button") and not keys.count()


def test_escape_closes_the_list_of_bases_and_goes_back(page: Any) -> None:
    tab_to(page, "button.pill")
    page.keyboard.press("Enter")
    page.locator(".base-picker").wait_for()
    tab_to(page, "#base-picker [data-action='close']")
    page.keyboard.press("Escape")
    page.locator(".base-picker").wait_for(state="detached")
    is_focused(page, "button.pill")


def test_a_mask_is_painted_wiped_and_clicked_by_keys(page: Any, photos: list[Path]) -> None:
    drop_photos(page, photos[:1])
    page.locator("#photo-strip .tile").wait_for()
    open_photo(page, 0)
    canvas = page.locator("#photo-editor canvas")
    canvas.focus()
    count = "canvas => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data"
    count += ".filter((value, at) => at % 4 === 3 && value).length"
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    dot = canvas.evaluate(count)
    assert dot > 0
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    stroke = canvas.evaluate(count)
    assert stroke > 1.5 * dot
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+ArrowDown")  # lifted: this paints nothing
    assert canvas.evaluate(count) == stroke
    page.keyboard.press("]")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert canvas.evaluate(count) > stroke
    page.keyboard.press("Control+z")
    assert canvas.evaluate(count) == stroke
    page.keyboard.press("e")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert canvas.evaluate(count) < stroke
    page.keyboard.press("c")
    assert page.locator("#photo-editor [data-tool='click']").get_attribute("aria-pressed") == "true"
    before = canvas.evaluate(count)
    for _ in range(5):
        page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"before => ({count})(document.querySelector('#photo-editor canvas')) !== before", arg=before
    )


@pytest.mark.slow
def test_the_focus_is_seen_wherever_the_tab_key_leads(page: Any) -> None:
    unseen: list[str] = []
    for number, tab in enumerate(TABS, 1):
        page.locator("body").press(str(number))
        page.locator(f"#panel-{tab}-button[aria-selected='true']").wait_for()
        page.wait_for_timeout(300)
        page.evaluate("document.activeElement.blur()")
        for _ in range(MAX_STOPS):
            page.keyboard.press("Tab")
            name = page.evaluate(SHOWS_FOCUS)
            if name == "end":
                break
            unseen += [f"{tab}: {name}"] if name else []
    assert not unseen, unseen
