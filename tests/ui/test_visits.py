"""The question of every second is answered from the newest values of a visit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from gradio.state_holder import SessionState

from studio.ui.app import build
from studio.ui.application import START, app_options
from studio.ui.doors import Door
from studio.ui.parts import visits as module
from studio.ui.parts.notice_cards import VISIT
from studio.ui.parts.visits import Visits
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue


@pytest.fixture
def parts() -> tuple[gr.Blocks, dict[str, Any]]:
    """A page with a State and a text."""
    with gr.Blocks() as blocks:
        kept, text = gr.State({"a": 1}), gr.Textbox()
    return blocks, {"drawn": kept, "values": [{"page": kept, "words": text}]}


def test_states_are_read_anew_and_texts_as_they_were_sent(parts: tuple[gr.Blocks, dict[str, Any]]) -> None:
    blocks, nested = parts
    state = SessionState(blocks)
    VISIT.set(state)
    visits = Visits(nested)
    visits.keep("mine", {"drawn": {"a": 1}, "values": [{"page": {"a": 1}, "words": "fox"}]})
    state[nested["drawn"]._id] = {"a": 2}
    assert visits.values("mine") == {"drawn": {"a": 2}, "values": [{"page": {"a": 2}, "words": "fox"}]}
    assert visits.values("another") is None


def test_a_visit_without_name_or_session_is_not_kept(parts: tuple[gr.Blocks, dict[str, Any]]) -> None:
    blocks, nested = parts
    sent = {"drawn": {}, "values": [{"page": {}, "words": ""}]}
    visits = Visits(nested)
    VISIT.set(None)
    visits.keep("mine", sent)
    VISIT.set(SessionState(blocks))
    visits.keep("", sent)
    assert visits.values("mine") is None and visits.values("") is None


def test_the_visit_that_asked_least_lately_is_forgotten(
    parts: tuple[gr.Blocks, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_VISITS", 2)
    blocks, nested = parts
    VISIT.set(SessionState(blocks))
    visits = Visits(nested)
    sent = {"drawn": {}, "values": [{"page": {}, "words": ""}]}
    visits.keep("first", sent)
    visits.keep("second", sent)
    assert visits.values("first") is not None
    visits.keep("third", sent)
    assert visits.values("second") is None and visits.values("first") is not None


def test_what_has_changed_is_said_until_it_is_drawn(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    page = build(workspace, catalogue())
    client = TestClient(
        App.create_app(page, app_kwargs=app_options(Door.of(), page.has_changed)), "http://127.0.0.1"
    )

    def has_changed(visit: str = "mine", tab: str = "train") -> bool:
        answer = client.get("/likeness/changed", params={"visit": visit, "tab": tab}).json()
        assert answer["start"] == START
        return answer["changed"]

    (number,) = (number for number, event in page.fns.items() if "likeness.visit" in str(event.js))
    others = [None if isinstance(part, gr.State) else part.value for part in page.fns[number].inputs[2:]]

    def draw() -> None:
        body = {"data": ["train", "mine", *others], "fn_index": number, "session_hash": "a"}
        assert client.post("/gradio_api/run/predict", json=body).status_code == 200

    assert has_changed()  # nothing was drawn yet
    draw()
    assert not has_changed() and has_changed("another") and has_changed(tab="queue")
    workspace.jobs.add("create", "a fox", {})
    assert has_changed()
    draw()
    assert not has_changed()
