"""The prompt of Create in a real browser: chips, completion, earlier prompts, and the line of settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from studio.recipes.png import save_picture
from studio.recipes.recipe import Recipe
from tests.browser.actions import open_part, open_tab
from tests.browser.actor import draw_face
from tests.browser.conftest import Stage
from tests.browser.test_library import add_concept

pytestmark = pytest.mark.browser
PHONE = {"width": 390, "height": 844}
LIES_BEHIND = """([area, copy]) => {
  const [own, its] = [area, copy].map(one => getComputedStyle(one));
  const same = ['fontFamily', 'fontSize', 'lineHeight', 'letterSpacing', 'paddingLeft', 'paddingTop'];
  const from = area.getBoundingClientRect(), to = copy.getBoundingClientRect();
  return same.every(name => own[name] === its[name]) && area.clientWidth === copy.clientWidth
    && Math.abs(from.left + area.clientLeft - to.left) < 0.6
    && Math.abs(from.top + area.clientTop - to.top) < 0.6
    && area.scrollHeight === copy.scrollHeight && area.scrollTop === copy.scrollTop
    && copy.textContent === area.value + '\u200b';
}"""


@pytest.fixture
def area(stage: Stage, page: Any) -> Any:
    """Open Create with two concepts, and return the prompt's text area."""
    for handle in ("<mona>", "<monet>"):
        add_concept(stage, handle)
    open_tab(page, "Create")
    return page.locator("#prompt textarea")


def marks(page: Any, tag: str) -> list[str]:
    return page.locator(f".prompt-copy {tag}").all_inner_texts()


def test_handles_are_chips_and_what_means_nothing_is_underlined_as_one_types(page: Any, area: Any) -> None:
    area.fill("a penguin by <mona> on a skyscraper")
    page.locator(".prompt-copy u", has_text="skyscraper").wait_for()
    assert marks(page, "u") == ["skyscraper"] and marks(page, "mark") == ["<mona>"]
    notes = page.locator("#prompt-marks .notes")
    assert "skyscraper: the base was not taught this word" in notes.inner_text()
    assert area.get_attribute("aria-describedby") == notes.get_attribute("id")
    area.press("Home")
    area.press_sequentially("<nobody> and ")  # the marks move with the text at once
    assert marks(page, "mark") == ["<mona>"] and "skyscraper" in marks(page, "u")
    page.locator(".prompt-copy u", has_text="<nobody>").wait_for()
    assert "the Library has no concept of this name" in notes.inner_text()
    area.fill("a penguin on the beach " * 40)
    page.wait_for_function("() => !document.querySelector('.prompt-copy u')")
    area.evaluate("area => { area.scrollTop = 60; }")
    page.wait_for_timeout(200)
    assert area.evaluate(f"area => ({LIES_BEHIND})([area, document.querySelector('.prompt-copy')])")
    assert page.locator(".prompt-copy").get_attribute("aria-hidden") == "true"


def test_a_concept_is_chosen_with_the_keyboard_and_taken_back_with_undo(page: Any, area: Any) -> None:
    area.press_sequentially("a drawing of <mo")
    rows = page.locator(".prompt-list [role=option]")
    rows.nth(1).wait_for()
    handles = [text.split()[0] for text in rows.all_inner_texts()]
    assert sorted(handles) == ["<mona>", "<monet>"]
    assert rows.nth(0).get_attribute("id") == area.get_attribute("aria-activedescendant")
    area.press("ArrowDown")
    area.press("Enter")
    chosen = f"a drawing of {handles[1]} "
    assert area.input_value() == chosen and not page.locator(".prompt-list").is_visible()
    area.press("Control+z")
    assert area.input_value() == "a drawing of <mo"
    area.press("Control+Shift+z")
    assert area.input_value() == chosen
    page.locator(".prompt-copy mark").wait_for()
    area.press_sequentially("and <m")
    rows.nth(0).wait_for()
    area.press("Escape")
    page.wait_for_function("() => document.querySelector('.prompt-list').hidden")
    area.press_sequentially("o")
    rows.nth(0).click()
    assert area.input_value().startswith(f"{chosen}and <mon") and area.input_value().endswith("> ")


