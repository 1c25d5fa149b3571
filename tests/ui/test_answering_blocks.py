"""Late answers: of calls of which only the last counts, and to an edit after the card of a press."""

from __future__ import annotations

import asyncio
import functools
import sys
import time
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import SessionState

from studio.errors import StudioError
from studio.ui.parts.answering_blocks import AnsweringBlocks
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import html_block

NUMBERS = (1, 2, 3)  # of the calls, in the order in which they arrive


def page(trigger_mode: str) -> AnsweringBlocks:
    """Return a page whose handler takes the longer, the shorter the text is."""
    with AnsweringBlocks() as blocks:
        typed, shown, kept = gr.Textbox(), gr.Textbox(), gr.State("")

        def show(text: str) -> Changes:
            time.sleep(0.3 / len(text))
            return {shown: text, kept: text}

        connect = functools.partial(Connector().connect, notice=html_block())
        connect(typed.change, show, inputs={"text": typed}, outputs=[shown, kept], trigger_mode=trigger_mode)
    return blocks


def numbered(function: Any, at: int, text: str) -> list[Any]:
    """Return what the page sends: the call's number first, where only the last call counts."""
    return [NUMBERS[at], text] if function.fn.is_numbered else [text]


async def answers(blocks: AnsweringBlocks, *texts: str, visits: int = 1) -> tuple[list[Any], list[Any]]:
    """Call the handler with all texts at once; returns what is shown, and what each visit has kept."""
    states = [SessionState(blocks) for _ in range(visits)]
    (function,) = (one for one in blocks.fns.values() if one.fn is not None)
    calls = (
        blocks.process_api(function, numbered(function, at, text), states[at % visits])
        for at, text in enumerate(texts)
    )
    answered = [answer["data"][0] for answer in await asyncio.gather(*calls)]
    return answered, [state[function.outputs[1]._id] for state in states]


def run(call: Coroutine[Any, Any, Any]) -> Any:
    """Wait for a call in a thread of its own: browsers of other tests have a loop in this one."""
    with ThreadPoolExecutor(1) as executor:
        return executor.submit(asyncio.run, call).result()


def is_skipped(value: Any) -> bool:
    return isinstance(value, dict) and "value" not in value


def test_a_late_answer_to_an_earlier_call_changes_nothing() -> None:
    shown, kept = run(answers(page("always_last"), "a", "longer text"))
    assert is_skipped(shown[0]) and shown[1] == "longer text" and kept == ["longer text"]


def test_calls_count_in_the_order_in_which_they_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "NUMBERS", (2, 1))  # the second came first
    shown, kept = run(answers(page("always_last"), "made last", "a"))
    assert shown[0] == "made last" and is_skipped(shown[1]) and kept == ["made last"]


def test_one_call_after_the_other_is_answered() -> None:
    blocks = page("always_last")
    for text in ("a", "longer text", "b"):
        assert run(answers(blocks, text))[0] == [text]


def test_visits_do_not_overtake_each_other() -> None:
    shown, kept = run(answers(page("always_last"), "a", "longer text", visits=2))
    assert shown == kept == ["a", "longer text"]


@pytest.mark.parametrize("mode", ["multiple", "once"])
def test_where_every_call_counts_all_are_answered(mode: str) -> None:
    shown, _ = run(answers(page(mode), "a", "longer text"))
    assert shown == ["a", "longer text"]


def form_with_notice() -> AnsweringBlocks:
    """Return a page with an edit and a press that share a notice, and fail for an empty text."""
    with AnsweringBlocks() as blocks:
        text, shown, button, notice = gr.Textbox(), gr.Textbox(), gr.Button(), html_block()

        def show(text: str) -> Changes:
            if not text:
                raise StudioError("Nothing is written here.")
            return {shown: text}

        connector = Connector()
        for event in (text.change, button.click):
            connector.connect(event, show, inputs={"text": text}, outputs=[shown], notice=notice)
    return blocks


def test_the_card_of_a_press_stays_until_a_press_succeeds() -> None:
    blocks = form_with_notice()
    edit, press = blocks.fns[0], blocks.fns[1]
    visit, other = SessionState(blocks), SessionState(blocks)

    def notice(function: Any, text: str, state: SessionState = visit) -> Any:
        return run(blocks.process_api(function, [text], state))["data"][1]

    assert "Nothing is written" in notice(edit, "")
    assert notice(edit, "a") == ""  # an edit takes away the card of an edit
    assert "Nothing is written" in notice(press, "")
    assert is_skipped(notice(edit, "a")) and is_skipped(notice(edit, "b"))
    assert "Nothing is written" in notice(edit, "", other)
    assert notice(edit, "a", other) == ""  # the card of the press is in another visit
    assert "Nothing is written" in notice(edit, "") and is_skipped(notice(edit, "a"))
    assert notice(press, "a") == "" and is_skipped(notice(edit, "a"))
