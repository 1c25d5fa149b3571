"""axe-core finds nothing on any tab in any state, light and dark, with and without a dialogue."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import close_photo, drop_photos, open_photo, open_tab, training_card
from tests.browser.conftest import Stage
from tests.browser.test_job_cards import put_everything_away
from tests.browser.test_library import add_concept

pytestmark = pytest.mark.browser
Check = Callable[[str], None]

# What axe finds in Gradio's own parts and no style or script of ours can mend: (rule, words of the selector),
# with the reason. It has been empty since Gradio 6.31.
GRADIOS_OWN: dict[tuple[str, str], str] = {}
# All rules on what is shown, then the only ones that colours matter to in the other light. Transitions would
# show colours between the two.
RUN = """async () => {
  const still = document.createElement('style');
  still.textContent = '*, *::before, *::after { transition: none !important; animation: none !important; }';
  document.head.append(still);
  const frame = () => new Promise(done => requestAnimationFrame(() => setTimeout(done, 0)));
  const found = async (light, options) => {
    await frame();
    const {violations} = await axe.run(document, {resultTypes: ['violations'], ...options});
    return violations.flatMap(one => one.nodes.map(node =>
      ({light, rule: one.id, target: node.target.join(' '), html: node.html.slice(0, 160)})));
  };
  const dark = document.body.classList.contains('dark');
  const all = await found(dark ? 'dark' : 'light', {});
  document.body.classList.toggle('dark');
  const colours = await found(dark ? 'light' : 'dark', {runOnly: ['color-contrast', 'link-in-text-block']});
  document.body.classList.toggle('dark');
  still.remove();
  return [...all, ...colours];
}"""


def axe_script() -> str:
    """Return axe-core, from the package that carries it. Skips the test without one, except in CI."""
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        assert not os.environ.get("CI"), "axe-playwright-python belongs to the extra `test`"
        pytest.skip("axe-core is not here: pip install axe-playwright-python")
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


def is_gradios_own(finding: dict[str, str]) -> bool:
    """Return whether a finding is one of those that we cannot mend."""
    return any(finding["rule"] == rule and words in finding["target"] for rule, words in GRADIOS_OWN)


@pytest.fixture
def check(page: Any) -> Any:
    """Return a function that looks at a state; what was found in all of them fails the test at its end."""
    page.evaluate(axe_script())
    found: dict[tuple[str, str], str] = {}

    def look(state: str) -> None:
        page.wait_for_timeout(200)
        for finding in page.evaluate(RUN):
            if not is_gradios_own(finding):
                key = (finding["rule"], finding["target"])
                found.setdefault(key, f"{state}, {finding['light']}: {finding['html']}")

    yield look
    assert not found, "\n".join(f"{rule} {target}: {words}" for (rule, target), words in found.items())


def unfold(page: Any, tab: str) -> None:
    """Open every accordion and fold of a tab."""
    for fold in page.locator(f"#panel-{tab} button.label-wrap:visible:not(.open)").all():
        fold.click()
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")


def close(page: Any, part: str) -> None:
    """Press Esc, and wait until a part is gone."""
    page.keyboard.press("Escape")
    page.locator(part).wait_for(state="detached")


def test_it_finds_what_is_wrong(page: Any) -> None:
    page.evaluate(axe_script())
    page.evaluate("""document.querySelector('main').insertAdjacentHTML('beforeend',
      '<button></button><p style="color: #ccc; background: #fff">pale</p>')""")
    assert {(one["rule"], one["light"]) for one in page.evaluate(RUN)} == {
        ("button-name", "light"),
        ("color-contrast", "light"),
        ("color-contrast", "dark"),
    }


@pytest.mark.slow
def test_train(stage: Stage, page: Any, photos: list[Path], check: Check) -> None:
    put_everything_away(stage)
    check("empty")
    page.locator("#train").click()
    page.locator("#train-notice .error").wait_for()
    unfold(page, "train")
    check("refused, all folds open")
    drop_photos(page, photos)
    page.locator("#photo-strip .tile >> nth=2").wait_for()
    open_photo(page, 0)
    check("a photo is open")
    close_photo(page)
    page.locator("#concept-name input").fill("looked")
    page.locator("#concept-noun input").fill("tortoise")
    page.locator("#naming code:text-is('<looked>')").wait_for()
    page.locator("#train").click()
    training_card(page, "looked", "done")
    check("a training is done")


def test_create(stage: Stage, page: Any, check: Check) -> None:
    open_tab(page, "Create")
    check("as it opens")
    page.locator("#prompt textarea").fill("a zeppelin over the quiet snow")
    page.locator("#paint").click()
    page.locator("#painting .painting.done", has_text="zeppelin").wait_for()
    unfold(page, "create")
    check("painted, all folds open")
    page.locator("#painting .tile").first.click()
    page.locator("#picture-detail .enlarge").wait_for()
    check("a picture is open")
    page.locator("#picture-detail .enlarge").click()
    check("enlarged")
    page.keyboard.press("Escape")
    page.locator("[data-select]").click()
    check("selecting")


@pytest.mark.slow
def test_compare_library_and_queue(stage: Stage, page: Any, check: Check) -> None:
    add_concept(stage, "<axed>")
    open_tab(page, "Compare")
    page.locator("#grid-prompt textarea").fill("<axed> in axes")
    page.locator("#columns-values textarea").fill("2, 4")
    page.locator("#rows-values textarea").fill("1, 2")
    unfold(page, "compare")
    page.locator("#paint-grid").click()
    page.locator("#grid-head section.done", has_text="<axed> in axes").wait_for()
    check("a grid")
    for view in page.locator("#compare-views [role=tab]").all()[1:]:
        view.click()
        check("another view of a grid")
    open_tab(page, "Library")
    page.locator(".concept", has_text="<axed>").first.click()
    page.locator("#concept-detail .concept-card").wait_for()
    unfold(page, "library")
    check("a concept is open")
    page.locator("#delete").click()
    page.locator("#undo .card").wait_for()
    check("a concept is in the trash")
    open_tab(page, "Queue")
    check("the queue")


@pytest.mark.slow
def test_dialogues_and_a_phone(stage: Stage, page: Any, check: Check) -> None:
    page.locator("button.pill").click()
    page.locator(".base-picker").wait_for()
    check("the bases")
    close(page, ".base-picker")
    for button, dialog in (("#call-switch", "#call-choice"), ("#keys-switch", "dialog.keys-list")):
        page.locator(button).click()
        page.locator(dialog).wait_for()
        check(dialog)
        close(page, dialog)
    page.evaluate("void window.likeness.ask('Delete it?', 'Delete')")
    check("a question")
    close(page, "dialog.ask")
    page.set_viewport_size({"width": 390, "height": 844})
    # axe takes the colour of the button at the bottom for the ground of what lies under it until one scrolls
    page.add_style_tag(content="#train, #paint { position: static !important }")
    for tab in ("Train", "Create", "Library"):
        open_tab(page, tab)
        check(f"{tab} on a phone")