@pytest.fixture
def painted(stage: Stage) -> Iterator[None]:
    """Put pictures of three prompts into the gallery, and take them and all favourites away afterwards."""
    paths = [stage.workspace.pictures / f"95{number:03d}-01.png" for number in range(3)]
    for number, path in enumerate(paths):
        save_picture(draw_face(number), Recipe(f"history number {number} & <b>", seed=number), path)
    yield
    for path in paths:
        path.unlink(missing_ok=True)
    for prompt in stage.workspace.favourite_prompts.all():
        stage.workspace.favourite_prompts.keep(prompt, kept=False)


@pytest.mark.slow
def test_an_earlier_prompt_is_found_used_kept_and_taken_back(
    stage: Stage, painted: None, page: Any, area: Any
) -> None:
    area.fill("what I had")
    toggle = page.locator('#prompt-marks [data-action="history"]')
    toggle.click()
    rows = page.locator("#prompt-history .prompt-row")
    page.locator("#prompt-history .prompt-row", has_text="history number 2").wait_for()
    assert toggle.get_attribute("aria-expanded") == "true"
    page.keyboard.type("number 1 history")
    page.wait_for_function("() => document.querySelectorAll('#prompt-history li:not([hidden])').length === 1")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    assert area.input_value() == "history number 1 & <b>" and not rows.first.is_visible()
    area.press("Control+z")
    assert area.input_value() == "what I had"
    page.locator('#prompt-marks [data-action="favourite"]').click()
    page.locator('#prompt-marks [data-action="favourite"][aria-pressed="true"]').wait_for()
    page.reload()
    open_tab(page, "Create")
    toggle.click()
    rows.first.wait_for()
    assert rows.first.inner_text() == "what I had"
    page.locator("#prompt-history [aria-pressed=true]").click()
    page.locator("#prompt-history .prompt-row", has_text="what I had").wait_for(state="detached")
    assert stage.workspace.favourite_prompts.all() == ()
    page.keyboard.press("Escape")


@pytest.mark.slow
def test_the_quiet_line_says_and_opens_what_a_picture_is_painted_with(page: Any, area: Any) -> None:
    line = page.locator("#sampling-line")
    line.get_by_role("button", name="128 × 128").wait_for()
    assert not line.get_by_role("button", name="boxes").is_visible()
    open_part(page, "size")
    page.locator("#width input").fill("256")
    page.locator("#width input").press("Tab")
    line.get_by_role("button", name="256 × 128").wait_for()
    open_part(page, "sampling")
    assert not page.locator("#width").is_visible()
    opened = line.locator('[data-opens="sampling"]')
    assert opened.get_attribute("aria-expanded") == "true"
    page.locator("#steps input[type=number]").fill("7")
    page.locator("#steps input[type=number]").press("Tab")
    line.get_by_role("button", name="DDIM 7 steps").wait_for()
    opened.click()
    page.locator("#steps").wait_for(state="hidden")
    area.fill("<mona> asleep")
    line.get_by_role("button", name="no boxes").wait_for()
    line.locator("[data-bases]").click()
    picker = page.locator("#base-picker .base-picker")
    picker.wait_for()
    page.wait_for_function(
        "() => document.querySelector('#base-picker .base-picker').getBoundingClientRect().top >= 0"
    )
    picker.get_by_role("button", name="Close").click()


@pytest.mark.parametrize("page", [PHONE], indirect=True)
@pytest.mark.slow
def test_on_a_phone_paint_is_always_there_and_what_was_tapped_comes_into_view(page: Any, area: Any) -> None:
    sees = """id => { const box = document.querySelector(id).getBoundingClientRect();
      return box.top >= 0 && box.bottom <= window.innerHeight && box.height >= 44; }"""
    for share in (0, 0.5, 1):
        page.evaluate("share => window.scrollTo(0, share * document.body.scrollHeight)", share)
        page.wait_for_timeout(150)
        assert page.evaluate(sees, "#paint"), share
    page.locator("#examples [data-action]").first.click()
    page.wait_for_function(f"() => ({sees})('#prompt textarea')")
    assert area.input_value()
