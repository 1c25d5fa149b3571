"""The page as a whole, without a browser."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from studio.file_index import FileIndex
from studio.ui.app import build, page_header
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue


def test_one_event_alone_redraws_so_that_no_answer_overtakes_another(tmp_path: Path) -> None:
    config = build(Workspace(tmp_path), catalogue()).config
    blocks = {part["props"].get("elem_id"): part["id"] for part in config["components"]}
    for name in ("page-header", "painting", "gallery", "train-progress", "grid-head", "grid-cells", "queue"):
        drawn_by = [event for event in config["dependencies"] if blocks[name] in event["outputs"]]
        assert len(drawn_by) == 1, name
        (event,) = drawn_by
        assert [name for _, name in event["targets"]] == ["input"] and event["trigger_mode"] == "always_last"


def test_no_event_uses_the_queue(tmp_path: Path) -> None:
    """Gradio's queue loses an answer that is asked for while it closes the connection of the one before."""
    config = build(Workspace(tmp_path), catalogue()).config
    asked = [event for event in config["dependencies"] if event["backend_fn"]]
    assert len(asked) > 30
    assert not [event["targets"] for event in asked if event["queue"] is not False]


def test_no_two_calls_of_which_the_last_counts_hear_the_same_event(tmp_path: Path) -> None:
    """Gradio's page would send the event again at the end of each, to both, for ever."""
    config = build(Workspace(tmp_path), catalogue()).config
    last = [event for event in config["dependencies"] if event["trigger_mode"] == "always_last"]
    heard = Counter(
        tuple(target) for event in last for target in event["targets"] if event["trigger_after"] is None
    )
    assert len(last) > 10 and sum(heard.values()) > 1
    assert [target for target, count in heard.items() if count > 1] == []


def test_the_page_says_how_far_a_download_is(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.write_worker_state(WorkerState("starting", note="Fetching a/b: 2.1 of 6.9 GB"))
    assert "Fetching a/b: 2.1 of 6.9 GB …" in page_header(workspace)
    workspace.write_worker_state(WorkerState("starting"))
    assert "Starting the engine …" in page_header(workspace)


def test_the_page_is_built_without_reading_the_library(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(index: FileIndex, files: object) -> None:
        raise AssertionError("thousands of files are read before the page is up")

    monkeypatch.setattr(FileIndex, "read", read)
    build(Workspace(tmp_path), catalogue())
