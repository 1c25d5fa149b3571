"""The page as a whole, without a browser."""

from __future__ import annotations

from pathlib import Path

from studio.ui.app import build
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue


def test_one_event_alone_draws_so_that_no_answer_overtakes_another(tmp_path: Path) -> None:
    config = build(Workspace(tmp_path), catalogue()).config
    boards = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    for name in ("masthead", "painting", "gallery", "train-progress", "grid-head", "grid-cells", "queue"):
        drawn_by = [event for event in config["dependencies"] if boards[name] in event["outputs"]]
        assert len(drawn_by) == 1, name
        (event,) = drawn_by
        assert len(event["targets"]) == 3 and event["trigger_mode"] == "always_last"


def test_no_answer_comes_through_the_queue(tmp_path: Path) -> None:
    """An answer that is asked for while Gradio's queue hangs up after the one before never arrives."""
    config = build(Workspace(tmp_path), catalogue()).config
    asked = [event for event in config["dependencies"] if event["backend_fn"]]
    assert len(asked) > 30
    assert not [event["targets"] for event in asked if event["queue"] is not False]
