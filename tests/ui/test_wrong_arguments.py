"""Whatever a program sends to the page's endpoints, the answer is a sentence: no status 500, no traceback."""

from __future__ import annotations

import dataclasses
import inspect
import json
import logging
import os
from collections.abc import Iterator
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App

from studio.errors import StudioError
from studio.recipes.axis import SINGLE, Axis
from studio.recipes.grid import Grid
from studio.recipes.recipe import Recipe
from studio.ui.app import build
from studio.ui.application import app_options
from studio.ui.compare.blind_vote import toggled
from studio.ui.compare.carried import carried_text
from studio.ui.doors import Door
from studio.ui.parts import routes
from studio.ui.parts.arguments import MAX_LETTERS
from studio.ui.train.demo_subjects import demo_subjects
from studio.workspace.workspace import Workspace
from tests.browser.actor import header_of, save_concept
from tests.browser.stage import GLOW, catalogue

WRONG: list[Any] = [
    *(None, True, -1, 0.5, 1e308, -1e308, 10**400, 2**63, "", "x", "<rusty>", "../../etc", "\0", "\ud800"),
    *("9" * 5000, "x" * 200_000, [], [1, "a", None], {}, {"path": "/etc/passwd"}, {"a": {"b": [1]}}, [[[]]]),
    {"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}},
]
BUTTONS = (
    "paint compare create open close keep discard retry stop insert example demo select undo left right "
    "choose side swap pick start reveal same along point judge use again refine unrefine clear centre "
    "unfold fold put-away put-all-away afresh back swap-back open-trash close-trash restore delete-for-good "
    "empty-trash unused"
).split()
FULL = bool(os.environ.get("LIKENESS_FULL_FUZZ"))  # every wrong value in every argument: minutes
EVENTS: list[Any] = [
    *WRONG,
    *({"action": action, "id": id} for action in BUTTONS for id in ("", "0", str(10**30))),
    *(dict.fromkeys(("action", "id", "x", "y", "photo", "subject", "masks"), value) for value in WRONG),
    *({"files": value, "failed": value} for value in WRONG),
]


@dataclasses.dataclass
class Caller:
    """Calls the endpoints of a page, in the session "one"; `log` is pytest's, with what the page logged."""

    page: Any
    client: TestClient
    log: Any

    def send(self, number: int, data: Any, event: Any = None, **more: Any) -> Any:
        """Call an endpoint; returns its answer."""
        body = {"fn_index": number, "data": data, "event_data": event, "session_hash": "one", **more}
        return self.client.post(
            "/gradio_api/run/predict",
            content=json.dumps(body),
            headers={"content-type": "application/json", "host": "127.0.0.1"},
        )

    def is_sentence(self, answer: Any) -> bool:
        """Return whether an answer is one that a person may read, and nothing of it is a fault of ours."""
        text = answer.text
        faults = [record for record in self.log.records if record.exc_info]
        return answer.status_code < 500 and "Traceback" not in text and not faults


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, TestClient]]:
    """A page on a workspace with a concept and a grid, and a session with photos of which one is open."""
    workspace = Workspace(tmp_path_factory.mktemp("work"), refinements=(GLOW,))
    save_concept(workspace.concepts.path("<rusty>"), header_of("<rusty>", "fox", 9, 5, 40))
    workspace.compare(Grid(Recipe("a <rusty>"), Axis.parse("guidance", "2, 4", ()), SINGLE))
    page = build(workspace, catalogue())
    page.queue(api_open=False)
    app = App.create_app(page, app_kwargs=app_options(Door.of(), page))
    with TestClient(app, raise_server_exceptions=False) as client:
        caller = Caller(page, client, None)
        answers = []
        for pressed in ({"action": "demo", "id": demo_subjects()[0].slug}, {"action": "open", "id": "0"}):
            for number, event in endpoints(page).items():
                if takes_event(event):
                    answers.append(caller.send(number, usual_values(event), pressed).text)
        assert any("photo_key" in text for text in answers), "a photo is open"
        yield page, client


@pytest.fixture
def caller(made: Any, caplog: pytest.LogCaptureFixture) -> Caller:
    """The page, with an empty log."""
    caplog.set_level(logging.WARNING)
    return Caller(*made, caplog)


def endpoints(page: Any) -> dict[int, Any]:
    """Return the events that the server answers, by number."""
    return {number: event for number, event in page.fns.items() if event.fn}


def takes_event(event: Any) -> bool:
    """Return whether a handler reads what its event brings."""
    return "event" in inspect.signature(event.fn).parameters


