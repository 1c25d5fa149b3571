"""What is kept of the controls, and that nothing strange of a draft reaches them."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from fastapi.testclient import TestClient
from gradio.routes import App
from PIL import Image

from studio.photos.photo import Photo
from studio.photos.swap import Naming, Swap
from studio.ui.app import build
from studio.ui.application import app_options
from studio.ui.create.knob_sliders import Knob
from studio.ui.doors import Door
from studio.ui.kept_form import KeptForm, fits
from studio.ui.train.demo_subjects import demo_subjects
from studio.ui.train.session_photos import SessionPhotos, locked
from studio.workspace.workspace import Workspace
from tests.browser.stage import catalogue

ONE, OTHER = "a" * 32, "b" * 32
DEMO = {"action": "demo", "id": demo_subjects()[0].slug}
ROOM = "Your photos made room for these."


def test_a_session_keeps_its_photos_after_a_change_and_not_what_it_restored() -> None:
    kept: list[list[str]] = []
    session = SessionPhotos()
    one, two = (Photo(name, Image.new("RGB", (8, 8))) for name in "ab")

    @locked
    def set_photos(session: SessionPhotos, photos: list[Photo]) -> None:
        session.replace_all(photos)

    @locked
    def look(session: SessionPhotos) -> None:
        session.photo(0)

    session.restore([one], lambda photos, _: kept.append([photo.name for photo in photos]))
    look(session=session)
    assert kept == []
    set_photos(session=session, photos=[one, two])
    look(session=session)
    assert kept == [["a", "b"]]


@pytest.fixture
def form() -> KeptForm:
    with gr.Blocks():
        steps, name = gr.Number(40, precision=0), gr.Textbox("", max_length=9)
        flips = gr.Checkbox(True)
        sampler = gr.Dropdown([("A", "a"), ("B", "b")], value="a")
        share = gr.Slider(0, 1, value=0.5)
        tab = {"steps": steps, "name": name, "flips": flips, "sampler": sampler, "share": share}
        made = KeptForm({"one": tab}, gr.State([]), [], lambda: {steps: gr.update(value=60)}, {})
    return made


def values(form: KeptForm, changes: dict[Any, Any]) -> dict[str, Any]:
    return {name: changes[control] for name, control in form.controls.items()}


def test_only_what_differs_from_the_default_of_this_base_is_kept(form: KeptForm) -> None:
    now = {"steps": 60, "name": "lily", "flips": False, "sampler": "a", "share": None}
    knob = Knob("<lily>", "bias", 0.5, 0, 1, "")
    strength = Knob("<lily>", "", 1.0, 0, 2, "")
    kept = form.written(now, [strength, knob], [0.8, 0.5, 3.0])
    assert kept == {"name": "lily", "flips": False, "knob <lily> ": 0.8}
    assert values(form, form.changes(kept)) == {**now, "share": 0.5}
    assert values(form, form.changes({})) == {**now, "share": 0.5, "name": "", "flips": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("steps", "x"), ("steps", 1e300), ("steps", True), ("name", 7), ("name", "x" * 10), ("flips", 1)),
        *(("sampler", "c"), ("sampler", 1), ("share", 1.5), ("share", "0.5"), ("share", -1)),
    ],
)
def test_what_a_control_cannot_show_gets_its_default(form: KeptForm, name: str, value: Any) -> None:
    assert not fits(form.controls[name], value)
    assert values(form, form.changes({name: value})) == values(form, form.changes({}))


def endpoint(page: gr.Blocks, target: str, outputs_have: str) -> tuple[int, Any]:
    """Return the event of this name that has an output with this element id."""
    for number, event in page.fns.items():
        ids = [getattr(part, "elem_id", None) for part in event.outputs]
        if event.fn and outputs_have in ids and target in {name for _, name in event.targets}:
            return number, event
    raise LookupError(target)


def test_a_draft_comes_back_to_its_browser_alone_and_keeping_one_is_quick(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    page = build(workspace, catalogue())
    page.queue(api_open=False)
    client = TestClient(App.create_app(page, app_kwargs=app_options(Door.of(), page)))
    load, restore = endpoint(page, "then", "photo-strip")
    heard = next(number for number, one in page.fns.items() if len(one.targets) > 40)
    keep, event = next((number, one) for number, one in page.fns.items() if one.trigger_after == heard)

    def send(number: int, event: Any, session: str, first: list[Any], **named: Any) -> list[Any]:
        usual = [None if part.stateful else part.value for part in event.inputs]
        for place, part in enumerate(event.inputs):
            usual[place] = named.get(getattr(part, "elem_id", None) or "", usual[place])
        body = {"fn_index": number, "data": [*first, *usual[len(first) :]], "session_hash": session}
        answer = client.post("/gradio_api/run/predict", json=body, headers={"host": "127.0.0.1"})
        assert "data" in answer.json(), answer.text
        return answer.json()["data"]

    def shown(answer: list[Any], elem_id: str) -> Any:
        place = [getattr(part, "elem_id", None) for part in restore.outputs].index(elem_id)
        return answer[place]

    send(keep, event, "one", ["create", ""], prompt="before the draft is back")
    send(load, restore, "one", [ONE])
    spent = time.process_time()
    send(keep, event, "one", ["create", ONE], **{"prompt": "a <b>cat</b>", "concept-name": "lily"})
    assert time.process_time() - spent < 0.3
    workspace.drafts.flush()
    assert workspace.drafts.read(ONE).form == {
        "prompt": "a <b>cat</b>",
        "concept-name": "lily",
        "tab": "create",
    }
    answer = send(load, restore, "two", [ONE])
    assert shown(answer, "prompt") == "a <b>cat</b>" and shown(answer, "concept-name") == "lily"
    assert shown(answer, "last-tab") == "create"
    skipped = shown(send(load, restore, "three", [OTHER]), "prompt")
    assert skipped == {"__type__": "update"}
    for wrong in ("../../etc", "", "A" * 32):
        assert shown(send(load, restore, "four", [wrong]), "prompt") == {"__type__": "update"}
    send(keep, event, "four", ["create", "../" + ONE], prompt="out")
    workspace.drafts.flush()
    assert sorted(path.name for path in workspace.drafts.folder.iterdir()) == [ONE]


def block_endpoint(page: gr.Blocks, block: str, outputs_have: str = "photo-strip") -> tuple[int, Any]:
    """Return the event that a press in a block triggers, which has an output with this element id."""
    (id,) = (number for number, part in page.blocks.items() if part.elem_id == block)
    for number, event in page.fns.items():
        outputs = [getattr(part, "elem_id", None) for part in event.outputs]
        if event.fn and (id, "click") in event.targets and outputs_have in outputs:
            return number, event
    raise LookupError(block)


@dataclasses.dataclass
class Visitor:
    """Calls the events of a page, in a session of their own."""

    client: TestClient
    session: str

    def send(
        self, endpoint: tuple[int, Any], first: Sequence[Any] = (), data: Any = None, **named: Any
    ) -> dict[Any, Any]:
        """Call an event with these first values, those named by id, and else the usual ones.

        Returns its answer by id.
        """
        number, event = endpoint
        named = {name.replace("_", "-"): value for name, value in named.items()}
        usual = [None if part.stateful else named.get(str(part.elem_id), part.value) for part in event.inputs]
        body = {"fn_index": number, "data": [*first, *usual[len(first) :]], "session_hash": self.session}
        body["event_data"] = data
        answer = self.client.post("/gradio_api/run/predict", json=body, headers={"host": "127.0.0.1"}).json()
        ids = (getattr(part, "elem_id", None) for part in event.outputs)
        return dict(zip(ids, answer["data"], strict=True))


def test_photos_put_in_before_the_draft_is_back_stay(tmp_path: Path) -> None:
    kept: list[Sequence[Photo]] = []
    early, before = (Photo(name, Image.new("RGB", (8, 8))) for name in ("early", "before"))
    session = SessionPhotos()
    session.replace_all([early])
    session.restore([before], lambda photos, _: kept.append(photos))
    session.keep_changes()
    assert session.photos == [early] and kept == [[early]]
    workspace = Workspace(tmp_path)
    page = build(workspace, catalogue())
    client = TestClient(App.create_app(page, app_kwargs=app_options(Door.of(), page)))
    workspace.drafts.keep_form(ONE, {"prompt": "a cat", "concept-name": "old"})
    workspace.drafts.flush()
    quick = Visitor(client, "quick")
    quick.send(block_endpoint(page, "demo-subjects"), data=DEMO)
    brought = quick.send(endpoint(page, "then", "photo-strip"), [ONE])
    assert brought["prompt"] == "a cat"
    assert "value" not in brought["concept-name"] and "value" not in brought["photo-strip"]


def test_photos_that_are_dropped_in_after_a_fresh_start_are_in_nobodys_place(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    page = build(workspace, catalogue())
    visitor = Visitor(TestClient(App.create_app(page, app_kwargs=app_options(Door.of(), page))), "one")
    demo, afresh = block_endpoint(page, "demo-subjects"), block_endpoint(page, "train-afresh")
    visitor.send(demo, data=DEMO)
    assert ROOM in visitor.send(demo, data=DEMO)["photo-strip"]
    assert not visitor.send(afresh, data={"action": "afresh", "id": ""})["photo-strip"]
    assert ROOM in visitor.send(afresh, data={"action": "back", "id": ""})["photo-strip"]
    visitor.send(afresh, data={"action": "afresh", "id": ""})
    assert ROOM not in visitor.send(demo, data=DEMO)["photo-strip"]


def test_photos_that_made_room_for_a_demo_come_back_after_a_reload_until_others_are_learned(
    tmp_path: Path,
) -> None:
    workspace = Workspace(tmp_path)
    page = build(workspace, catalogue())
    client = TestClient(App.create_app(page, app_kwargs=app_options(Door.of(), page)))
    first, second, third, last = (Visitor(client, name) for name in ("first", "second", "third", "last"))
    load, demo = endpoint(page, "then", "photo-strip"), block_endpoint(page, "demo-subjects")
    strip, train = block_endpoint(page, "photo-strip"), block_endpoint(page, "train")
    own = Photo("own.jpg", Image.effect_noise((80, 80), 90).convert("RGB"))
    workspace.drafts.keep_photos(ONE, [own])
    assert "own.jpg" in first.send(load, [ONE])["photo-strip"]
    first.send(demo, data=DEMO)
    shown = second.send(load, [ONE])["photo-strip"]
    assert ROOM in shown and "own.jpg" not in shown
    shown = second.send(strip, data={"action": "remove", "id": "0"})["photo-strip"]
    assert "is removed." in shown and ROOM in shown
    shown = second.send(strip, data={"action": "clear", "id": ""})["photo-strip"]
    assert ROOM in shown and ROOM in third.send(load, [ONE])["photo-strip"]
    shown = third.send(strip, data={"action": "swap-back", "id": ""})["photo-strip"]
    assert "own.jpg" in shown and ROOM not in shown
    later = Photo("later.jpg", Image.effect_noise((80, 80), 90).convert("RGB"))
    workspace.drafts.keep_photos(ONE, [later], Swap((own,), (), Naming(1, "", "")))
    assert ROOM in last.send(load, [ONE])["photo-strip"]
    shown = last.send(train, concept_name="lily", concept_noun="cat")["photo-strip"]
    assert "later.jpg" in shown and ROOM not in shown and workspace.jobs.newest()
    assert workspace.drafts.read(ONE).swap is None
