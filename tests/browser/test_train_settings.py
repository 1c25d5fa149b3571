"""Settings of a training in a real browser: quick to thorough, groups, and presets of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.actions import unfold
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser
STEPS = "#setting-textual-inversion-steps input"


@pytest.fixture(autouse=True)
def no_presets_left(stage: Stage) -> Iterator[None]:
    yield
    for preset in stage.workspace.presets.all():
        stage.workspace.presets.delete(preset.name)


def wait_for_value(page: Any, selector: str, value: str) -> None:
    """Wait until a field shows a value."""
    page.wait_for_function(
        "([selector, value]) => document.querySelector(selector)?.value === value", arg=[selector, value]
    )


def chosen(page: Any, words: str) -> None:
    """Wait until one of the choices of effort is on."""
    page.locator("#effort label.selected", has_text=words).wait_for()


def steps_now(page: Any) -> int:
    """Return how many steps the page says that a training has."""
    return int(page.locator("#effort-words p").inner_text().split(" step")[0].replace(",", ""))


def wait_for_steps(page: Any, count: int) -> None:
    """Wait until the page says that a training has so many steps."""
    page.locator("#effort-words p", has_text=re.compile(f"^{count:,} steps")).wait_for()


def write(page: Any, text: str) -> None:
    """Answer the dialogue that asks for a line."""
    page.locator("dialog.ask input").fill(text)
    page.keyboard.press("Enter")


def test_one_choice_sets_the_steps_of_every_method_and_says_what_it_comes_to(page: Any) -> None:
    recipe = steps_now(page)
    page.locator("#effort label", has_text="Thorough").click()
    wait_for_steps(page, 2 * recipe)
    page.locator("#method label", has_text="DreamBooth").click()
    changed = "text => !document.querySelector('#effort-words').innerText.startsWith(text)"
    page.wait_for_function(changed, arg=f"{2 * recipe:,} ")
    chosen(page, "Thorough")
    other = steps_now(page)
    page.locator("#effort label", has_text="Quick").click()
    wait_for_steps(page, other // 4)
    page.locator("#method label", has_text="Textual Inversion").click()
    wait_for_steps(page, recipe // 2)
    unfold(page, "#train-settings")
    assert page.locator(STEPS).input_value() == str(recipe // 2)
    page.locator(STEPS).fill("33")
    chosen(page, "As set below")
    wait_for_steps(page, 33)
    page.locator("#train-reset").click()
    chosen(page, "Balanced")
    assert page.locator("#effort label").count() == 3


def test_settings_stand_in_groups_of_which_the_first_is_open(page: Any) -> None:
    unfold(page, "#train-settings")
    titles = page.locator("#train-settings .setting-group").all_inner_texts()
    assert [title.split("\n")[0].strip() for title in titles[:3]] == [
        "How long and how fast it learns",
        "What of the photos is learned",
        "The word and its sentences",
    ]
    assert page.locator("#setting-textual-inversion-learning-rate").is_visible()
    assert not page.locator("#setting-textual-inversion-vectors").is_visible()
    unfold(page, "#settings-textual-inversion-words")
    assert page.locator("#setting-textual-inversion-vectors").is_visible()


@pytest.mark.slow
def test_a_preset_is_kept_used_renamed_deleted_and_brought_back(stage: Stage, page: Any) -> None:
    recipe = steps_now(page)
    unfold(page, "#train-settings")
    page.locator(STEPS).fill("55")
    page.get_by_role("button", name="Keep these settings as a preset").click()
    write(page, "Puppies")
    row = page.locator("#preset-row").get_by_role("button", name="Puppies")
    row.wait_for()
    assert stage.workspace.presets.find("Puppies").settings["steps"] == 55
    page.locator("#train-reset").click()
    wait_for_value(page, STEPS, str(recipe))
    page.locator("#method label", has_text="Break-A-Scene").click()
    page.locator("#setting-break-a-scene-steps").wait_for()
    row.click()
    wait_for_steps(page, 55)
    wait_for_value(page, STEPS, "55")
    line = page.locator("#preset-list .job-line")
    assert "Textual Inversion: steps 55" in line.inner_text()
    line.get_by_role("button", name="Rename").click()
    write(page, "Old dogs")
    page.locator("#preset-list", has_text="Old dogs").wait_for()
    line.get_by_role("button", name="Delete").click()
    page.wait_for_function("() => !document.querySelector('#preset-list .job-line')")
    page.locator("#preset-note").get_by_role("button", name="Undo").click()
    page.locator("#preset-list", has_text="Old dogs").wait_for()
    page.reload()
    page.locator("#preset-row").get_by_role("button", name="Old dogs").wait_for()


@pytest.mark.slow
def test_a_choice_outlives_a_reload(page: Any) -> None:
    recipe = steps_now(page)
    page.locator("#effort label", has_text="Quick").click()
    wait_for_steps(page, recipe // 2)
    page.wait_for_timeout(1500)
    page.reload()
    wait_for_steps(page, recipe // 2)
    chosen(page, "Quick")
