"""The page says when the studio stops answering, and goes on by itself when it is back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import served_stage
from tests.browser.test_drafts import KEPT_MS, wait_for_value
from tests.free_port import free_port

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_a_page_outlives_the_end_and_the_new_start_of_the_studio(browser: Any, tmp_path: Path) -> None:
    port = free_port()
    page = browser.new_page()
    page.set_default_timeout(60_000)
    with served_stage(tmp_path, port=port) as stage:
        page.goto(stage.url)
        page.locator(".pill.ready").wait_for()
        page.locator("#concept-name input").fill("mona")
        page.wait_for_timeout(KEPT_MS)
        page.evaluate("window.isOld = true")
    card = page.locator("#lost[role=alert]")
    card.get_by_text("The studio does not answer.").wait_for()
    with served_stage(tmp_path, port=port):
        page.wait_for_function("() => !window.isOld")
        wait_for_value(page, "concept-name", "mona")
        assert card.count() == 0
    page.close()
