"""What the board of boxes gets and sends, and the line that says how a picture is painted."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from studio.errors import StudioError
from studio.ui.create.places_board import board_state, boxes_in, with_sent_boxes
from studio.ui.create.sampling_line import PaintSettings, concepts_of, sampling_line
from studio.workspace.worker_state import WorkerState
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept

LEFT, RIGHT = (0.0, 0.0, 0.5, 1.0), (0.5, 0.0, 1.0, 1.0)


def sent(boxes: object) -> Any:
    return SimpleNamespace(_data={"boxes": boxes})


def painted(**changed: Any) -> PaintSettings:
    usual: dict[str, Any] = {"width": 0, "height": 0, "sampler": "DDIM", "steps": 20, "guidance": 3.0}
    return PaintSettings(**{**usual, "nouns": {}, "boxes": {}, **changed})


def test_all_boxes_of_the_board_are_taken_and_others_stay() -> None:
    before = {"<lily>": LEFT, "<gone>": RIGHT}
    boxes = with_sent_boxes(before, sent({"<lily>": None, "<Tom>": [0.5, -1, 3, 1]}))
    assert boxes == {"<gone>": RIGHT, "<tom>": RIGHT}
    assert boxes_in("lily=0,0,0.5,1") == {"<lily>": LEFT} and boxes_in("lily=left") == {}


@pytest.mark.parametrize(
    "wrong",
    [
        *(None, [], {"<lily>": [0, 0, 1]}, {"<lily>": "0,0,1,1"}, {"<lily>": [0, 0, "1", 1]}),
        *({"<lily>": [0.5, 0, 0.5, 1]}, {"<lily>": [0, float("nan"), 1, 1]}, {"../x": [0, 0, 1, 1]}),
        {f"<h{number}>": None for number in range(100)},
    ],
)
def test_what_is_no_box_is_refused(wrong: object) -> None:
    with pytest.raises(StudioError):
        with_sent_boxes({}, sent(wrong))


def test_the_board_shows_concepts_of_the_prompt_in_the_shape_of_the_picture(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for handle, noun in (("<lily>", "dog"), ("<tom>", "cat")):
        save_concept(workspace.concepts.path(handle), header_of(handle, noun, 1, 5, 40))
    nouns = concepts_of(workspace, "<tom> and <lora:lily:0.5>, <nobody>")
    assert nouns == {"<tom>": "cat", "<lily>": "dog"}
    now = painted(nouns=nouns, boxes={"<lily>": LEFT, "<gone>": RIGHT}, width=256)
    assert json.loads(board_state(workspace, now))["ratio"] == 1  # while no base is loaded
    workspace.write_worker_state(WorkerState("ready", {"resolution": 128}))
    state = json.loads(board_state(workspace, now))
    assert state["ratio"] == 2 and [one["box"] for one in state["concepts"]] == [None, list(LEFT)]
    assert len({one["colour"] for one in state["concepts"]}) == 2
    line = sampling_line(workspace, now)
    for words in (">256 × 128<", ">DDIM 20 steps<", ">guidance 3<", ">starter<", ">1 box<"):
        assert words in line, words
    assert "box" not in sampling_line(workspace, painted())


def test_a_base_of_ones_own_is_named(tmp_path: Path) -> None:
    (tmp_path / "my <base>").mkdir()
    line = sampling_line(Workspace(tmp_path / "work", tmp_path / "my <base>"), painted(steps=1))
    assert ">my &lt;base&gt;<" in line and ">usual size<" in line and ">DDIM 1 step<" in line
