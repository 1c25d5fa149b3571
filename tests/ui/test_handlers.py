"""Values reach handlers by name, and come back by component."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import gradio as gr
import pytest

from studio.errors import StudioError
from studio.ui.parts.handlers import Changes, Connector
from studio.ui.parts.html_blocks import html_block


def connected(handler: Callable[..., Changes], inputs: dict[str, Any], outputs: list[Any]) -> SimpleNamespace:
    """Connect a handler, and return what Gradio would get: the function, its inputs and its outputs."""
    caught: dict[str, Any] = {}

    def event(run: Callable[..., list], given: list, changed: list, **options: Any) -> None:
        caught.update(run=run, inputs=given, outputs=changed)

    Connector().connect(event, handler, inputs=inputs, outputs=outputs, notice=html_block())
    return SimpleNamespace(**caught)


def is_skip(value: object) -> bool:
    return value == gr.skip()


def test_values_arrive_by_name_whatever_their_order() -> None:
    with gr.Blocks():
        prompt, steps, first, second = gr.Textbox(), gr.Slider(), gr.Number(), gr.Number()
        seen: dict[str, Any] = {}

        def handler(positions: list[float], recipe: dict[str, Any]) -> Changes:
            seen.update(positions=positions, recipe=recipe)
            return {steps: 7}

        inputs = {"recipe": {"prompt": prompt, "steps": steps}, "positions": [first, second]}
        made = connected(handler, inputs, [prompt, steps])
        assert made.inputs == [prompt, steps, first, second]
        answer = made.run("a cat", 20, 0.1, 0.2)
    assert seen == {"recipe": {"prompt": "a cat", "steps": 20}, "positions": [0.1, 0.2]}
    assert is_skip(answer[0]) and answer[1] == 7 and is_skip(answer[2]) and answer[3] > 0


def test_a_handler_that_asks_for_the_event_gets_it() -> None:
    with gr.Blocks():
        number = gr.Number()

        def handler(value: float, event: gr.EventData) -> Changes:
            return {number: value + event._data["more"]}

        made = connected(handler, {"value": number}, [number])
        assert made.run(gr.EventData(None, {"more": 2}), 3)[0] == 5


def test_an_event_that_does_not_concern_a_handler_changes_nothing() -> None:
    with gr.Blocks():
        number = gr.Number()
        made = connected(lambda: None, {}, [number])
        assert all(map(is_skip, made.run()))


def test_errors_become_cards_in_the_notice() -> None:
    with gr.Blocks():
        number = gr.Number()

        def refuse() -> Changes:
            raise StudioError("It is too dark.", "Open a window.")

        for handler, message in (
            (refuse, "It is too dark."),
            (lambda: {gr.Number(): 1}, "Something went wrong"),
        ):
            answer = connected(handler, {}, [number]).run()
            assert is_skip(answer[0]) and message in answer[1] and is_skip(answer[2])


def test_a_name_that_the_handler_does_not_know_is_refused_when_the_page_is_built() -> None:
    with gr.Blocks():
        number = gr.Number()
        for inputs in ({"other": number}, {}):
            with pytest.raises(TypeError):
                connected(lambda value: {number: value}, inputs, [number])
