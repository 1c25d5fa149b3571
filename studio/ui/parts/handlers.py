"""Event handlers: values reach them by name, and come back by component.

    connector.connect(
        button.click,
        paint,
        inputs={"recipe": {"prompt": prompt, "steps": steps}, "strengths": sliders},
        outputs=[seed, gallery],
        notice=notice,
    )

calls `paint(recipe={"prompt": "...", "steps": 20}, strengths=[1.0, 0.5])`. A handler with a parameter `event`
also gets the event's data. It returns `{component: value}` with what changes, or None when the event does not
concern it.
"""

from __future__ import annotations

import inspect
import logging
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import gradio as gr

from studio.errors import StudioError, disk_trouble
from studio.ui.parts.answering_blocks import FAULT
from studio.ui.parts.html_blocks import hidden_number
from studio.ui.parts.markup import error_card
from studio.ui.parts.notice_cards import NoticeCards, is_press

log = logging.getLogger("likeness.page")
NUMBER = "number of the call"  # an input of ours besides those of a handler

Inputs = Mapping[str, Any]  # name -> component, or -> a mapping or list of such
# numbers the calls in the order in which the page makes them: they may arrive in another
NUMBER_CALL = """(...values) => {
  window.likeness.calls = (window.likeness.calls || 0) + 1;
  return [window.likeness.calls, ...values.slice(1)];
}"""

Changes = Mapping[Any, Any] | None  # component -> its new value or gr.update(...)
Handler = Callable[..., Changes]


def components_in(inputs: Any) -> list[Any]:
    """Return the components of nested mappings and lists, in order."""
    if isinstance(inputs, Mapping):
        inputs = list(inputs.values())
    if not isinstance(inputs, list | tuple):
        return [inputs]
    return [component for part in inputs for component in components_in(part)]


def with_values(inputs: Any, values: Iterator[Any]) -> Any:
    """Return nested mappings and lists with each component replaced by the next of `values`."""
    if isinstance(inputs, Mapping):
        return {name: with_values(part, values) for name, part in inputs.items()}
    if isinstance(inputs, list | tuple):
        return [with_values(part, values) for part in inputs]
    return next(values)


def check_names(handler: Handler, inputs: Inputs) -> None:
    """Raise TypeError when a handler has no parameter for an input, or no input for a parameter."""
    names = dict.fromkeys(inputs)
    if wants_event(handler):
        names["event"] = None
    inspect.signature(handler).bind(**names)


def wants_event(handler: Handler) -> bool:
    """Return whether a handler has a parameter `event`."""
    return "event" in inspect.signature(handler).parameters


def by_position(
    handler: Handler,
    inputs: Inputs,
    answer: Callable[[Callable[[], Changes]], list],
    refuse: Callable[[StudioError], list],
) -> Any:
    """Return a function that Gradio can call with the values of `components_in(inputs)`.

    Args:
        answer: receives the call of the handler, and returns the values of the outputs.
        refuse: returns those values when the handler could not be called; `AnsweringBlocks` does.
    """

    def call(values: Sequence[Any], **more: Any) -> list[Any]:
        named = with_values(inputs, iter(values))
        named.pop(NUMBER, None)
        return answer(lambda: handler(**named, **more))

    def without_event(*values: Any) -> list[Any]:
        return call(values)

    def with_event(event: gr.EventData, *values: Any) -> list[Any]:
        return call(values, event=event)

    run: Any = with_event if wants_event(handler) else without_event
    run.refuse = refuse
    run.is_numbered = NUMBER in inputs
    return run


def heard_alone(event: Callable[..., Any]) -> Callable[..., Any]:
    """Return an event that comes right after `event`, for one listener alone; it has no EventData.

    If an event came while a call for which the last counts was under way, Gradio's page sends it again at its
    end, to all who listen to it. Two such calls of one event would send it to each other for ever.
    """
    passed_on = event(
        None,
        js="() => []",
        queue=False,
        show_progress="hidden",
        api_visibility="private",
        trigger_mode="multiple",
    )
    return passed_on.then


def in_order(changes: Mapping[Any, Any], outputs: Sequence[Any]) -> list[Any]:
    """Return a value for each output, a skip where nothing changes. Raises KeyError for other components."""
    others = [component for component in changes if component not in outputs]
    if others:
        raise KeyError(f"not among the outputs: {others}")
    return [changes.get(component, gr.skip()) for component in outputs]


class Connector:
    """Connects events to handlers. A change of `refresh_signal` makes the page draw again what has changed.

    At the start and end of every call Gradio's page tells every component on which any call has ever shown
    progress, even hidden, and looks for each in the whole page. So progress is on one hidden number alone.

    Gradio's queue is not used: it can lose the answer to a request that is made while it closes the
    connection of the previous one. Without the queue a State has no `change` event, so what others listen to
    is a hidden number or text.
    """

    def __init__(self) -> None:
        self.refresh_signal = hidden_number(0)
        self.call_number = hidden_number(0)
        self._cards = NoticeCards()

    def connect(
        self,
        event: Callable[..., Any],
        handler: Handler,
        *,
        inputs: Inputs | None = None,
        outputs: Sequence[Any] = (),
        notice: gr.HTML,
        refresh: bool = True,
        **options: Any,
    ) -> Any:
        """Run `handler` on `event`.

        Args:
            inputs: by parameter name, the components whose values the handler gets.
            outputs: the components that it may change.
            notice: shows what the handler raises as a card, and is emptied when it succeeds (`NoticeCards`).
            refresh: whether the page draws again what has changed.
            options: more options of the event.
        """
        inputs, outputs = inputs or {}, list(outputs)
        check_names(handler, inputs)
        options.setdefault("trigger_mode", "multiple")  # else Gradio drops clicks while one is answered
        by_press = is_press(event)

        def refuse(error: StudioError) -> list[Any]:
            self._cards.show(notice, by_press)
            return in_order({notice: error_card(error)}, [*outputs, notice, self.refresh_signal])

        def answer(call: Callable[[], Changes]) -> list[Any]:
            try:
                changes = call()
                if changes is None:
                    return in_order({}, [*outputs, notice, self.refresh_signal])
                emptied = "" if self._cards.empty(notice, by_press) else gr.skip()
                return [*in_order(changes, outputs), emptied, time.time() if refresh else gr.skip()]
            except StudioError as error:
                return refuse(error)
            except Exception as error:
                log.exception("%s failed", handler)
                trouble = disk_trouble(error) if isinstance(error, OSError) else None
                return refuse(trouble or FAULT)

        if options["trigger_mode"] == "always_last" and "js" not in options:
            inputs = {NUMBER: self.call_number, **inputs}
            options["js"] = NUMBER_CALL
        if options["trigger_mode"] == "always_last" and not wants_event(handler):
            event = heard_alone(event)
        return event(
            by_position(handler, inputs, answer, refuse),
            components_in(inputs),
            [*outputs, notice, self.refresh_signal],
            queue=False,
            show_progress="hidden",
            show_progress_on=self.refresh_signal,
            api_visibility="private",
            **options,
        )
