"""The cards of jobs in a real browser: what is kept, what waits, and what moves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.actions import press_and_confirm, train, training_card
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser


def put_everything_away(stage: Stage) -> None:
    for kind in ("train", "create"):
        stage.workspace.jobs.put_all_away(kind)


def line(page: Any, name: str) -> Any:
    """Wait for the line of a training, and return it."""
    found = page.locator("#train-progress .job-line", has_text=f"<{name}>")
    found.wait_for()
    return found


def test_a_finished_training_keeps_its_card_until_it_is_put_away(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    put_everything_away(stage)
    train(page, photos, "kept", "cat")
    training_card(page, "kept", "done")
    train(page, photos, "blocker", "snail")
    training_card(page, "blocker", "running")
    assert "learned · just now" in line(page, "kept").inner_text()
    train(page, photos, "waiter", "cat")
    assert "queued, 2nd · after <blocker>" in line(page, "waiter").inner_text()
    line(page, "waiter").get_by_role("button", name="Cancel").click()
    page.locator("#train-progress .job-line", has_text="<waiter>").wait_for(state="detached")
    press_and_confirm(page, training_card(page, "blocker", "running"), "Stop and discard")
    training_card(page, "blocker", "stopped")
    line(page, "kept").get_by_role("button", name="Open").click()
    card = training_card(page, "kept", "done")
    assert card.get_by_role("button", name="Paint with <kept>").is_visible()
    line(page, "kept").get_by_role("button", name="Put away").click()
    card.wait_for(state="detached")
    page.reload()
    training_card(page, "blocker", "stopped")
    assert page.locator("#train-progress", has_text="<kept>").count() == 0
    card = training_card(page, "blocker", "stopped")
    card.get_by_role("button", name="Put away").click()
    card.wait_for(state="detached")


def test_stopping_asks_once_and_keeps_only_what_there_is(stage: Stage, page: Any, photos: list[Path]) -> None:
    put_everything_away(stage)
    train(page, photos, "early", "sloth")
    card = training_card(page, "early", "running")
    card.locator(".numbers", has_text="class pictures").wait_for()
    assert card.get_by_role("button", name="Stop and keep").count() == 0
    card.get_by_role("button", name="Stop", exact=True).click()
    training_card(page, "early", "stopped")
    train(page, photos, "asked", "tortoise")
    card = training_card(page, "asked", "running")
    card.get_by_role("button", name="Stop and discard").click()
    question = page.locator("dialog.ask")
    assert "It cannot be brought back." in question.inner_text()
    assert question.get_by_role("button", name="Leave it").evaluate("it => it === document.activeElement")
    question.get_by_role("button", name="Leave it").click()
    question.wait_for(state="detached")
    before = int(card.locator(".numbers b").inner_text())
    page.wait_for_function(
        "before => Number(document.querySelector('#train-progress .numbers b')?.innerText) > before",
        arg=before,
    )
    press_and_confirm(page, card, "Stop and discard")
    training_card(page, "asked", "stopped")
