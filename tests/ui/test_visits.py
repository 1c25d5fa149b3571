"""The question of every second is answered from the newest values of a visit."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
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
from studio.ui.parts.visits import SESSION, Visits
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue


@pytest.fixture
def parts() -> tuple[gr.Blocks, dict[str, Any]]:
    """A page with a State and a text."""
    with gr.Blocks() as blocks:
        kept, text = gr.State({"a": 1}), gr.Textbox()
    return blocks, {"page": kept, "words": text}


def drawer(page: gr.Blocks, tab: str) -> tuple[int, str]:
    """Return the event that draws a tab's views."""
    (number,) = (n for n, block in page.blocks.items() if block.elem_id == f"live-{tab or 'page'}")
    return number, "input"


def test_states_are_read_anew_and_texts_as_they_were_sent(parts: tuple[gr.Blocks, dict[str, Any]]) -> None:
    blocks, view = parts
    session = SessionState(blocks)
    SESSION.set(session)
    visits = Visits({"": [view]})
    assert visits.sent_by_browser("") == [view["words"]]
    visit = visits.keep("mine", "", ["fox"])
    assert visits.values(visit, "") == [{"page": {"a": 1}, "words": "fox"}]  # as the page is built
    session[view["page"]._id] = {"a": 2}
    assert visits.values(visit, "") == [{"page": {"a": 2}, "words": "fox"}]
    assert visits.ask("another") is None
    assert visits.keep("mine", "", ["cat"]) is visit is visits.ask("mine") and visit.sent == {"": ["cat"]}
    SESSION.set(SessionState(blocks))
    assert visits.keep("mine", "", ["cat"]) is not visit  # its states are gone


def test_a_visit_without_a_name_is_drawn_and_not_kept(parts: tuple[gr.Blocks, dict[str, Any]]) -> None:
    blocks, view = parts
    SESSION.set(SessionState(blocks))
    visits = Visits({"": [view]})
    assert visits.keep("", "", ["fox"]).sent == {"": ["fox"]} and visits.ask("") is None


def test_the_visit_that_asked_least_lately_is_forgotten(
    parts: tuple[gr.Blocks, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_VISITS", 2)
    blocks, view = parts
    SESSION.set(SessionState(blocks))
    visits = Visits({"": [view]})
    visits.keep("first", "", [""])
    visits.keep("second", "", [""])
    assert visits.ask("first") is not None
    visits.keep("third", "", [""])
    assert visits.ask("second") is None and visits.ask("first") is not None


def test_states_outlive_a_broken_connection_as_long_as_the_visit_asks(
    parts: tuple[gr.Blocks, dict[str, Any]],
) -> None:
    blocks, view = parts
    session, number = SessionState(blocks), view["page"]._id
    SESSION.set(session)
    assert session[number] == {"a": 1}  # no output of an event: Gradio alone would keep it for ever
    visit = Visits({"": [view]}).keep("mine", "", [""])
    assert list(session._state_ttl) == [number]
    long_ago = datetime.now() - timedelta(hours=2)
    session._state_ttl[number] = (session._state_ttl[number][0], long_ago)
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
    app = App.create_app(page, app_kwargs=app_options(Door.of(), page))
    client = TestClient(app, "http://127.0.0.1", root_path=root_path)

    def news(visit: str = "mine", tab: str = "train") -> dict[str, Any]:
        answer = client.get("/gradio_api/changed", params={"visit": visit, "tab": tab})
        assert answer.headers["cache-control"] == "no-store"
        return answer.json()

    def changed(visit: str = "mine", tab: str = "train") -> list[str]:
        answer = news(visit, tab)
        assert answer["start"] == START
        return answer["changed"]

    def draw(tab: str) -> None:
        number, event = next((n, one) for n, one in page.fns.items() if drawer(page, tab) in one.targets)
        others = [None if isinstance(part, gr.State) else part.value for part in event.inputs[1:]]
        body = {"data": ["mine", *others], "fn_index": number, "session_hash": "a"}
        assert client.post("/gradio_api/run/predict", json=body).status_code == 200

    assert changed() == ["", "train"]  # nothing was drawn yet
    draw("train")
    assert changed() == [""]
    draw("")
    assert changed() == [] and changed("another") == ["", "train"] and changed(tab="queue") == ["queue"]
    assert len(changed("another", tab="elsewhere")) == 6
    task = {"method": "dreambooth", "handle": "<lily>", "noun": "cat", "photos": 1}
    workspace.jobs.add("train", "<lily> with DreamBooth", task)
    assert changed() == ["train"] and news()["news"]["waiting"] == 1
    draw("train")
    assert changed() == []
    app.state_holder["a"].is_closed = True
    assert changed() == []
    app.state_holder["a"].STATE_TTL_WHEN_CLOSED = -1
    told = news()
    assert told["changed"] == [] and told["start"] == ""  # the page begins again


def test_of_two_drawings_at_once_the_later_one_shows_what_has_changed(tmp_path: Path) -> None:
    page = build(Workspace(tmp_path), catalogue())
    event = next(one for one in page.fns.values() if drawer(page, "queue") in one.targets)
    session = SessionState(page)

    async def draw_twice() -> list[dict[str, Any]]:
        calls = (page.process_api(event, ["mine"], session) for _ in range(2))
        return [answer["data"][1] for answer in await asyncio.gather(*calls)]

    with ThreadPoolExecutor(1) as executor:  # browsers of other tests have a loop in this thread
        earlier, later = executor.submit(asyncio.run, draw_twice()).result()
    assert "value" not in earlier and "Nothing in the queue" in str(later)
    assert page.what_changed("mine", "queue") == [""]


def test_who_has_not_given_the_password_is_told_nothing(tmp_path: Path) -> None:
    page = build(Workspace(tmp_path), catalogue())
    page.auth, page.auth_message = [("me", "secret")], ""
    app = App.create_app(page, app_kwargs=app_options(Door.of(), page))
    client = TestClient(app, "http://127.0.0.1")
    refused = client.get("/gradio_api/changed")
    assert refused.status_code == 401 and refused.json() == {}
    client.post("/login", data={"username": "me", "password": "secret"})
    assert client.get("/gradio_api/changed").json()["changed"]
    client.get("/logout")
    assert client.get("/gradio_api/changed").status_code == 401
