"""The question of every second is answered from the newest values of a visit."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from gradio.state_holder import SessionState

from studio.ui.app import build
from studio.ui.application import app_options
from studio.ui.doors import Door
from studio.ui.parts import visits as module
from studio.ui.parts.live_views import START
from studio.ui.parts.visits import SESSION, Visit, Visits
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue


@pytest.fixture
def parts() -> tuple[gr.Blocks, dict[str, Any]]:
    """A page with a State and a text."""
    with gr.Blocks() as blocks:
        kept, text = gr.State({"a": 1}), gr.Textbox()
    return blocks, {"drawn": kept, "values": [{"page": kept, "words": text}]}


NOTHING: dict[str, Any] = {"drawn": {}, "values": [{"page": {}, "words": ""}]}


def test_states_are_read_anew_and_texts_as_they_were_sent(parts: tuple[gr.Blocks, dict[str, Any]]) -> None:
    blocks, nested = parts
    session = SessionState(blocks)
    SESSION.set(session)
    visits = Visits(nested)
    assert not visits.keep("mine", {"drawn": {"a": 1}, "values": [{"page": {"a": 1}, "words": "fox"}]})
    visit = visits.ask("mine")
    assert visit and visits.values(visit)["drawn"] == {"a": 1}  # as the page is built
    session[nested["drawn"]._id] = {"a": 2}
    assert visits.values(visit) == {"drawn": {"a": 2}, "values": [{"page": {"a": 2}, "words": "fox"}]}
    assert visits.ask("another") is None
    assert visits.keep("mine", NOTHING)


def test_a_visit_without_name_or_session_is_not_kept(parts: tuple[gr.Blocks, dict[str, Any]]) -> None:
    blocks, nested = parts
    visits = Visits(nested)
    SESSION.set(None)
    visits.keep("mine", NOTHING)
    SESSION.set(SessionState(blocks))
    visits.keep("", NOTHING)
    assert visits.ask("mine") is None and visits.ask("") is None


def test_the_visit_that_asked_least_lately_is_forgotten(
    parts: tuple[gr.Blocks, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_VISITS", 2)
    blocks, nested = parts
    SESSION.set(SessionState(blocks))
    visits = Visits(nested)
    visits.keep("first", NOTHING)
    visits.keep("second", NOTHING)
    assert visits.ask("first") is not None
    visits.keep("third", NOTHING)
    assert visits.ask("second") is None and visits.ask("first") is not None


def test_states_outlive_a_broken_connection_as_long_as_the_visit_asks(
    parts: tuple[gr.Blocks, dict[str, Any]],
) -> None:
    blocks, nested = parts
    session, number = SessionState(blocks), nested["drawn"]._id
    session[number] = {"a": 2}
    long_ago = datetime.now() - timedelta(hours=2)
    session._state_ttl[number] = (session._state_ttl[number][0], long_ago)
    visit = Visit(session, NOTHING, time.monotonic() - 30)
    visit.keep_alive()
    assert session._state_ttl[number][1] == long_ago  # the connection is there: Gradio keeps it by itself
    session.is_closed = True  # for good, whatever the page does
    assert not visit.is_lost and [expired for _, _, expired in session.state_components] == [True]
    visit.keep_alive()
    assert [expired for _, _, expired in session.state_components] == [False]
    visit.asked -= session.STATE_TTL_WHEN_CLOSED + 1
    assert visit.is_lost


@pytest.mark.parametrize("root_path", ["", "/likeness"])
def test_what_has_changed_is_said_until_it_is_drawn(tmp_path: Path, root_path: str) -> None:
    workspace = Workspace(tmp_path)
    page = build(workspace, catalogue())
    page.root_path = root_path
    app = App.create_app(page, app_kwargs=app_options(Door.of(), page.has_changed))
    client = TestClient(app, "http://127.0.0.1", root_path=root_path)

    def news(visit: str = "mine", tab: str = "train") -> dict[str, Any]:
        answer = client.get("/gradio_api/changed", params={"visit": visit, "tab": tab})
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    def has_changed(visit: str = "mine", tab: str = "train") -> bool:
        answer = news(visit, tab)
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
    app.state_holder["a"].is_closed = True
    assert not has_changed()
    app.state_holder["a"].STATE_TTL_WHEN_CLOSED = -1
    assert news() == {"changed": False, "start": ""}  # the page begins again


def test_who_has_not_given_the_password_is_told_nothing(tmp_path: Path) -> None:
    page = build(Workspace(tmp_path), catalogue())
    page.auth, page.auth_message = [("me", "secret")], ""
    app = App.create_app(page, app_kwargs=app_options(Door.of(), page.has_changed))
    client = TestClient(app, "http://127.0.0.1")
    refused = client.get("/gradio_api/changed")
    assert refused.status_code == 401 and refused.json() == {}
    client.post("/login", data={"username": "me", "password": "secret"})
    assert client.get("/gradio_api/changed").json()["changed"]
    client.get("/logout")
    assert client.get("/gradio_api/changed").status_code == 401
