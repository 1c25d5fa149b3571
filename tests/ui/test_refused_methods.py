"""Methods that do not work on the base: said in the Train tab, and refused before anything is queued."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.errors import StudioError
from studio.ui.train.refused_methods import check_method, refused_methods
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue

REASON = "no layer of it reads the prompt <alone>"


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace(tmp_path)
    refusals = {"dreambooth": REASON, "break_a_scene": REASON, "of_a_plugin": "it is too old"}
    made.write_worker_state(WorkerState("ready", {"name": "new-base"}, refusals))
    return made


def test_those_with_one_reason_are_named_together_and_greyed_out(workspace: Workspace) -> None:
    shown = refused_methods(workspace, catalogue())
    assert "<b>DreamBooth, Break-A-Scene</b> not on this base: no layer of it reads the prompt" in shown
    assert "&lt;alone&gt;" in shown and "too old" not in shown
    for id, is_grey in (("dreambooth", True), ("break_a_scene", True), ("textual_inversion", False)):
        assert (f'#method label:has(input[value="{id}"])' in shown) == is_grey


def test_a_base_that_refuses_all_says_so_once(workspace: Workspace) -> None:
    state = WorkerState("ready", {"name": "turbo"}, {card.id: "it was distilled" for card in catalogue()})
    workspace.write_worker_state(state)
    assert "<p><b>Nothing can be learned</b> on this base: it was distilled.</p>" in refused_methods(
        workspace, catalogue()
    )


def test_nothing_is_said_on_a_base_that_all_work_on(workspace: Workspace) -> None:
    workspace.write_worker_state(WorkerState("ready", {"name": "starter"}))
    assert refused_methods(workspace, catalogue()) == ""


def test_a_training_with_one_is_refused_at_once(workspace: Workspace) -> None:
    word, dreambooth, _ = catalogue()
    check_method(workspace, word)
    with pytest.raises(StudioError, match="DreamBooth does not work on new-base: no layer"):
        check_method(workspace, dreambooth)
