"""The page in German: from the open page to a picture, and nothing English is left in any tab."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.words import FOLDER
from tests.browser.actions import open_tab
from tests.browser.conftest import Stage, served_stage
from tests.browser.first_picture import paint_first_picture

pytestmark = pytest.mark.browser

GERMAN = json.loads((FOLDER / "de.json").read_text(encoding="utf-8"))
TABS = ("Train", "Create", "Compare", "Library", "Queue")
LONG = 14  # letters from which on an English text is none by chance


@pytest.fixture(scope="module")
def german(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Serve the page in German."""
    with served_stage(tmp_path_factory.mktemp("german"), "de") as stage:
        yield stage


def english_in(page: Any) -> list[str]:
    """Return the English sentences that the page shows although there is a German one.

    What begins with a small letter may be a part of a prompt, and prompts are English.
    """
    shown = page.locator("body").inner_text()
    sentences = [text for text, said in GERMAN.items() if said != text and "{" not in text]
    return [text for text in sentences if text[0].isupper() and len(text) >= LONG and text in shown]


@pytest.mark.slow
def test_a_first_picture_is_painted_in_german(german: Stage, browser: Any, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(german.url)
    page.locator("#train").wait_for()
    assert page.evaluate("document.documentElement.lang") == "de"
    assert page.locator("#train").inner_text() == GERMAN["Train"]
    done = paint_first_picture(page)
    assert german.workspace.concepts.has(f"<{done.name}>")
    for tab in TABS:
        open_tab(page, GERMAN[tab])
        page.wait_for_timeout(1000)
        assert english_in(page) == []
    page.close()
    assert errors == []
