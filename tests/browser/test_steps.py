"""The steps of a training in a real browser: enlarged, kept, made concepts, used in place of the last."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from studio.workspace.checkpoints import KEPT, steps_in
from tests.browser.actions import press_and_confirm, train, training_card, unfold
from tests.browser.conftest import Stage

pytestmark = pytest.mark.browser


@pytest.mark.slow
def test_a_running_trainings_step_is_enlarged_and_kept(stage: Stage, page: Any, photos: list[Path]) -> None:
    train(page, photos, "steps", "tortoise")
    training_card(page, "steps", "running")
    card = page.locator("#train-progress .training", has_text="<steps>")  # it may end meanwhile
    card.locator(".strip [data-enlarge] >> nth=1").wait_for()
    card.locator(".strip [data-enlarge] >> nth=1").click()
    dialog = page.get_by_role("dialog", name="Enlarged picture")
    dialog.wait_for()
    assert "after step 20" in dialog.locator(".lightbox-words").inner_text()
    page.keyboard.press("ArrowLeft")
    dialog.locator(".lightbox-words", has_text="after step 10").wait_for()
    assert re.fullmatch(r"1 of [2-4]", dialog.locator(".lightbox-place").inner_text())
    page.keyboard.press("Escape")
    dialog.wait_for(state="hidden")

    card.get_by_role("button", name="Keep this step").first.click()
    card.locator(".kept-steps", has_text="Step 10 · kept").wait_for()
    job = stage.workspace.jobs.newest(1, ("train",))[0]
    folder = stage.workspace.jobs.folder(job.id)
    assert steps_in(folder, KEPT) == [10]

    done = training_card(page, "steps", "done")
    assert done.locator(".photo-and-picture img").count() == 2
    page.set_viewport_size({"width": 390, "height": 844})  # photo and picture fit on a phone too
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    pair = done.locator(".photo-and-picture").bounding_box()
    assert pair["x"] >= 0 and pair["x"] + pair["width"] <= 390
    page.set_viewport_size({"width": 1280, "height": 900})
    press_and_confirm(page, done, "Use it in place of the last")
    done.locator(".notes", has_text="is what was learned after step 10").wait_for()
    assert stage.workspace.concepts.find("<steps>").header.steps == 10
    done.get_by_role("button", name="Make it a concept").click()
    done.locator(".notes", has_text="in your Library as <steps-step-10>").wait_for()
    assert stage.workspace.concepts.find("<steps-step-10>").header.steps == 10
    assert sum(path.name.startswith("preview") for path in folder.iterdir()) == 4


def test_own_sample_prompts_are_refused_in_a_sentence_or_kept_with_the_training(
    stage: Stage, page: Any, photos: list[Path]
) -> None:
    unfold(page, "#train-settings")
    page.locator("#train-samples textarea").fill("a dog on the beach")
    train(page, photos, "sampled", "fox")
    page.locator("#train-notice .error", has_text="does not name what is learned").wait_for()
    page.locator("#train-samples textarea").fill("{} on the beach\n\n{} in a box")
    page.locator("#train").click()
    training_card(page, "sampled", "done")
    task = stage.workspace.jobs.newest(1, ("train",))[0].task
    assert list(task["samples"]) == ["<sampled> on the beach", "<sampled> in a box"]
