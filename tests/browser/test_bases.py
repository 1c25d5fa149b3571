"""Choosing a base in the page: the list, the refusals, and the defaults that come with a base."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from studio.recipes.recipe import Recipe
from tests.browser.actions import open_tab
from tests.browser.conftest import Stage
from tests.workspace.test_known_bases import checkpoint


@pytest.fixture
def models(stage: Stage) -> Iterator[Path]:
    """A folder with a checkpoint, one that has to be asked for, and a LoRA."""
    folder = stage.workspace.folder / "models"
    folder.mkdir()
    checkpoint(folder / "dream.safetensors")
    checkpoint(folder / "old two.safetensors", 1024)
    save_file({"lora_unet_x.lora_down.weight": torch.zeros(4, 4)}, folder / "style.safetensors")
    yield folder
    shutil.rmtree(folder)


def open_list(page: Any) -> Any:
    page.locator(".pill").click()
    picker = page.locator("#base-picker .base-picker")
    picker.wait_for()
    return picker


def setting(page: Any, name: str) -> Any:
    return page.locator(f"#{name} input").first


def use(page: Any, name: str, button: str = "Use") -> None:
    row = open_list(page).locator(".job", has_text=name)
    row.get_by_role("button", name=button, exact=True).click()
    page.locator("#base-picker .base-picker").wait_for(state="detached")
    page.locator(".pill.ready, .pill.busy").wait_for()


@pytest.mark.slow
def test_another_base_brings_its_own_defaults_and_a_reload_keeps_them(
    stage: Stage, page: Any, models: Path
) -> None:
    open_tab(page, "Create")
    page.locator('[data-opens="sampling"]').click()
    steps = setting(page, "steps")
    assert steps.input_value() == "20"  # the starter's
    picker = open_list(page)
    rows = picker.locator(".job").all_inner_texts()
    assert len(rows) == 4 and "in use" in rows[0]
    assert "Stable Diffusion 1" in picker.locator(".job", has_text="dream").inner_text()
    lora = picker.locator(".job", has_text="style.safetensors")
    assert "is a LoRA, not a base model." in lora.inner_text() and not lora.get_by_role("button").count()
    picker.get_by_role("button", name="Close").click()
    use(page, "dream.safetensors")
    page.wait_for_function("() => document.querySelector('#steps input').value === '30'")
    page.reload()
    page.locator(".pill.ready, .pill.busy").wait_for()
    open_tab(page, "Create")
    page.locator('[data-opens="sampling"]').click()
    page.wait_for_function("() => document.querySelector('#steps input').value === '30'")
    use(page, "old two.safetensors", "Use: predicts v (768 px)")
    recent = json.loads((stage.workspace.folder / "bases.json").read_text())["bases"]
    assert [Path(base["path"]).name for base in recent[:2]] == ["old two.safetensors", "dream.safetensors"]
    assert recent[0]["prediction"] == "v_prediction"
    use(page, "The starter")
    page.wait_for_function("() => document.querySelector('#steps input').value === '20'")


def test_a_base_is_not_taken_from_jobs_that_wait_for_it(stage: Stage, page: Any, models: Path) -> None:
    # more than can be done before the button is pressed, on a slow machine too
    jobs = [stage.workspace.create(Recipe("a fox", steps=90, count=8)) for _ in range(8)]
    row = open_list(page).locator(".job", has_text="dream.safetensors")
    row.get_by_role("button", name="Use", exact=True).click()
    page.locator("#base-notice .error", has_text="under way, for the present base").wait_for()
    for job in jobs:
        stage.workspace.jobs.request_stop(job.id, "discard")
