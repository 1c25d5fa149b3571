"""Gradio's Blocks, with a sentence in place of status 500 for whatever is sent."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from studio.errors import StudioError
from studio.ui.parts.arguments import RELOAD, checked_argument, is_number
from studio.ui.parts.visits import SESSION

log = logging.getLogger("likeness.page")
FAULT = StudioError(
    "Something went wrong inside the studio.", "The details are in page.log in the workspace folder."
)


CALL: ContextVar[float] = ContextVar("call")  # the number of the call that is being answered


class AnsweringBlocks(gr.Blocks):
    """Blocks that answer a call with wrong arguments as they answer a handler's StudioError.

    The function of each event has an attribute `refuse` that turns a StudioError into the values of its
    outputs; `studio.ui.parts.handlers.by_position` puts it there.

    Where only the last of several calls counts (`always_last`), an answer that was overtaken by another call
    changes nothing: Gradio's page sends two calls at once when two inputs change together, they arrive in any
    order, and it shows the answers as they come. The first input of such a call is its number
    (`studio.ui.parts.handlers.NUMBER_CALL`).
    """

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.news: Callable[[], dict[str, Any]] = dict  # what the page says while nobody looks at it
        self.what_changed: Callable[[str, str], list[str] | None] = lambda *_: []  # `refresh_views` knows
        self._calls: WeakKeyDictionary[Any, Counter[int]] = WeakKeyDictionary()  # by visit, by event

    async def preprocess_data(
        self, block_fn: Any, inputs: Sequence[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Return the arguments of a handler. Raises StudioError when they cannot be what the page sends."""
        if len(inputs) < len(block_fn.inputs):
            raise StudioError("The page sent too little.", RELOAD)
        sent = [checked_argument(part, value) for part, value in zip(block_fn.inputs, inputs, strict=False)]
        try:
            return await super().preprocess_data(block_fn, sent, state, explicit_call)
        except Exception as error:
            log.info("%s: wrong arguments: %s", block_fn.name, type(error).__name__)
            raise StudioError("The page sent a value that cannot be.", RELOAD) from None

    async def process_api(
        self, block_fn: Any, inputs: list[Any], state: Any = None, **more: Any
    ) -> dict[str, Any]:
        """Call the handler of an event. Whatever is raised on the way becomes its answer."""
        SESSION.set(state)
        if state is not None and block_fn.trigger_mode == "always_last":
            calls = self._calls.setdefault(state, Counter())
            number = calls[block_fn._id] + 1
            if getattr(block_fn.fn, "is_numbered", False) and inputs and is_number(inputs[0]):
                number = inputs[0]
            calls[block_fn._id] = max(calls[block_fn._id], number)
            CALL.set(number)
        try:
            return await super().process_api(block_fn, inputs, state, **more)
        except StudioError as error:
            refused = error
        except gr.Error:  # what Gradio raises about files in an event that are not its own
            refused = StudioError("These files were not uploaded here.", "Drop them in again.")
        except Exception:
            log.exception("%s failed", block_fn.name)
            refused = FAULT
        refuse = getattr(block_fn.fn, "refuse", None)  # None: a script alone, which nobody has to call
        values = refuse(refused) if refuse else [gr.skip() for _ in block_fn.outputs]
        data = await self.postprocess_data(block_fn, values, state)
        return {
            "data": data,
            "is_generating": False,
            "iterator": None,
            "duration": 0.0,
            "average_duration": 0.0,
            "render_config": None,
            "changed_state_ids": [],
        }

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:
        """Return what an answer changes: nothing when another call was made meanwhile that alone counts."""
        newest = self._calls[state][block_fn._id] if state is not None and state in self._calls else 0
        if block_fn.trigger_mode == "always_last" and CALL.get(0) < newest:
            skips = [gr.skip() for _ in block_fn.outputs]
            predictions = skips[0] if len(skips) == 1 else skips
        return await super().postprocess_data(block_fn, predictions, state)
