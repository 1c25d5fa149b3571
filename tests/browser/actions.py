"""What a person does on the page, as functions for the tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

SETTLE_MS = 300  # a person needs longer; text typed while a form opens may be overwritten by an answer


def open_tab(page: Any, name: str) -> None:
    """Open a tab."""
    page.get_by_role("tab", name=re.compile(f"^{name}\\b")).click()  # "Queue 2" while something waits
    page.wait_for_timeout(SETTLE_MS)


def unfold(page: Any, form: str) -> None:
    """Open a closed accordion."""
    page.locator(f"{form} button").first.click()
    page.wait_for_timeout(SETTLE_MS)


def open_part(page: Any, name: str) -> None:
    """Open the controls behind a part of the quiet line in Create: size, sampling, guidance or places."""
    page.locator(f'#sampling-line [data-opens="{name}"]').click()
    page.locator(f"#quiet-{name}").wait_for()


def drop(page: Any, zone: str, paths: Sequence[Path]) -> None:
    """Pick files for a drop zone, once it listens."""
    page.locator(f"{zone} .drop[data-ready]").wait_for()
    page.locator(f"{zone} input").set_input_files([str(path) for path in paths])


def drop_photos(page: Any, paths: Sequence[Path]) -> None:
    """Pick files for the photo box."""
    drop(page, "#photo-drop", paths)


def open_photo(page: Any, number: int) -> None:
    """Open the editor with a photo, and wait until it is shown."""
    page.locator("#photo-strip .tile").nth(number).click()
    page.locator("dialog.photo-editor[open] .mask-frame[data-shown]").wait_for()


def close_photo(page: Any) -> None:
    """Close the editor, if it is open."""
    editor = page.locator("dialog.photo-editor[open]")
    if editor.count():
        editor.get_by_role("button", name="Done").click()
        editor.wait_for(state="detached")


def train(page: Any, photos: Sequence[Path], name: str, noun: str) -> None:
    """Start a training on files."""
    drop_photos(page, photos)
    page.locator(f"#photo-strip .tile >> nth={len(photos) - 1}").wait_for()
    page.locator("#concept-name input").fill(name)
    page.locator("#concept-noun input").fill(noun)
    page.locator(f"#naming code:text-is('<{name}>')").wait_for()
    page.locator("#train").click()


def training_card(page: Any, name: str, state: str) -> Any:
    """Wait until a training is in a state, and return its card."""
    card = page.locator(f"#train-progress .training.{state}", has_text=f"<{name}>")
    card.wait_for()
    return card


def press_and_confirm(page: Any, scope: Any, label: str) -> None:
    """Press a button that asks first, and answer with its own label."""
    scope.get_by_role("button", name=label, exact=True).click()
    page.locator("dialog.ask").get_by_role("button", name=label, exact=True).click()


def shown_step(page: Any) -> int:
    """Return the step that the training card shows."""
    return int(page.locator("#train-progress .numbers b").first.inner_text())