def sample(values: list[Any], start: int, every: int) -> list[Any]:
    """Return each `every`th value, from another one on for each `start`; all of them in a full run."""
    return values if FULL else values[start % every :: every]


def usual_values(event: Any) -> list[Any]:
    """Return what the page sends at first."""
    return [None if part.stateful else part.value for part in event.inputs]


@pytest.mark.slow
def test_wrong_types_in_every_argument(caller: Caller, capfd: pytest.CaptureFixture) -> None:
    called = 0
    bad = []
    for number, event in endpoints(caller.page).items():
        usual = usual_values(event)
        places = [place for place, part in enumerate(event.inputs) if not part.stateful]
        lists = [[wrong] * len(usual) for wrong in sample(WRONG, number, 6)]
        for place in places:
            some = sample(WRONG, number + place, 24)
            lists += [[*usual[:place], wrong, *usual[place + 1 :]] for wrong in some]
        for data in lists:
            called += 1
            answer = caller.send(number, data, {"action": "paint", "id": "<rusty>"})
            if not caller.is_sentence(answer):
                bad.append((number, event.name, repr(data)[:300], answer.status_code))
                caller.log.clear()
    assert not bad, (len(bad), called, bad[:20])
    assert called > 400
    assert "Traceback" not in "".join(capfd.readouterr())


@pytest.mark.slow
def test_wrong_events_at_every_endpoint(caller: Caller, capfd: pytest.CaptureFixture) -> None:
    bad = []
    for number, event in endpoints(caller.page).items():
        for data in sample(EVENTS, number, 8) if takes_event(event) else ():
            answer = caller.send(number, usual_values(event), data)
            if not caller.is_sentence(answer):
                bad.append((number, event.name, repr(data)[:300], answer.status_code))
                caller.log.clear()
    assert not bad, (len(bad), bad[:20])
    assert "Traceback" not in "".join(capfd.readouterr())


def test_every_text_says_how_long_it_may_be_and_what_a_grid_carries_along_may_be_long(caller: Caller) -> None:
    inputs = {id(part): part for event in endpoints(caller.page).values() for part in event.inputs}
    texts = [part for part in inputs.values() if isinstance(part, gr.Textbox)]
    assert texts and [part.label or part.elem_id for part in texts if not part.max_length] == []
    long = carried_text(Recipe("", strengths={f"<very-long-name-{n}>": 0.5 for n in range(75)}), ("prompt",))
    assert len(long) > MAX_LETTERS
    called = 0
    for number, event in endpoints(caller.page).items():
        names = [getattr(part, "elem_id", None) for part in event.inputs]
        if "grid-base" in names:
            called += 1
            values = [
                long if name == "grid-base" else value
                for name, value in zip(names, usual_values(event), strict=True)
            ]
            assert "too long" not in caller.send(number, values, {"action": "afresh", "id": ""}).text
    assert called >= 4


def test_missing_arguments_and_endpoints(caller: Caller, capfd: pytest.CaptureFixture) -> None:
    for number, event in endpoints(caller.page).items():
        for data in ([], usual_values(event)[:-1], None, {}, "x", 7):
            assert caller.is_sentence(caller.send(number, data)), (number, data)
    for number in (-1, 10**6, 10**30, "x", None, [], 1.5):
        answer = caller.send(number, [])
        assert answer.status_code in (400, 404, 422), number
    for more in ({"trigger_id": 10**9}, {"session_hash": 7}, {"batched": True}, {"event_id": "x"}):
        assert caller.is_sentence(caller.send(next(iter(endpoints(caller.page))), [], **more)), more
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_request_that_is_too_large_is_refused_unread(
    caller: Caller, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(routes, "MAX_BYTES", 1000)
    assert caller.send(0, ["x" * 2000]).status_code == 413
    parts = (b"[" * 300 for _ in range(5))  # sent without saying how much there is
    headers = {"content-type": "application/json", "host": "127.0.0.1"}
    answer = caller.client.post("/gradio_api/run/predict", content=parts, headers=headers)
    assert answer.status_code == 400 and caller.is_sentence(answer)
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_pick_that_is_no_column_or_row_is_a_sentence() -> None:
    for name in ("", "x", "z:0", "x:", "x:-1", "x:1:2"):
        with pytest.raises(StudioError, match="That column or row is not there"):
            toggled((), name)
    assert toggled(toggled((), "x:0"), "x:1") == ("x:0", "x:1")
